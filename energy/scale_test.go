package energy

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func gram(g float64) Unit {
	return Fitting(g, []Unit{{"µg", 1e-6}, {"mg", 1e-3}, {"g", 1}, {"kg", 1e3}, {"t", 1e6}})
}

func joule(j float64) Unit { return Joules(j).Unit() }

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
		s := ScaleOf(x, half, gram)
		shown := s.Text(x)
		last := math.Pow(10, float64(lastPlace(s.value, s.half))) * s.Unit.Size
		assert.LessOrEqual(t, math.Abs(numeral(t, shown)*s.Unit.Size-x), last*0.5000001, shown)
		digits := int(math.Round(math.Log10(math.Pow(10, math.Floor(math.Log10(numeral(t, shown)*s.Unit.Size/last*(1+1e-9))))))) + 1
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
		var sum Energy
		for i := range parts {
			e := Joules(math.Pow(10, rnd.Float64()*5))
			parts[i] = e.Joules()
			sum = sum.Plus(e)
		}
		s := ScaleOf(sum.Joules(), sum.Joules()*rnd.Float64(), joule)
		last := math.Pow(10, float64(lastPlace(s.value, s.half)))
		shown, total := s.Parts(parts), 0.0
		for i, text := range shown {
			if strings.HasPrefix(text, "< ") {
				assert.Less(t, parts[i], last*s.Unit.Size)
				continue
			}
			total += numeral(t, text)
			assert.Less(t, math.Abs(numeral(t, text)*s.Unit.Size-parts[i]), last*s.Unit.Size*1.000001)
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
	assert.Equal(t, []string{"18.4 Wh", "5.1 Wh", "0.5 Wh"}, ScaleOf(24*3600, 0, joule).Parts([]float64{18.39 * 3600, 5.12 * 3600, 0.49 * 3600}))
}
