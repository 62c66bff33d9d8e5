package report_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
)

func car(t *testing.T, name string) report.Car {
	t.Helper()
	c, err := report.ParseCar(name)
	require.NoError(t, err)
	return c
}

// CarbonTracker's own tests and documentation have these.
func TestTheCarOfCarbonTracker(t *testing.T) {
	for g, km := range map[regions.Grams]float64{500: 4.6511627907, 250: 2.3255813954, 0.04347086359: 0.000404380126} {
		assert.InEpsilon(t, km, car(t, "carbontracker").Km(g), 1e-6)
	}
	// Its paper (Anthony et al. 2020, section 3 and appendix D) had another car.
	for g, km := range map[regions.Grams]float64{3166: 26.295681063122924, 84738485.57692309: 703808.0197418861} {
		assert.InEpsilon(t, km, car(t, "120.4").Km(g), 1e-9)
	}
}

func TestCars(t *testing.T) {
	for name, perKm := range map[string]float64{"us": 393 / 1.609344, "eu": 106.8, "uk": 167.25, "carbontracker": 107.5, "150": 150, "99.5g/km": 99.5} {
		assert.InEpsilon(t, 1000/perKm, car(t, name).Km(1000), 1e-9, name)
	}
	assert.Equal(t, car(t, "us").Km(1), report.Car{}.Km(1), "the default")
	for _, name := range []string{"", "US", "tesla", "0", "-1", "nan", "inf", "g/km"} {
		_, err := report.ParseCar(name)
		assert.Error(t, err, name)
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		car  string // "": not chosen
		g    regions.Grams
		want []string
	}{
		{"", -1, nil}, {"", 999.9, nil},
		{"", 1e3, []string{"like 4.1 km in an average US petrol car (244 g/km, US EPA 2026)"}},
		{"", 1e6, []string{"like 4,100 km in", "like 14,000 km in an economy seat of a long flight (69.3 g/km, UK DESNZ 2026)"}},
		{"us", 0.1, nil}, {"us", 0.25, []string{"like 1.0 m in an average US"}},
		{"us", 243, []string{"like 1.0 km"}}, {"us", 240, []string{"like 980 m"}},
		{"eu", 100, []string{"like 940 m in an average new EU car (106.8 g/km from its tailpipe, EEA 2024)"}},
		{"uk", 1672.5, []string{"like 10 km in an average car on UK roads (167 g/km, UK DESNZ 2025)"}},
		{"carbontracker", 500, []string{"like 4.7 km in an average new EU car (107.5 g/km from its tailpipe, EEA 2020, as CarbonTracker to 2.3.2)"}},
		{"150", 1500, []string{"like 10 km in a car of 150 g/km"}},
	} {
		var v report.Car
		if c.car != "" {
			v = car(t, c.car)
		}
		got := v.Compare(c.g, c.g/2)
		require.Len(t, got, len(c.want), "%v: %v", c.g, got)
		for i, want := range c.want {
			assert.Contains(t, got[i], want)
		}
		assert.Empty(t, v.Compare(c.g, 0), "what may be nothing is like nothing")
	}
	last := 0
	for g := regions.Grams(1e-3); g < 1e12; g *= 1.1 {
		all := report.Car{}.Compare(g, g)
		assert.GreaterOrEqual(t, len(all), last, "what is larger has no fewer comparisons")
		last = len(all)
		for _, s := range all {
			assert.Regexp(t, `(EPA|DESNZ) \d{4}\)$`, s, "source and year")
		}
	}
	assert.Equal(t, 2, last)
	assert.Empty(t, report.Car{}.Compare(regions.Grams(math.NaN()), 1))
}
