package regions

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTrend(t *testing.T) {
	table, err := parse(strings.Replace(small, "500 - 480.5", "500 490 - 470 0", 1))
	require.NoError(t, err)
	trend, ok, err := table.Trend(Query{Year: 2023})
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, 2020, trend.First)
	assert.Equal(t, 2023, trend.Last)
	assert.InDelta(t, -10, float64(trend.PerYear), 1e-9)
	assert.InDelta(t, -0.06, *trend.Change, 1e-9)
	_, ok, err = table.Trend(Query{Zone: "FR"})
	require.NoError(t, err)
	assert.False(t, ok, "one year is no trend")
	_, _, err = table.Trend(Query{Zone: "FR", Scope: Direct})
	assert.ErrorContains(t, err, "has no direct figure")
	_, _, err = table.Trend(Query{Zone: "nowhere"})
	assert.Error(t, err)

	trend, ok, err = Builtin().Trend(Query{Zone: "GB"})
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, []int{2015, 2025}, []int{trend.First, trend.Last})
	assert.Negative(t, trend.PerYear)
	assert.InDelta(t, float64(lookup(t, Query{Zone: "GB"}).PerKWh/lookup(t, Query{Zone: "GB", Year: 2015}).PerKWh)-1, *trend.Change, 1e-12)
	zero, err := parse(strings.Replace(small, "500 - 480.5", "0 10", 1))
	require.NoError(t, err)
	trend, ok, err = zero.Trend(Query{})
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Nil(t, trend.Change)
}
