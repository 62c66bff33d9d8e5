package report

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

func TestDigitsByTheBound(t *testing.T) {
	for _, c := range []struct {
		g, low, high regions.Grams
		want         string
	}{
		{7.05, 7.036, 7.064, "7.05 g"},
		{7.05, 7.05, 7.05, "7.05 g"},
		{7.06, 6.7, 7.4, "7.1 g"},          // half-width 0.35
		{0.0013, 0.0006, 0.0029, "1.3 mg"}, // half to double: two digits
		{0.00116, 0.00055, 0.0026, "1.2 mg"},
		{0.000550, 0.00027, 0.0011, "550 µg"},
		{0.000998, 0.0005, 0.002, "1.0 mg"}, // what rounds up to the next unit is in it
		{0.0009996, 0.0009996, 0.0009996, "1.00 mg"},
		{9.996, 9.996, 9.996, "10.0 g"},
		{1234567, 1200000, 1300000, "1.23 t"},
		{1e13, 1e13, 1e13, "10,000 kt"},
		{29.3e-9, 0, 3.73e-6, "29 ng"},
		{0, 0, 0, "0 g"},
		{0, 0, 5, "0 g"},
	} {
		assert.Equal(t, c.want, MassWithin(c.g, c.low, &c.high), "%v", c)
	}
	assert.Equal(t, "3.0 kWh", EnergyWithin(3020*energy.WattHour, 3020*energy.WattHour, nil), "no upper bound: two digits")
	assert.Equal(t, "−120 mg", MassWithin(-0.115, -0.2, new(regions.Grams(-0.05))))
}

// Bounds are shown in the headline's unit, to the digits that they warrant themselves.
func TestBoundsInOneUnit(t *testing.T) {
	for _, c := range []struct {
		x, low, high float64
		want         string
	}{
		{115, 55, 260, "55 to 260 J"},
		{72.9, 34.7, 161, "35 to 160 J"},
		{24 * 3600, 23.95 * 3600, 24.05 * 3600, "± 0.2 %"},
		{100, 97, 103, "97 to 103 J"},
		{0.0187, 0, 0.36, "0 to 360 mJ"},
		{0.5, 0.25, 1.1, "250 to 1,100 mJ"},
	} {
		assert.Equal(t, c.want, energyBounds(energy.Joules(c.x), energy.Joules(c.low), new(energy.Joules(c.high))), "%v", c)
	}
	assert.Equal(t, "at least 3.02 kWh", energyBounds(3020*energy.WattHour, 3020*energy.WattHour, nil))
}

// numeral reads what was shown.
func numeral(t *testing.T, shown string) float64 {
	t.Helper()
	number, _, _ := strings.Cut(shown, " ")
	x, err := strconv.ParseFloat(strings.ReplaceAll(strings.ReplaceAll(number, ",", ""), "−", "-"), 64)
	require.NoError(t, err, shown)
	return x
}

// Whatever the amount and its bounds: two or three digits, none below a tenth of the
// half-width where there are three, and never off by more than half of the last digit.
func TestDigitsHoldTheRule(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		x := math.Pow(10, rnd.Float64()*14-6)
		half := x * math.Pow(10, rnd.Float64()*6-5)
		g, high := regions.Grams(x), regions.Grams(x+half)
		s := MassScale(g, regions.Grams(x-half), &high)
		shown := s.Text(x)
		last := math.Pow(10, float64(lastPlace(s.value, s.half))) * s.unit.Size
		assert.LessOrEqual(t, math.Abs(numeral(t, shown)*s.unit.Size-x), last*0.5000001, shown)
		digits := int(math.Round(math.Log10(math.Pow(10, math.Floor(math.Log10(numeral(t, shown)*s.unit.Size/last*(1+1e-9))))))) + 1
		assert.Contains(t, []int{2, 3}, digits, "%s of %g ± %g", shown, x, half)
		if digits == 3 {
			assert.GreaterOrEqual(t, last*1.000001, half/10, "%s of %g ± %g", shown, x, half)
		}
	}
}

// Whatever the parts: what is shown of them adds up to what is shown of the whole, to the
// last digit, and no part is off by a whole one.
func TestPartsAddUp(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		parts := make([]float64, 1+rnd.IntN(6))
		var sum energy.Energy
		for i := range parts {
			e := energy.Joules(math.Pow(10, rnd.Float64()*5))
			parts[i] = e.Joules()
			sum = sum.Plus(e)
		}
		high := sum.Scale(1 + rnd.Float64())
		s := EnergyScale(sum, sum.Scale(0.9), &high)
		last := math.Pow(10, float64(lastPlace(s.value, s.half)))
		shown, total := s.Parts(parts), 0.0
		for i, text := range shown {
			if strings.HasPrefix(text, "< ") {
				assert.Less(t, parts[i], last*s.unit.Size)
				continue
			}
			total += numeral(t, text)
			assert.Less(t, math.Abs(numeral(t, text)*s.unit.Size-parts[i]), last*s.unit.Size*1.000001)
		}
		assert.InDelta(t, numeral(t, s.Text(sum.Joules())), total, last/100, "%v of %v", shown, sum)
		percent := 0.0
		for _, text := range Shares(parts) {
			if !strings.HasPrefix(text, "< ") {
				percent += numeral(t, text)
			}
		}
		assert.InDelta(t, 100, percent, 1e-9)
	}
	assert.Equal(t, []string{"0 %", "0 %"}, Shares([]float64{0, 0}))
	assert.Equal(t, []string{"18.4 Wh", "5.1 Wh", "0.5 Wh"}, EnergyScale(24*energy.WattHour, 24*energy.WattHour, new(24*energy.WattHour)).Parts([]float64{18.39 * 3600, 5.12 * 3600, 0.49 * 3600}))
}
