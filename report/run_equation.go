package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
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
	e := factorBox{Value: EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh), Sign: signOf(r.MeasuredShare), Label: "energy, " + boundsText(energyBounds(r.Energy, r.EnergyLow, r.EnergyHigh), r), Note: measured(deref(r.MeasuredShare))}
	if r.MeasuredShare == nil {
		e.Note = "measured or modelled: unknown"
	}
	pue := factorBox{Op: "×", Value: fmt.Sprintf("%.4g", r.PUE.Value), Sign: isGiven, Label: "PUE, " + strings.Replace(plain(r.PUE.Source), "the row", "as recorded", 1)}
	if unknown := r.PUE.Source; unknown == "not given" || unknown == "not recorded" {
		pue.Sign, pue.Label, pue.Note = isUnknown, "PUE "+unknown, "counted as 1"
	}
	in := r.Intensity
	if in.Source == "" && in.PerKWh == 0 {
		return []factorBox{e, pue, {Op: "×", Value: "? g/kWh", Sign: isUnknown, Label: "grid unknown"}, {Op: "=", Value: "unknown", Label: "CO2e"}}
	}
	f := factorBox{Op: "×", Value: digits(float64(in.PerKWh)) + " g/kWh", Sign: isModelled, Label: strings.TrimSuffix("grid, "+intensityWord(in.Kind), ", ")}
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
		where = append(where, Cut(who, 40))
	}
	f.Note = plain(strings.Trim(strings.Join(where, ", "), " ,"))
	g := factorBox{Op: "=", Value: MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh), Label: "CO2e, location-based", Note: "making the hardware: not counted"}
	if r.Embodied != nil {
		g.Note = "making the hardware: " + Mass(*r.Embodied) + ", not in it"
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
	return plain(string(k))
}
