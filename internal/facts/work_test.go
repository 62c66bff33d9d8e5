package facts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// workedRun is the run of the worked case: 8,840 J known to 0.2 %.
func workedRun() footprint.Report {
	e, share := 8840*energy.Joule, 1.0
	return footprint.Report{
		Energy: e, EnergyLow: e.Scale(0.998), EnergyHigh: new(e.Scale(1.002)), MachineEnergy: e, MeasuredShare: &share, DurationS: 120,
		Emissions: 0.1, EmissionsLow: 0.0998, EmissionsHigh: new(regions.Grams(0.1002)),
		Intensity: footprint.Intensity{PerKWh: 40, Source: "x"},
	}
}

func work(unit string, n, of float64) footprint.Work {
	w := footprint.Work{Unit: unit, Count: n, Low: n, High: &n, Bound: footprint.CountExact}
	if n > 0 && unit != footprint.UnitCachedToken {
		w.Energy, w.EnergyLow, w.EnergyHigh = new(of/n), new(0.998*of/n), new(1.002*of/n)
		g := of / n * 40 / 3.6e6
		w.Emissions, w.EmissionsLow, w.EmissionsHigh = new(g), new(0.998*g), new(1.002*g)
	}
	return w
}

func TestWorkText(t *testing.T) {
	lower := work("output_token", 51_200, 8840)
	lower.Bound, lower.High, lower.EnergyLow = footprint.CountLower, nil, nil
	served := work("request", 1550, 8840)
	served.Aborted = 3
	paid := work("output_token", 510_000, 8840)
	paid.Cost = new(8840 / 3.6e6 * 0.3 / 510_000)
	paid.CostLow, paid.CostHigh = paid.Cost, paid.Cost
	for _, tt := range []struct {
		work []footprint.Work
		want string
	}{
		{nil, ""},
		{
			[]footprint.Work{work("output_token", 510_000, 8840), work("input_token", 200_000, 8840), work("cached_token", 50_000, 0), served},
			"510,000 output tokens, 17.3 mJ and 193 ng CO2e each; 200,000 input tokens, 44.2 mJ each, 50,000 of them cached; " +
				"1,550 requests, 5.70 J each (3 more aborted)",
		},
		{[]footprint.Work{work("output_token", 0, 0)}, "0 output tokens: no work in this run"},
		{[]footprint.Work{lower}, "at least 51,200 output tokens, at most 173 mJ and 1.92 µg CO2e each"},
		{[]footprint.Work{paid}, "510,000 output tokens, 17.3 mJ and 193 ng CO2e each, 0.00144 EUR a million"},
		{[]footprint.Work{work("output_token", 2_000_000, 8840)}, "2,000,000 output tokens, 4.42 mJ (814 million per kWh) and 49.1 ng CO2e each"},
		{[]footprint.Work{work("flop", 3e18, 8840)}, "3.00e18 FLOP, 2.95 fJ (1.22e21 per kWh) and 32.7 zg CO2e each"},
		{[]footprint.Work{work("epoch_pass", 1, 8840)}, "1 epoch pass, 2.46 Wh and 98.2 mg CO2e each"},
		{[]footprint.Work{work("sample", 2.5, 8840)}, "2.50 samples, 0.982 Wh and 39.3 mg CO2e each"},
	} {
		r := workedRun()
		r.Work, r.Cost = tt.work, &footprint.Cost{Currency: "EUR"}
		assert.Equal(t, tt.want, WorkText(r))
	}
	r := workedRun() // of a file that has been edited
	r.Work, r.Cost = []footprint.Work{paid}, nil
	assert.Equal(t, "510,000 output tokens, 17.3 mJ and 193 ng CO2e each", WorkText(r))
}

func TestActivityText(t *testing.T) {
	r := workedRun()
	assert.Empty(t, Activity(r))
	r.Activity = &footprint.Activity{
		Busy:   footprint.Spell{DurationS: 60, Energy: 6000 * energy.Joule},
		Idle:   footprint.Spell{DurationS: 50, Energy: 2000 * energy.Joule},
		Unseen: footprint.Between{DurationS: 10, Energy: 840 * energy.Joule},
	}
	assert.Equal(t, "1.67 Wh in 1m 0s; idle 0.556 Wh in 50.0 s; not watched 0.233 Wh in 10.0 s", Activity(r))
}

// None that was seen, where more may have been done, is no "no work".
func TestNoneSeenIsNotNoWork(t *testing.T) {
	w := footprint.Work{Unit: footprint.UnitOutputToken, Bound: footprint.CountLower}
	r := footprint.Report{Work: []footprint.Work{w}}
	assert.Equal(t, "an unknown number of output tokens", WorkText(r))
	assert.Equal(t, "unknown", Work(r).Table.Rows[0][2])
	g := &runs.Group{Work: map[string]*runs.Done{w.Unit: {Unit: w.Unit, Lower: 1, Summary: runs.Summary{Runs: 1}}}}
	assert.Equal(t, "unknown", eachCell(g, w.Unit))
	assert.Equal(t, "an unknown number of output tokens in 1 run", DoneText(g.Work[w.Unit]))
	g.Work[w.Unit].Lower = 0
	assert.Equal(t, "no work", eachCell(g, w.Unit))
}

// A result of many units names some.
func TestManyUnits(t *testing.T) {
	var r footprint.Report
	for i := range 32 {
		r.Work = append(r.Work, footprint.Work{Unit: fmt.Sprintf("u%d", i), Count: 1})
	}
	text := WorkText(r)
	assert.True(t, strings.HasSuffix(text, "; 1 u7; 24 more units"), text)
}
