package runs

import (
	"math"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNumberCell(t *testing.T) {
	for _, c := range []struct {
		number Number
		cell   string
	}{
		{0, "0"}, {1.5, "1.5"}, {0.1, "0.1"}, {1e-7, "0.0000001"}, {-412.25, "-412.25"},
		{1e21, "1000000000000000000000"},
		{1.0 / 3, "0.3333333333333333"},
	} {
		got, err := c.number.MarshalCSV()
		require.NoError(t, err)
		assert.Equal(t, c.cell, got)
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		_, err := Number(f).MarshalCSV()
		assert.ErrorIs(t, err, ErrNotNumber)
	}
}

func TestNumberReadsBack(t *testing.T) {
	same := func(bits uint64) bool {
		f := math.Float64frombits(bits)
		cell, err := Number(f).MarshalCSV()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return err != nil
		}
		var back Number
		return err == nil && !strings.ContainsAny(cell, "eE+") && back.UnmarshalCSV(cell) == nil &&
			math.Float64bits(float64(back)) == bits
	}
	require.NoError(t, quick.Check(same, &quick.Config{MaxCount: 5000}))
	for _, f := range []float64{math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1)} {
		assert.True(t, same(math.Float64bits(f)), f)
	}
}

func TestNumberRefuses(t *testing.T) {
	for _, cell := range []string{"1,5", "NaN", "Inf", "-inf", "infinity", "0x10", "0x1p-2", "1_000",
		"1 000", " 1", "1 ", "1e999", "1.2.3", "--1", ".", "-", "12 g", "1'000", "一"} {
		n := Number(7)
		assert.ErrorIs(t, n.UnmarshalCSV(cell), ErrNotNumber, "%q", cell)
		assert.EqualValues(t, 7, n, "%q", cell)
	}
	var n Number
	require.NoError(t, n.UnmarshalCSV("2.5e-3"))
	assert.EqualValues(t, 0.0025, n)
	require.NoError(t, n.UnmarshalCSV(""))
	assert.Zero(t, n)
}

func TestStampCell(t *testing.T) {
	paris := time.FixedZone("", 3600)
	cell, err := Stamp{time.Date(2026, 11, 22, 14, 0, 0, 5_999_999, paris)}.MarshalCSV()
	require.NoError(t, err)
	assert.Equal(t, "2026-11-22T13:00:00.005Z", cell)

	cell, err = Stamp{}.MarshalCSV()
	require.NoError(t, err)
	assert.Empty(t, cell)

	_, err = Stamp{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}.MarshalCSV()
	assert.Error(t, err)

	var back Stamp
	require.NoError(t, back.UnmarshalCSV("2026-11-22T14:00:00+01:00"))
	assert.Equal(t, Stamp{time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)}, back)
	require.NoError(t, back.UnmarshalCSV(""))
	assert.True(t, back.IsZero())
	for _, bad := range []string{"yesterday", "2026-11-22", "2026-11-22 13:00:00", "2026-11-22T13:00:00,5Z", "2026-13-01T00:00:00Z"} {
		assert.Error(t, back.UnmarshalCSV(bad), bad)
	}
}

func TestLabelCell(t *testing.T) {
	assert.Equal(t, "", LabelCell(nil))
	assert.Equal(t, `{"a":"<1>","team":"vision"}`, LabelCell(map[string]string{"team": "vision", "a": "<1>"}))
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"", "0", "1.5", "1,5", "-0", "1e-300", "NaN", "0x1p4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var n, back Number
		if n.UnmarshalCSV(s) != nil {
			return
		}
		cell, err := n.MarshalCSV()
		require.NoError(t, err)
		require.NoError(t, back.UnmarshalCSV(cell))
		require.Equal(t, math.Float64bits(float64(n)), math.Float64bits(float64(back)))
	})
}

func FuzzStamp(f *testing.F) {
	for _, s := range []string{"", "2026-11-22T13:00:00.000Z", "2026-11-22T14:00:00+01:00", "0000-01-01T00:00:00+23:59", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var at, back Stamp
		if at.UnmarshalCSV(s) != nil {
			return
		}
		cell, err := at.MarshalCSV()
		if err != nil {
			return // a zone that moves the year out of range
		}
		require.NoError(t, back.UnmarshalCSV(cell))
		require.True(t, back.Equal(at.Add(-time.Duration(at.Nanosecond()%1e6))), "%s: %v, %v", cell, at, back)
	})
}
