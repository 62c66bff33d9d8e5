package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// decimal shows six significant digits without an exponent.
func decimal(x float64) string {
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// factorTable lists all factors, with what was charged by each.
func factorTable(t runs.Total) layout.Table {
	p := facts.Grids(t).Table
	p.Columns = append(p.Columns, layout.Amount("CO2e"), layout.Text("source"))
	for i, g := range facts.ByEnergy(t) {
		p.Rows[i] = append(p.Rows[i], format.Mass(t.Grids[g].Emissions), g.Source)
	}
	return p.Used()
}

// boundary names what the energy covers.
func boundary(t runs.Total) string {
	var all []string
	for _, c := range []struct {
		name string
		e    energy.Energy
	}{{"processors", t.CPU}, {"memory", t.Memory}, {"GPUs", t.GPU}, {"other components", t.Other}} {
		if c.e > 0 {
			all = append(all, c.name+" "+format.Energy(c.e))
		}
	}
	if len(all) == 0 {
		all = []string{"components not recorded"}
	}
	return strings.Join(all, ", ") + ". Not included: storage, network and user devices."
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
	per := func(g regions.Grams) string {
		return format.Mass(g/regions.Grams(a.Units)) + " CO2e per " + escape.Plain(a.Unit)
	}
	complete := t.EmbodiedRuns == t.Runs && len(t.Scopes) == 1
	o := t.Headline()
	score, m := "unknown: M is missing", fmt.Sprintf("known for %d of %d runs", t.EmbodiedRuns, t.Runs)
	if t.EmbodiedRuns == t.Runs {
		m = format.Mass(t.Embodied) + " CO2e, the runs' share of the machines' embodied emissions"
	}
	if len(t.Scopes) > 1 {
		score = "unknown: factors of more than one scope do not add up"
	}
	if complete {
		score, m = per(o.Grams+t.Embodied), format.Mass(t.Embodied)+" CO2e, the runs' share of the machines' embodied emissions"
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
	var high *regions.Grams
	if o.Open == 0 {
		high = new(o.High / regions.Grams(a.Units))
	}
	operational := layout.Figure{Label: "O / R", Value: per(o.Grams), Details: []string{"(" + format.MassBounds(o.Grams/regions.Grams(a.Units), o.Low/regions.Grams(a.Units), high) + ")"}}
	if len(t.Scopes) > 1 {
		operational.Details = append(operational.Details, fmt.Sprintf("for %d of %d runs: %s", o.Runs, t.Runs, counts(string(o.Scope))))
	}
	s := layout.Sheet{
		Title:    "Software carbon intensity (ISO/IEC 21031:2024)",
		Subtitle: runsOf(t, a) + " " + span(t),
		Figures: []layout.Figure{
			{Label: "SCI = (O + M) / R", Value: score, Details: nil},
			operational,
		},
		Sections: []layout.Section{
			{Title: "Inputs", Table: layout.Pairs(
				"R, functional unit", decimal(a.Units)+" x "+escape.Plain(a.Unit),
				"E, energy", decimal(t.Energy.KilowattHours())+" kWh ("+facts.EnergyRange(t.Summary)+")",
				"I, intensity", strings.Join(intensity, "; ")+". Location-based; contracts and offsets are not included.",
				"O, operational", operationalWords(t)+" = E x PUE x I. "+pue(t),
				"M, embodied", m,
				"boundary", boundary(t),
				"method", strings.ToUpper(how[:1])+how[1:])},
			{Title: "Factors", Table: factorTable(t)},
		},
	}
	if ownFactor(t) {
		s.Sections[0].Notes = []string{"A factor of the user's own is among them: the standard allows it only if it is the grid's, not a contract's."}
	}
	if t.EmbodiedRuns != t.Runs {
		s.Sections[0].Notes = append(s.Sections[0].Notes, "The standard requires M. O / R alone is a lower bound of the score, and must not be called SCI.")
	}
	var b strings.Builder
	err := s.Markdown(&b)
	return b.String(), err
}

// operationalWords is O of each scope.
func operationalWords(t runs.Total) string {
	var all []string
	for _, e := range t.Scopes {
		s := decimal(float64(e.Grams)) + " g CO2e"
		if len(t.Scopes) > 1 {
			s += " (" + counts(string(e.Scope)) + ")"
		}
		all = append(all, s)
	}
	return strings.Join(all, "; ")
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
	var location []layout.Figure
	for _, e := range t.Scopes {
		f := layout.Figure{Label: "Location-based", Value: format.Mass(e.Grams) + " CO2e", Details: []string{"(" + facts.EmittedRange(t.Summary, e) + ")"}}
		if len(t.Scopes) > 1 {
			f.Label, f.Details = "Location-based, "+counts(string(e.Scope)), append(f.Details, fmt.Sprintf("%d of %d runs", e.Runs, t.Runs))
		}
		location = append(location, f)
	}
	market := layout.Figure{Label: "Market-based", Value: "unknown", Details: []string{"no contract was given"}}
	switch {
	case t.MarketRuns == t.Runs:
		market = layout.Figure{Label: "Market-based", Value: format.Mass(t.Market) + " CO2e", Details: nil}
	case t.MarketRuns > 0:
		market.Details = []string{fmt.Sprintf("given for %d of %d runs: %s CO2e", t.MarketRuns, t.Runs, format.Mass(t.Market))}
	}
	s := layout.Sheet{
		Title:    "Purchased electricity of computing (GHG Protocol, scope 2)",
		Subtitle: runsOf(t, a) + " " + span(t),
		Figures:  append(location, market, layout.Figure{Label: "Activity data", Value: decimal(t.Energy.KilowattHours()) + " kWh", Details: []string{"(" + facts.EnergyRange(t.Summary) + ")", basis(t)}}),
	}
	notes := []string{charged(t) + " " + pue(t) + " " + ofEnergy}
	if _, ok := t.Of(regions.Lifecycle); ok {
		notes = append(notes, "Life-cycle factors include what happens before the power plant, "+
			"which the protocol counts in scope 3, category 3: for scope 2 alone, compute these runs again with direct factors.")
	}
	if len(t.Scopes) > 1 {
		notes = append(notes, "Factors of more than one scope were used. Their results are not comparable and do not add up: report them separately.")
	}
	if e, ok := t.Of(""); ok {
		notes = append(notes, fmt.Sprintf("For %s the scope of the factor is unknown.", format.Mass(e.Grams)))
	}
	notes = append(notes,
		"It is scope 2 where the machines are run by the reporting company. In a cloud they are the provider's, and the customer reports them in scope 3, category 1.",
		"Not included: losses in the grid (scope 3, category 3). "+embodied(t)+" Those are scope 3, categories 1 and 2.",
		"Gases and their warming potentials are those of each factor's source.")
	s.Sections = []layout.Section{{Title: "Boundaries", Notes: notes}, {Title: "Factors", Table: factorTable(t)}}
	s.Foot = facts.Versions(strings.TrimPrefix(tool(t), "carbonctl "), "")
	var b strings.Builder
	if err := s.Markdown(&b); err != nil {
		return "" // a strings.Builder takes everything
	}
	return b.String()
}
