package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKilometres(t *testing.T) {
	for s, want := range map[string]float64{"1500km": 1500, " 1500 km ": 1500, "1500": 1500, "100mi": 160.9344, "10ms": 1021.09} {
		got, err := kilometres(s)
		require.NoError(t, err, s)
		assert.InDelta(t, want, got, 0.01, s)
	}
	for _, s := range []string{"", "km", "-5km", "0km", "NaN", "Infkm", "1e9km", "5 parsecs"} {
		_, err := kilometres(s)
		assert.ErrorContains(t, err, "invalid distance", s)
	}
}
