package format_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
)

func TestEnergy(t *testing.T) {
	for want, j := range map[string]float64{
		"0 J": 0, "1.00 µJ": 1e-6, "12.3 mJ": 0.0123, "1.00 J": 0.9999, "37.2 J": 37.24, "359 J": 359.4,
		"0.100 Wh": 360, "0.397 Wh": 0.397 * 3600, "1.00 Wh": 3599.9, "1.83 kWh": 1.83 * 3.6e6, "1.50 MWh": 5.4e9,
		"1234 GWh": 1234 * 3.6e12 / 1e3 * 1e3,
	} {
		if j > energy.MaxEnergy.Joules() {
			continue
		}
		assert.Equal(t, want, format.Energy(energy.Joules(j)))
	}
}

func TestMass(t *testing.T) {
	for want, g := range map[string]regions.Grams{
		"0 g": 0, "412 mg": 0.412, "1.83 kg": 1830, "1.00 g": 0.9996, "10.0 g": 9.996, "999 mg": 0.9994,
		"58.6 µg": 58.6e-6, "2.00 t": 2e6, "100 pg": 1e-10,
	} {
		assert.Equal(t, want, format.Mass(g))
	}
}

func TestDigits(t *testing.T) {
	for want, x := range map[string]float64{
		"0": 0, "0.497": 0.4971, "41.4": 41.4, "999": 999.4, "1,000": 999.6, "7,692": 7692.3, "1,234,567": 1234567,
	} {
		assert.Equal(t, want, format.Digits(x))
	}
}

// TestMoney: in no digit below a tenth of the bounds' half-width, and never as 4.97e-7.
func TestMoney(t *testing.T) {
	low, high := 0.3, 0.9
	assert.Equal(t, "0.42 EUR", format.Money(0.4213, &low, &high, "EUR"))
	assert.Equal(t, "0.42 EUR", format.Money(0.4213, &low, nil, "EUR"))
	assert.Equal(t, "0 EUR", format.Money(0, new(0.0), &high, "EUR"))
	exact := func(x float64, currency string) string { return format.Money(x, &x, &x, currency) }
	each := func(x float64) string { return format.MoneyEach(x, &x, &x, "EUR") }
	for want, got := range map[string]string{
		"0.421": exact(0.4213, ""), "1,230,000 EUR": exact(1.23e6, "EUR"), "0.00100 $": exact(0.001, "$"),
		"< 0.001 EUR": exact(4.97e-7, "EUR"), "< 0.001": exact(9.9e-4, ""),
		"0.00522 EUR": each(0.00522), "0.497 EUR a million": each(4.97e-7), "0.132 EUR a billion": each(1.32e-10),
		"< 0.001 EUR a billion": each(1e-13), "0 EUR": each(0),
	} {
		assert.Equal(t, want, got)
	}
}

func TestDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 ms": 0, "83.0 ms": 83 * time.Millisecond, "999 ms": 999 * time.Millisecond, "1.00 s": 999600 * time.Microsecond,
		"12.3 s": 12345 * time.Millisecond, "1m 0s": 59960 * time.Millisecond, "4m 7s": 247 * time.Second,
		"1h 0m": time.Hour - time.Millisecond, "3h 12m": 3*time.Hour + 12*time.Minute, "2d 5h": 53 * time.Hour,
		"−1.00 s": -time.Second, "106751d 23h": math.MaxInt64, "−106751d 23h": math.MinInt64,
	} {
		assert.Equal(t, want, format.Duration(d))
	}
}

func TestPercent(t *testing.T) {
	for want, x := range map[string]float64{"0 %": 0, "< 0.1 %": 0.0001, "0.4 %": 0.004, "37 %": 0.372, "100 %": 1, "9.9 %": 0.0994} {
		assert.Equal(t, want, format.Percent(x))
	}
}
