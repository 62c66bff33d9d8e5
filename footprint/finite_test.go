package footprint_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// A figure that cannot be makes no amount that JSON can't hold: the run would have no
// record at all.
func TestAReportIsFinite(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, g := range []float64{0, 458, 1e6, 1e7, 1e300, math.MaxFloat64, inf, nan, -1} {
		for _, pue := range []float64{0, 1.1, 100, 1e300, math.MaxFloat64, inf, nan, -3} {
			for _, most := range []float64{0, 1, 9e12} {
				a := footprint.Account{PUE: pue, Run: footprint.Run{
					Epochs: math.MaxInt, Budget: &footprint.Budget{Limit: "1kWh", Energy: energy.KilowattHour},
				}}
				for i := range 4 {
					s := at(float64(i), joules(pkg, most*float64(i)/3))
					figure := regions.Grams(g)
					s.Intensity.PerKWh, s.Intensity.Low, s.Intensity.High = figure, 0, regions.Grams(inf)
					s.Forecast = []regions.Intensity{s.Intensity}
					s.Marks = []footprint.Mark{{Edge: footprint.EpochEnd, Whole: true}}
					s.Use = []energy.Use{{Kind: energy.CPU, Mine: math.MaxFloat64 / 4 * float64(i), All: nan, Capacity: inf, Known: true}}
					a.Add(s)
				}
				a.End = footprint.End{Status: footprint.Completed, Overhead: a.Overhead(time.Second)}
				r := a.Report()
				_, err := json.Marshal(r)
				require.NoError(t, err, "%v g/kWh, PUE %v, %v J", g, pue, most)
				assert.False(t, math.IsInf(float64(r.Emissions), 0) || math.IsNaN(float64(r.Emissions)))
				if g > 1e6 {
					assert.Zero(t, r.Emissions)
				}
			}
		}
	}
}
