package energy

import (
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEnergyText(t *testing.T) {
	for _, tt := range []struct {
		e               Energy
		text, json, csv string
	}{
		{0, "0 J", "0", "0.000000"},
		{1, "0.000001 J", "0.000001", "0.000001"},
		{-1, "-0.000001 J", "-0.000001", "-0.000001"},
		{12_500_000, "12.5 J", "12.5", "12.500000"},
		{-12_500_000, "-12.5 J", "-12.5", "-12.500000"},
		{1_000_010, "1.00001 J", "1.00001", "1.000010"},
		{KilowattHour, "3600000 J", "3600000", "3600000.000000"},
		{MaxEnergy, "9223372036854.775807 J", "9223372036854.775807", "9223372036854.775807"},
		{math.MinInt64, "-9223372036854.775808 J", "-9223372036854.775808", "-9223372036854.775808"},
	} {
		assert.Equal(t, tt.text, tt.e.String())
		b, err := json.Marshal(tt.e)
		require.NoError(t, err)
		assert.Equal(t, tt.json, string(b))
		cell, err := tt.e.MarshalCSV()
		require.NoError(t, err)
		assert.Equal(t, tt.csv, cell)

		var fromJSON, fromCSV Energy
		require.NoError(t, json.Unmarshal(b, &fromJSON))
		require.NoError(t, fromCSV.UnmarshalCSV(cell))
		assert.Equal(t, tt.e, fromJSON)
		assert.Equal(t, tt.e, fromCSV)
	}
}

func TestParseJoules(t *testing.T) {
	for s, want := range map[string]Energy{
		"0": 0, "-0": 0, "12.345678": 12_345_678, "+1": Joule, ".5": 500_000, "5.": 5 * Joule,
		"1.5e3": 1500 * Joule, "1.5E+3": 1500 * Joule, "1e-6": 1, "1e-60": 0, "010": 10 * Joule,
		"0.0000005": 1, "0.0000004999": 0, "-0.0000005": -1, "-0.0000004": 0, "1.9999999": 2 * Joule,
		"9223372036854.775807": MaxEnergy, "9223372036854.7758074": MaxEnergy, "9.223372036854775807e12": MaxEnergy,
	} {
		got, err := ParseJoules(s)
		assert.NoError(t, err, s)
		assert.Equal(t, want, got, s)
	}
	for s, want := range map[string]string{
		"": `""`, " 1": `" 1"`, "1 ": `"1 "`, "-": `"-"`, ".": `"."`, "1,5": `"1,5"`, "1/2": `"1/2"`, "1_000": "1_000", "0x10": "0x10",
		"0b11": "0b11", "0B1": "0B1", "0o17": "0o17", "0O7": "0O7", "1p3": "1p3", "NaN": "NaN", "Inf": "Inf", "1e": "1e", "e5": "e5",
		"1e41": "1e41", "1e999999999999": "1e999999999999", "1e-61": "1e-61", "--1": "--1", "1e5e5": "1e5e5",
		"9223372036854.7758075": "more than can be held",
		"1e40":                  "more than can be held",
		"111111111111111111111111111111111111111111111111111111111111111111": "1111…",
	} {
		_, err := ParseJoules(s)
		assert.ErrorContains(t, err, want, s)
	}
}

func TestUnmarshal(t *testing.T) {
	e := Joule
	require.NoError(t, json.Unmarshal([]byte("null"), &e))
	assert.Equal(t, Joule, e, "null leaves it")
	assert.Error(t, json.Unmarshal([]byte(`"5"`), &e))
	assert.Error(t, json.Unmarshal([]byte(`1e300`), &e))
	assert.Equal(t, Joule, e, "an error leaves it")
	assert.Error(t, e.UnmarshalCSV("x"))
	assert.Equal(t, Joule, e)
	require.NoError(t, e.UnmarshalCSV(""))
	assert.Zero(t, e)
}

func FuzzParseJoules(f *testing.F) {
	for _, s := range []string{"0", "-1.5e3", "12.345678", "0b1", "0o7", "0x1p3", "1/3", "1e41", "9223372036854.775807", ".e1", "+.5", "1_0"} {
		f.Add(s)
	}
	decimal := regexp.MustCompile(`\A[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseJoules(s)
		if err != nil {
			assert.Zero(t, got)
			return
		}
		require.Regexp(t, decimal, s)
		r, ok := new(big.Rat).SetString(s)
		require.True(t, ok)
		off := r.Sub(r.Mul(r, big.NewRat(1e6, 1)), new(big.Rat).SetInt64(int64(got)))
		assert.LessOrEqual(t, off.Abs(off).Cmp(big.NewRat(1, 2)), 0, "rounded to the nearest")
		again, err := ParseJoules(got.Fixed())
		require.NoError(t, err)
		assert.Equal(t, got, again)
	})
}

func TestArithmetic(t *testing.T) {
	assert.Equal(t, MaxEnergy, MaxEnergy.Plus(1))
	assert.Equal(t, MaxEnergy, Energy(5).Plus(MaxEnergy-5))
	assert.Equal(t, Energy(3), Energy(1).Plus(2))
	assert.Equal(t, Energy(-3), Energy(-1).Plus(-2))
	assert.Equal(t, Energy(1), Energy(-1).Plus(2))
	assert.Equal(t, Energy(-1), MaxEnergy.Plus(-MaxEnergy-1), "the sum of both ends")
	assert.Equal(t, Energy(0), (-MaxEnergy).Plus(MaxEnergy))
	assert.Equal(t, MaxEnergy-1, MaxEnergy.Plus(-1))
	assert.Equal(t, -MaxEnergy, (-MaxEnergy).Plus(-1))
	assert.Equal(t, -MaxEnergy, Energy(-5).Plus(math.MinInt64))
	assert.Equal(t, -MaxEnergy, Energy(math.MinInt64).Plus(-5))
	assert.Equal(t, MaxEnergy-5, Energy(-5).Plus(MaxEnergy))
	assert.Equal(t, Energy(2), Energy(3).Scale(0.5), "halves go away from 0")
	assert.Equal(t, MaxEnergy, Joule.Scale(math.Inf(1)))
	assert.Equal(t, -MaxEnergy, Joule.Scale(math.Inf(-1)))
	assert.Zero(t, Joule.Scale(math.NaN()))
	assert.Equal(t, MaxEnergy, MaxEnergy.Scale(1.5))
	assert.Equal(t, Energy(1_500_000), Joules(1.5))
	assert.Equal(t, 2.5, Energy(2_500_000).Joules())
	assert.Equal(t, 0.5, (500 * WattHour).KilowattHours())
}

// A sum is right, or the end of the range that it would pass.
func FuzzPlus(f *testing.F) {
	f.Add(int64(1), int64(2))
	f.Add(int64(math.MaxInt64), int64(math.MinInt64))
	f.Add(int64(math.MinInt64), int64(-1))
	f.Fuzz(func(t *testing.T, a, b int64) {
		sum := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		got := Energy(a).Plus(Energy(b))
		switch {
		case sum.Cmp(big.NewInt(math.MaxInt64)) >= 0:
			assert.Equal(t, MaxEnergy, got)
		case sum.Cmp(big.NewInt(-math.MaxInt64)) <= 0 && a < 0:
			assert.Equal(t, -MaxEnergy, got)
		default:
			assert.Equal(t, sum.Int64(), int64(got))
		}
	})
}

func TestPower(t *testing.T) {
	assert.Equal(t, Power(1_500_000), Watts(1.5))
	assert.Equal(t, 1.5, Power(1_500_000).Watts())
	for _, tt := range []struct {
		p    Power
		d    time.Duration
		want Energy
	}{
		{Watt, time.Second, Joule}, {Kilowatt, time.Hour, KilowattHour}, {Watt, time.Nanosecond, 0},
		{Watt, 1999 * time.Nanosecond, 1}, {-Watt, time.Second, 0}, {Watt, -time.Second, 0}, {0, time.Hour, 0},
		{math.MaxInt64, time.Second, MaxEnergy}, {math.MaxInt64, time.Second + 1, MaxEnergy},
		{math.MaxInt64, math.MaxInt64, MaxEnergy}, {1, math.MaxInt64, 9223372036},
	} {
		assert.Equal(t, tt.want, tt.p.Over(tt.d), "%d over %v", tt.p, tt.d)
	}
	assert.Equal(t, 2*Watt, (4 * Joule).Per(2*time.Second))
	assert.Zero(t, Joule.Per(0))
	assert.Zero(t, Joule.Per(-time.Second))
}

func TestState(t *testing.T) {
	for s := OK; s <= Late; s++ {
		b, err := s.MarshalText()
		require.NoError(t, err)
		back := Lost
		require.NoError(t, back.UnmarshalText(b))
		assert.Equal(t, s, back)
	}
	assert.Equal(t, "unknown", State(99).String())
	s := OK
	require.NoError(t, s.UnmarshalText([]byte("asleep")))
	assert.Equal(t, Held, s)
}

func TestCounted(t *testing.T) {
	assert.True(t, Component{Kind: CPU, ID: "package-0"}.Counted())
	assert.False(t, Component{Kind: CPU, ID: "core-0", Within: "package-0"}.Counted())
	assert.False(t, Component{Kind: Platform, ID: "psys"}.Counted())
}
