package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// A Ranking shows what the same work would emit in many places, as
// [runs.Compare] ranked them.
type Ranking struct {
	Energy energy.Energy
	// Low and High bound it; a nil High is none known. Both zero, it is exact.
	Low  energy.Energy
	High *energy.Energy
	// Estimated is kilowatt-hours of a plan in place of these, as a plan may need more than
	// energy.MaxEnergy; nil for none.
	Estimated *plan.Range
	// Of is whose energy it is, "" if it was given as such.
	Of string
	// Recorded is what it emitted by its own record, nil without one.
	Recorded *regions.Grams
	// Places are all, or the first of them and here.
	Places []runs.Comparison
	// Of how many places these are, and how many more have no such figure.
	All, Without int
	// Notes are said before what the comparison does not cover.
	Notes []string
	// Data is the version of the table.
	Data string
	// Screen is what text is shown on.
	Screen Screen
}

// RankingFormats are the names that [Ranking.Write] takes.
func RankingFormats() []string { return []string{"text", "json", "csv", "markdown", "svg"} }

// Write writes the ranking in a format by its name.
func (r Ranking) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return r.Text(w)
	case "json":
		return r.json(w)
	case "csv":
		return r.csv(w)
	case "markdown":
		return r.markdown(w)
	case "svg":
		return r.svg(w)
	}
	return fmt.Errorf("unknown format %.40q: use one of %s", format, strings.Join(RankingFormats(), ", "))
}

// Top leaves the first n places, and here at any rank. 0 leaves all.
func (r Ranking) Top(n int) Ranking {
	if n <= 0 || n >= len(r.Places) {
		return r
	}
	top := slices.Clone(r.Places[:n])
	for _, c := range r.Places[n:] {
		if c.Here {
			top = append(top, c)
		}
	}
	r.Places = top
	return r
}

func (r Ranking) title() string {
	s := r.energy() + " of computing"
	if r.Of != "" {
		s += ", " + r.Of
	}
	return s
}

func (r Ranking) energy() string {
	if r.Estimated != nil {
		return facts.PlannedEnergy(*r.Estimated)
	}
	if r.Low == 0 && r.High == nil {
		return format.Energy(r.Energy)
	}
	return format.EnergyWithin(r.Energy, r.Low, r.High)
}

// scale shows emissions in the unit of those here, as precisely as the energy is known.
func (r Ranking) scale() energy.Scale {
	i := slices.IndexFunc(r.Places, func(c runs.Comparison) bool { return c.Here })
	if i < 0 {
		return format.MassScale(0, 0, new(regions.Grams))
	}
	return r.scaleOf(r.Places[i].Emissions)
}

func (r Ranking) scaleOf(g regions.Grams) energy.Scale {
	low, high := g, &g
	if e := r.Estimated; e != nil && e.Expected > 0 {
		part := func(kWh float64) regions.Grams { return g * regions.Grams(kWh/e.Expected) }
		low, high = part(e.Low), new(part(e.High))
	}
	if r.Low != 0 || r.High != nil {
		part := func(e energy.Energy) regions.Grams { return g * regions.Grams(e.Joules()/r.Energy.Joules()) }
		if low, high = part(r.Low), nil; r.High != nil {
			high = new(part(*r.High))
		}
	}
	return format.MassScale(g, low, high)
}

// headline is the answer: the place that emits least, beside here.
func (r Ranking) headline() string {
	i := slices.IndexFunc(r.Places, func(c runs.Comparison) bool { return c.Here })
	if i < 0 {
		return r.title()
	}
	best, here := r.Places[0], r.Places[i]
	mass := func(c runs.Comparison) string { return r.scaleOf(c.Emissions).Text(float64(c.Emissions)) }
	if best.Rank == here.Rank {
		text := fmt.Sprintf("%s CO2e in %s, here", mass(here), facts.FullName(here))
		if len(r.Places) > 1 {
			text += ": no other region emits less"
		}
		return text
	}
	than := "against"
	if best.Ratio != nil {
		than = format.Percent(1-*best.Ratio) + " less than"
	}
	return fmt.Sprintf("%s CO2e in %s, %s %s here in %s", mass(best), facts.FullName(best), than, mass(here), facts.FullName(here))
}

// subtitle says how much of the ranking is shown.
func (r Ranking) subtitle() string {
	s := fmt.Sprintf("%d %s", r.All, format.Plural(r.All, "region", "regions"))
	if len(r.Places) < r.All {
		s = fmt.Sprintf("%d of %s", len(r.Places), s)
	}
	if len(r.Places) > 0 {
		s += ", least emissions first; " + facts.CountedScope(r.Places[0])
	}
	return s
}

// notes are what a reader must know of the table; marks, whether it has the marks
// of stand-ins and PUEs and the column of CFE.
func (r Ranking) notes(marks bool) []string {
	all := slices.Clone(r.Notes)
	if marks {
		for _, n := range r.standIns() {
			all = append(all, "* "+n+".")
		}
	}
	if r.Recorded != nil && !slices.ContainsFunc(r.Places, func(c runs.Comparison) bool { return c.Here && nearly(c.Emissions, *r.Recorded) }) {
		all = append(all, fmt.Sprintf("recorded: %s CO2e, with the recorded intensity and PUE.", format.Mass(*r.Recorded)))
	}
	if r.Without > 0 {
		all = append(all, fmt.Sprintf("%d %s ignored: no such intensity is published.", r.Without, format.Plural(r.Without, "region", "regions")))
	}
	pues := map[string]bool{}
	for _, c := range r.Places {
		pues[c.PUEOf] = true
	}
	home := "1 (unknown)"
	if i := slices.IndexFunc(r.Places, func(c runs.Comparison) bool { return c.Here }); i >= 0 && r.Places[i].PUEOf != "none" {
		home = "as recorded"
		if r.Places[i].PUEOf != runs.Recorded {
			home = "as published"
		}
	}
	mark := ""
	if marks {
		mark = "(p) "
	}
	if pues[runs.Given] {
		all = append(all, "PUE: as given, the same for all regions.")
	} else {
		all = append(all, "PUE: here "+home+"; elsewhere as published for the region, or "+mark+"the provider's mean, or that of here.")
	}
	if marks && slices.ContainsFunc(r.Places, func(c runs.Comparison) bool { return c.CFE != nil }) {
		all = append(all, "CFE: hourly carbon-free energy as published; not included in the emissions.")
	}
	return append(all, r.uncovered()+".")
}

// nearly reports whether two masses are the same but for rounding.
func nearly(a, b regions.Grams) bool { return max(a-b, b-a) <= 1e-9*max(a, b) }

// standIns say why figures are not their places' own, each once.
func (r Ranking) standIns() (all []string) {
	for _, c := range r.Places {
		if c.Instead != "" && !slices.Contains(all, c.Instead) {
			all = append(all, c.Instead)
		}
	}
	if len(all) > maxStandIns {
		all = append(all[:maxStandIns], fmt.Sprintf("and %d more substituted intensities; --json lists all", len(all)-maxStandIns))
	}
	return all
}

// maxStandIns is how many figures that stand in for others are explained one by one.
const maxStandIns = 5

// uncovered is what the ranking does not look at: the hour, unless it was chosen.
func (r Ranking) uncovered() string {
	if slices.ContainsFunc(r.Places, func(c runs.Comparison) bool { return !c.From.IsZero() }) {
		return strings.Replace(runs.Uncovered, ", time of day", "", 1)
	}
	return runs.Uncovered
}

func ratio(c runs.Comparison) string {
	switch {
	case c.Here:
		return "here"
	case c.Ratio == nil:
		return ""
	case *c.Ratio < 0.005 || *c.Ratio >= 1000:
		return strconv.FormatFloat(*c.Ratio, 'g', 2, 64)
	}
	return strconv.FormatFloat(*c.Ratio, 'f', 2, 64)
}

// markedPUE marks a PUE that is not the region's own.
func markedPUE(c runs.Comparison) string {
	return strconv.FormatFloat(c.PUE, 'f', 2, 64) + map[string]string{"provider": "p"}[c.PUEOf]
}

// sources numbers the sources of a ranking by where they first stand.
func (r Ranking) sources() (names []string, of func(c runs.Comparison) int) {
	name := func(c runs.Comparison) string {
		s := c.Source
		if c.Kind == regions.Own && !strings.HasPrefix(s, "user's table") {
			s += " (own table)"
		}
		return s
	}
	for _, c := range r.Places {
		if !slices.Contains(names, name(c)) {
			names = append(names, name(c))
		}
	}
	return names, func(c runs.Comparison) int { return 1 + slices.Index(names, name(c)) }
}
