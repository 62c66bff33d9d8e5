package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// decimal shows six significant digits without an exponent.
func decimal(x float64) string {
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// factorTable lists all factors, with what was charged by each.
func factorTable(t runs.Total) table {
	p := gridsSection(t).table
	p.columns = append(p.columns, column{"CO2e", amount}, column{"source", text})
	for i, g := range grids(t) {
		p.rows[i] = append(p.rows[i], Mass(t.Grids[g].Emissions), g.Source)
	}
	return p.used()
}

// boundary names what the energy covers.
func boundary(t runs.Total) string {
	var all []string
	for _, c := range []struct {
		name string
		e    energy.Energy
	}{{"processors", t.CPU}, {"memory", t.Memory}, {"GPUs", t.GPU}, {"other components", t.Other}} {
		if c.e > 0 {
			all = append(all, c.name+" "+Energy(c.e))
		}
	}
	if len(all) == 0 {
		all = []string{"the parts are not recorded"}
	}
	return strings.Join(all, ", ") + ". Not counted: storage, network and the users' devices."
}

// sci gives the software carbon intensity (O + M) per R of ISO/IEC 21031:2024. The
// standard requires M; without it there is no score, and O per R is called what
// it is.
func sci(t runs.Total, a About) (string, error) {
	var needs []string
	if a.Unit == "" {
		needs = append(needs, "unit")
	}
	if !(a.Units > 0) {
		needs = append(needs, "units")
	}
	if len(needs) > 0 {
		return "", &NeedError{SCI, needs}
	}
	per := func(g regions.Grams) string { return Mass(g/regions.Grams(a.Units)) + " CO2e per " + plain(a.Unit) }
	complete := t.EmbodiedRuns == t.Runs
	score, m := "not known: M is missing", fmt.Sprintf("known for %d of %d runs", t.EmbodiedRuns, t.Runs)
	if complete {
		score, m = per(t.Emissions+t.Embodied), Mass(t.Embodied)+" CO2e, the runs' part of making the machines"
	}
	var intensity []string
	list, more := factors(t)
	for _, g := range list {
		intensity = append(intensity, factor(t, g))
	}
	if more > 0 {
		intensity = append(intensity, fmt.Sprintf("%d more, below", more))
	}
	how := fmt.Sprintf("%s, by %s. %s", basis(t), tool(t), charged(t))
	high := t.GramsHigh / regions.Grams(a.Units)
	s := sheet{
		title:    "Software carbon intensity (ISO/IEC 21031:2024)",
		subtitle: runsOf(t, a) + " " + span(t),
		figures: []figure{
			{"SCI = (O + M) / R", score, nil},
			{"O / R", per(t.Emissions), []string{"(" + massBounds(t.Emissions/regions.Grams(a.Units), t.GramsLow/regions.Grams(a.Units), upper(t.Summary, &high)) + ")"}},
		},
		sections: []section{
			{title: "What it is made of", table: facts(
				"R, functional unit", decimal(a.Units)+" x "+plain(a.Unit),
				"E, energy", decimal(t.Energy.KilowattHours())+" kWh ("+energyRange(t.Summary)+")",
				"I, intensity", strings.Join(intensity, "; ")+". Location-based; contracts and offsets change nothing here.",
				"O, operational", decimal(float64(t.Emissions))+" g CO2e = E x PUE x I. "+pue(t),
				"M, embodied", m,
				"boundary", boundary(t),
				"method", strings.ToUpper(how[:1])+how[1:])},
			{title: "Factors", table: factorTable(t)},
		},
	}
	if ownFactor(t) {
		s.sections[0].notes = []string{"A factor of the user's own is among them: the standard allows it only if it is the grid's, not a contract's."}
	}
	if !complete {
		s.sections[0].notes = append(s.sections[0].notes, "The standard requires M. O / R alone is a lower bound of the score, and must not be called SCI.")
	}
	var b strings.Builder
	err := s.markdown(&b)
	return b.String(), err
}

func ownFactor(t runs.Total) bool {
	for g := range t.Grids {
		if regions.Kind(g.Kind) == regions.Own {
			return true
		}
	}
	return false
}

// ghg is a note for an inventory by the GHG Protocol: its Scope 2 Guidance (2015)
// wants the location-based figure, and the market-based one where contracts
// exist; what comes before the power plant is scope 3, category 3.
func ghg(t runs.Total, a About) string {
	var direct, lifecycle, other regions.Grams
	for g, c := range t.Grids {
		switch regions.Scope(g.Scope) {
		case regions.Direct:
			direct += c.Emissions
		case regions.Lifecycle:
			lifecycle += c.Emissions
		default:
			other += c.Emissions
		}
	}
	location := figure{"Location-based", Mass(t.Emissions) + " CO2e", []string{"(" + emissionsRange(t.Summary) + ")"}}
	market := figure{"Market-based", "not known", []string{"no contract was given"}}
	switch {
	case t.MarketRuns == t.Runs:
		market = figure{"Market-based", Mass(t.Market) + " CO2e", nil}
	case t.MarketRuns > 0:
		market.details = []string{fmt.Sprintf("given for %d of %d runs: %s CO2e", t.MarketRuns, t.Runs, Mass(t.Market))}
	}
	s := sheet{
		title:    "Purchased electricity of computing (GHG Protocol, scope 2)",
		subtitle: runsOf(t, a) + " " + span(t),
		figures:  []figure{location, market, {"Activity data", decimal(t.Energy.KilowattHours()) + " kWh", []string{"(" + energyRange(t.Summary) + ")", basis(t)}}},
	}
	notes := []string{charged(t) + " " + pue(t) + " " + ofEnergy}
	if lifecycle > 0 {
		notes = append(notes, fmt.Sprintf("%s of the location-based figure come from life-cycle factors. They include what happens before the power plant, "+
			"which the protocol counts in scope 3, category 3: for scope 2 alone, compute these runs again with direct factors.", Mass(lifecycle)))
	}
	if direct > 0 && lifecycle > 0 {
		notes = append(notes, fmt.Sprintf("%s come from direct factors. The two kinds are not comparable: report them apart.", Mass(direct)))
	}
	if other > 0 {
		notes = append(notes, fmt.Sprintf("For %s the factor does not say what it counts.", Mass(other)))
	}
	notes = append(notes,
		"It is scope 2 where the machines are run by the reporting company. In a cloud they are the provider's, and the customer reports them in scope 3, category 1.",
		"Not included: losses in the grid (scope 3, category 3). "+embodied(t)+" Those are scope 3, categories 1 and 2.",
		"Gases and their warming potentials are those of each factor's source.")
	s.sections = []section{{title: "Boundaries", notes: notes}, {title: "Factors", table: factorTable(t)}}
	s.foot = versions(strings.TrimPrefix(tool(t), "carbonctl "), "")
	var b strings.Builder
	if err := s.markdown(&b); err != nil {
		return "" // a strings.Builder takes everything
	}
	return b.String()
}
