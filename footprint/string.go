package footprint

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Headline is a report in one line, by its parts.
type Headline struct {
	State     string // "failed (exit 3)", "killed by SIGKILL" …; "" if it completed
	Emissions string // "7.05 g CO2e"; "" if unknown
	Energy    string // "24.0 Wh"; "" if unknown
	Time      string // "1m 22s"
	How       string // "measured (energy ± 0.2 %)"
}

// String puts the parts together: "failed (exit 3): 7.05 g CO2e from 24.0 Wh in 1m 22s,
// measured (energy ± 0.2 %)".
func (h Headline) String() string {
	var text string
	switch {
	case h.Energy == "":
		text = "energy unknown, " + h.Time
	case h.Emissions == "":
		text = "emissions unknown, " + h.Energy + " in " + h.Time
	default:
		text = h.Emissions + " from " + h.Energy + " in " + h.Time
	}
	if h.State != "" {
		text = h.State + ": " + text
	}
	if h.How != "" {
		text += ", " + h.How
	}
	return text
}

// String returns the report in one line: "7.05 g CO2e from 24.0 Wh in 1m 22s, measured
// (energy ± 0.2 %)". What is not known is said so.
func (r Report) String() string { return r.Headline().String() }

// Headline returns what matters most of the report, in the digits that the bounds of the
// energy warrant. The bounds are the energy's: those of the factor are not in them.
func (r Report) Headline() Headline {
	h := Headline{State: r.state(), Time: Duration(lasting(r.DurationS))}
	if !r.Known() {
		if r.EnergyHigh != nil && *r.EnergyHigh > 0 {
			h.How = "at most " + r.EnergyHigh.Short()
		}
		return h
	}
	h.Energy = r.EnergyScale().Text(r.Energy.Joules())
	if r.Intensity.Source != "" || r.Intensity.PerKWh != 0 || r.Emissions != 0 {
		h.Emissions = r.MassScale().Text(float64(r.Emissions)) + " CO2e"
	}
	h.How = r.how()
	return h
}

// Known reports whether anything is known of the energy. Where nothing is, Energy and Emissions
// are 0 and unknown.
func (r Report) Known() bool {
	return r.MeasuredShare != nil || r.Energy != 0 || r.MachineEnergy != 0
}

// EnergyScale is how the energies of the report are shown; amounts are in joules.
func (r Report) EnergyScale() energy.Scale {
	var high *float64
	if r.EnergyHigh != nil {
		high = new(r.EnergyHigh.Joules())
	}
	return energyScale(r.Energy, energy.HalfWidth(r.EnergyLow.Joules(), high))
}

func energyScale(e energy.Energy, half float64) energy.Scale {
	return energy.ScaleOf(e.Joules(), half, func(j float64) energy.Unit { return energy.Joules(j).Unit() })
}

// MassScale is how the emissions of the report are shown; amounts are in grams.
func (r Report) MassScale() energy.Scale {
	half := energy.HalfWidth(float64(r.EmissionsLow), (*float64)(r.EmissionsHigh))
	return energy.ScaleOf(float64(r.Emissions), half, func(g float64) energy.Unit { return regions.Grams(g).Unit() })
}

// how says whether the energy was measured, and between which bounds it lies.
func (r Report) how() string {
	bounds, likely := "at least "+r.EnergyLow.Short(), ""
	if r.EnergyHigh != nil && r.EnergyLow <= 0 {
		bounds = "at most " + energyScale(*r.EnergyHigh, math.Inf(1)).Text(r.EnergyHigh.Joules())
	} else if r.EnergyHigh != nil {
		bounds, likely = r.EnergyScale().Bounds(r.Energy.Joules(), r.EnergyLow.Joules(), r.EnergyHigh.Joules()), "likely "
	}
	switch share := r.MeasuredShare; {
	case share == nil || *share <= 0:
		return "modelled, energy " + likely + bounds
	case *share < 1:
		return energy.Percent(*share) + " measured (energy " + bounds + ")"
	}
	return "measured (energy " + bounds + ")"
}

// state says how a run ended that has not just completed, "" for one that has.
func (r Report) state() string {
	stopped := r.Budget != nil && r.Budget.TrippedAt != nil && r.Budget.Action == "stop"
	switch {
	case stopped && (r.Signal != nil || r.ExitCode != nil && *r.ExitCode != 0 || r.ExitCode == nil && r.Status == Interrupted):
		text := "stopped at the budget of " + amountText(r.Budget.Limit)
		var done []string
		if part, ok := r.BudgetUsed(); ok && part < 10 {
			done = append(done, energy.Percent(part))
		} else if ok {
			done = append(done, fmt.Sprintf("%.0f ×", part))
		}
		if q := r.Prediction; q != nil && q.OfEpochs > 0 {
			done = append(done, fmt.Sprintf("%d of %d epochs", q.AfterEpochs, q.OfEpochs))
		}
		if len(done) > 0 {
			text += " (" + strings.Join(done, ", ") + ")"
		}
		return text
	case r.Signal != nil:
		return "killed by SIG" + *r.Signal
	case r.Status == Failed && r.ExitCode != nil:
		return fmt.Sprintf("failed (exit %d)", *r.ExitCode)
	case r.Status == Completed, r.Status == "":
		return ""
	case r.Status == Running:
		return "so far"
	}
	return string(r.Status)
}

// amountText shows an amount in the way of this package: "0.3 Wh" for "0.3Wh".
func amountText(s string) string {
	if a, err := ParseAmount(s); err == nil {
		return a.String()
	}
	return s
}

// Duration shows a time: "83 ms", "12.3 s", "4m 7s", "3h 12m", "2d 5h".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "−" + Duration(max(-d, -(d+1))) // the least has no opposite
	case d < 999500*time.Microsecond:
		return energy.Digits(d.Seconds()*1e3) + " ms"
	case d < 59950*time.Millisecond:
		return energy.Digits(d.Seconds()) + " s"
	case d < time.Hour-500*time.Millisecond:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm %ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour-30*time.Second:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		d = d.Round(time.Hour)
		return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}
