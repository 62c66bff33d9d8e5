package page

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
)

// factorBox is one factor of the equation. Op stands before it.
type factorBox struct {
	Op, Value string
	Sign      sign
	Label     string
	Note      string
}

// equation shows energy × PUE × factor = emissions, each with where it comes from.
func equation(r footprint.Report) []factorBox {
	e := factorBox{Value: format.EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh), Sign: signOf(r.MeasuredShare), Label: "energy, " + boundsText(format.EnergyBounds(r.Energy, r.EnergyLow, r.EnergyHigh), r), Note: facts.Measured(format.OrZero(r.MeasuredShare))}
	if r.MeasuredShare == nil {
		e.Note = "measured or modelled: unknown"
	}
	pue := factorBox{Op: "×", Value: fmt.Sprintf("%.4g", r.PUE.Value), Sign: isGiven, Label: "PUE, " + strings.Replace(escape.Plain(r.PUE.Source), "the row", "as recorded", 1)}
	if unknown := r.PUE.Source; unknown == "not given" || unknown == "not recorded" {
		pue.Sign, pue.Label, pue.Note = isUnknown, "PUE "+unknown, "counted as 1"
	}
	in := r.Intensity
	if in.Source == "" && in.PerKWh == 0 {
		return []factorBox{e, pue, {Op: "×", Value: "? g/kWh", Sign: isUnknown, Label: "grid unknown"}, {Op: "=", Value: "unknown", Label: "CO2e"}}
	}
	f := factorBox{Op: "×", Value: format.Digits(float64(in.PerKWh)) + " g/kWh", Sign: isModelled, Label: strings.TrimSuffix("grid, "+intensityWord(in.Kind), ", ")}
	switch in.Kind {
	case regions.Own:
		f.Sign = isGiven
	case "":
		f.Sign = isUnknown
	}
	where := []string{strings.TrimSpace(cmp.Or(r.Region.Name, r.Region.Zone))}
	if in.Year != nil {
		where[0] += fmt.Sprintf(" %d", *in.Year)
	}
	if in.Scope != "" {
		where = append(where, string(in.Scope))
	}
	if who, _, _ := strings.Cut(in.Source, ","); who != "" {
		where = append(where, format.Cut(who, 40))
	}
	f.Note = escape.Plain(strings.Trim(strings.Join(where, ", "), " ,"))
	g := factorBox{Op: "=", Value: format.MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh), Label: "CO2e, location-based", Note: "making the hardware: not counted"}
	if r.Embodied != nil {
		g.Note = "making the hardware: " + format.Mass(*r.Embodied) + ", not in it"
	}
	return []factorBox{e, pue, f, g}
}

// boundsText is a text of bounds, unless there are none.
func boundsText(bounds string, r footprint.Report) string {
	if r.EnergyLow <= 0 && r.EnergyHigh == nil {
		return "no bounds known"
	}
	return bounds
}

// intensityWord says what kind of figure a factor is.
func intensityWord(k regions.Kind) string {
	switch k {
	case regions.AnnualAverage:
		return "yearly mean"
	case regions.WorldDefault:
		return "world mean: no region set"
	case regions.Profile:
		return "typical hours"
	case regions.Own:
		return "given by you"
	}
	return escape.Plain(string(k))
}
