package page

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/runs"
)

func TestARatioInWords(t *testing.T) {
	high := func(x float64) *float64 { return &x }
	for _, c := range []struct {
		ratio        runs.Ratio
		text, bounds string
	}{
		{runs.Ratio{Value: 0.88, Low: 0.8, High: high(0.9)}, "12 % less", "10 to 20 % less"},
		{runs.Ratio{Value: 0.002, Low: 0.001, High: high(0.004)}, "1/500 as much", "1/1000 to 1/250 as much"},
		{runs.Ratio{Value: 0.004, Low: 0.001, High: high(0.5)}, "1/250 as much", "1/1000 as much to 50 % less"},
		{runs.Ratio{Value: 3.1, Low: 2.5, High: high(4)}, "3.1 times as much", "2.5 to 4.0 times as much"},
		{runs.Ratio{Value: 1.0001, Low: 0.9, High: high(1.1)}, "the same", "10 % less to 10 % more"},
		{runs.Ratio{Value: 3}, "3.0 times as much", "no bound is known"},
		{runs.Ratio{Low: 0, High: high(0.001)}, "nothing", "nothing to 1/1000 as much"},
	} {
		assert.Equal(t, c.text, ratioText(c.ratio.Value))
		assert.Equal(t, c.bounds, rangeOfRatio(c.ratio))
	}
}
