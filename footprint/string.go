package footprint

import (
	"fmt"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// String returns the report in one line: "7.05 g CO2e from 24.0 Wh in 1m22s,
// measured (energy ± 0.2 %)". What is not known is said so.
func (r Report) String() string {
	took := time.Duration(r.DurationS * float64(time.Second))
	switch {
	case took >= time.Minute:
		took = took.Round(time.Second)
	case took >= time.Second:
		took = took.Round(10 * time.Millisecond)
	default:
		took = took.Round(10 * time.Microsecond)
	}
	if r.MeasuredShare == nil && r.Energy == 0 && (r.EnergyHigh == nil || *r.EnergyHigh == 0) {
		return fmt.Sprintf("energy unknown, %v", took)
	}
	how := "measured"
	switch share := r.MeasuredShare; {
	case share == nil || *share == 0:
		how = "modelled"
	case *share < 1:
		how = energy.Digits(100**share) + " % measured"
	}
	return fmt.Sprintf("%v CO2e from %s in %v, %s (energy %s)", r.Emissions, r.Energy.Short(), took, how, r.spread())
}

// spread shows the bounds of the energy.
func (r Report) spread() string {
	if r.EnergyHigh == nil {
		return "at least " + r.EnergyLow.Short()
	}
	if off := max(r.Energy-r.EnergyLow, *r.EnergyHigh-r.Energy); r.Energy > 0 && off < r.Energy/10 {
		return "± " + energy.Digits(100*float64(off)/float64(r.Energy)) + " %"
	}
	return r.EnergyLow.Short() + " to " + r.EnergyHigh.Short()
}
