package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// partsTable shows where the energy went, in one unit.
type partsTable struct {
	Unit string
	Note string
	Rows []partRow
}

type partRow struct {
	Part, Name, Amount, Bounds string
	Class                      string // of its colour
	Sign                       sign
	Width, X1, X2              string // of a bar and of its bounds, of barUnits
	HasBounds                  bool
}

// barUnits is how long the greatest bar of a table is.
const barUnits = 300.0

// energyParts are the kinds of components by their charged energy, the greatest first, then
// what was not read, then what the building adds.
func energyParts(r footprint.Report) *partsTable {
	lines := facts.Kinds(r)
	lines = slices.DeleteFunc(lines, func(l footprint.Line) bool { return l.Charged <= 0 })
	slices.SortStableFunc(lines, func(a, b footprint.Line) int { return cmp.Compare(b.Charged, a.Charged) })
	scale := r.EnergyScale()
	t := &partsTable{Unit: scale.Unit.Name, Note: facts.Counted(r)}
	joules := make([]float64, len(lines))
	most := 0.0
	bounds := make([][2]*energy.Energy, len(lines))
	for i, l := range lines {
		joules[i] = l.Charged.Joules()
		bounds[i][0], bounds[i][1] = r.BoundsOf(l)
		most = max(most, joules[i])
		if high := bounds[i][1]; high != nil {
			most = max(most, high.Joules())
		}
	}
	building := r.Building()
	most = max(most, building.Joules())
	if !(most > 0) || !facts.Known(r) {
		return nil
	}
	x := func(j float64) string { return format.Pixels(barUnits * min(1, max(0, j/most))) }
	for i, amount := range scale.Parts(joules) {
		l := lines[i]
		row := partRow{Part: kindTitle(l.Kind), Name: escape.Plain(strings.TrimPrefix(strings.TrimPrefix(facts.ComponentName(r, l), "modelled"), ": ")), Amount: strings.TrimSuffix(amount, " "+t.Unit), Class: kindClass(l.Kind), Sign: isModelled, Width: x(joules[i])}
		if l.Basis == energy.Measured {
			row.Sign = isMeasured
		}
		switch low, high := bounds[i][0], bounds[i][1]; {
		case low == nil:
		case high == nil:
			row.Bounds = "at least " + scale.Number(low.Joules())
		default:
			row.Bounds = strings.TrimSuffix(format.EnergyScale(l.Charged, *low, high).In(scale.Unit).Bounds(joules[i], low.Joules(), high.Joules()), " "+t.Unit)
			row.X1, row.X2, row.HasBounds = x(low.Joules()), x(high.Joules()), high.Joules()-low.Joules() > joules[i]/50
		}
		t.Rows = append(t.Rows, row)
	}
	for _, l := range r.Components {
		if l.Within == nil && l.Kind != energy.Platform && l.Energy == nil && l.Low != nil {
			row := partRow{Part: kindTitle(l.Kind), Name: escape.Plain(l.Name), Amount: "?", Bounds: "no limit known", Class: kindClass(l.Kind), Sign: isUnknown, Width: format.Pixels(barUnits)}
			if l.High != nil {
				row.Bounds, row.Width = "at most "+scale.Number(l.High.Joules()), x(l.High.Joules())
			}
			t.Rows = append(t.Rows, row)
		}
	}
	if building > 0 {
		t.Rows = append(t.Rows, partRow{Part: "Cooling, power supply", Name: fmt.Sprintf("PUE %.4g", r.PUE.Value), Amount: scale.Number(building.Joules()), Bounds: "as given", Class: "k-building", Sign: isGiven, Width: x(building.Joules())})
	}
	return t
}

// kindTitle begins a line with a kind of component.
func kindTitle(k energy.Kind) string {
	s := escape.Plain(format.KindWord(k))
	if s == "" {
		return "Other"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// kindClass is the class of a kind's colour.
func kindClass(k energy.Kind) string {
	switch k {
	case energy.GPU:
		return "k-gpu"
	case energy.CPU:
		return "k-cpu"
	case energy.Memory:
		return "k-memory"
	}
	return "k-other"
}

type adviceLine struct{ Saves, Text, Small string }

// adviceLines say what would have made the run emit less.
func (run Run) adviceLines() (all []adviceLine) {
	r := run.Report
	for _, a := range run.Advice {
		l := adviceLine{Saves: "−" + savedMass(r, a.Saves)}
		switch {
		case a.Place != nil:
			c := *a.Place
			l.Text = "Run it in " + facts.FullName(c)
			l.Small = fmt.Sprintf("%s g/kWh, %s, PUE %.2f; moving data not counted", format.Digits(float64(c.PerKWh)), facts.Year(c.Year), c.PUE)
		case a.Start != nil:
			from, was := a.Start.From.UTC(), r.StartedAt.UTC()
			l.Text = fmt.Sprintf("Start at %s rather than %s UTC", from.Format("15:04"), was.Format("15:04"))
			if from.YearDay() != was.YearDay() {
				l.Text = fmt.Sprintf("Start at %s rather than %s UTC", from.Format("15:04 on 2 January"), was.Format("15:04 on 2 January"))
			}
			l.Small = fmt.Sprintf("typical hours of %s: %s instead of %s g/kWh", cmp.Or(r.Region.Name, r.Region.Zone), format.Digits(float64(a.Start.PerKWh)), format.Digits(float64(a.Start.Now)))
		case a.Stall != nil:
			s := a.Stall
			l.Text = fmt.Sprintf("Find the stall of %s after %s", format.Duration(format.Seconds(s.ToS-s.FromS)), format.Duration(format.Seconds(s.FromS)))
			l.Small = fmt.Sprintf("%s at %s, the machine used %s", gpus(r), format.Power(s.GPU), format.Energy(s.Energy))
		case len(a.Idle) > 0:
			l.Text = fmt.Sprintf("Leave out %d of %d GPUs: %s hardly worked", len(a.Idle), a.Lines, format.Plural(len(a.Idle), "it", "they"))
			var ids []string
			for _, g := range a.Idle[:min(len(a.Idle), 4)] {
				ids = append(ids, g.ID)
			}
			l.Small = strings.Join(ids, ", ")
		default:
			l.Text = "Avoid the lost attempt: " + cmp.Or(r.Headline().State, string(r.Status))
			l.Small = "everything that it emitted; a checkpoint keeps part of the work"
		}
		l.Text, l.Small = escape.Plain(l.Text), escape.Plain(l.Small)
		all = append(all, l)
	}
	return all
}

// gpus are the GPUs of a run, for a sentence.
func gpus(r footprint.Report) string {
	n := 0
	for _, l := range r.Components {
		if l.Kind == energy.GPU && l.Within == nil {
			n++
		}
	}
	return format.Plural(n, "GPU", "GPUs")
}

// savedMass shows a part of the run's emissions: no more precisely than those are known.
func savedMass(r footprint.Report, g regions.Grams) string {
	if r.EmissionsHigh == nil || r.Emissions <= 0 {
		return format.MassWithin(g, g, nil)
	}
	f := g / r.Emissions
	high := *r.EmissionsHigh * f
	return format.MassWithin(g, r.EmissionsLow*f, &high)
}

type placeLine struct {
	Name, Amount, Change, Width string
	Here                        bool
}

// maxPlaces is how many places are shown beside here.
const maxPlaces = 4

// placeLines are here and the places that emit least.
func (run Run) placeLines() (all []placeLine, note string) {
	r := run.Report
	i := slices.IndexFunc(run.Places, func(c runs.Comparison) bool { return c.Here })
	if i < 0 || len(run.Places) < 2 {
		return nil, ""
	}
	here := run.Places[i]
	places := slices.DeleteFunc(slices.Clone(run.Places), func(c runs.Comparison) bool { return c.Here })
	places = append([]runs.Comparison{here}, places[:min(maxPlaces, len(places))]...)
	most := 0.0
	for _, c := range places {
		most = max(most, float64(c.Emissions))
	}
	unit := r.MassScale().Unit
	for _, c := range places {
		if n := len(all); n > 1 && !c.Here && all[n-1].Amount == placeMass(r, c, unit) { // alike to the last digit
			if name := escape.Plain(facts.Near(c)); name != "" && !strings.Contains(all[n-1].Name, name) {
				all[n-1].Name += "; " + name
			}
			continue
		}
		l := placeLine{Name: escape.Plain(facts.FullName(c)), Here: c.Here, Amount: placeMass(r, c, unit), Width: format.Pixels(barUnits * format.Drawable(float64(c.Emissions)) / max(most, math.SmallestNonzeroFloat64))}
		if l.Name == "" {
			l.Name = escape.Plain(cmp.Or(r.Region.Name, r.Region.Zone))
		}
		if c.Here {
			l.Name += ", here"
		} else if c.Ratio != nil {
			l.Change = format.Signed(*c.Ratio - 1)
		}
		all = append(all, l)
	}
	note = "Same energy, PUE as published, " + facts.CountedScope(here) + "; here as recorded, elsewhere yearly means"
	return all, note + ". Moving data is not counted."
}

func placeMass(r footprint.Report, c runs.Comparison, unit energy.Unit) string {
	if r.EmissionsHigh == nil || r.Emissions <= 0 {
		return format.MassScale(c.Emissions, c.Emissions, nil).In(unit).Text(float64(c.Emissions))
	}
	f := c.Emissions / r.Emissions
	return format.MassScale(c.Emissions, r.EmissionsLow*f, new(*r.EmissionsHigh*f)).In(unit).Text(float64(c.Emissions))
}

type doubtLine struct{ Source, Amount string }

// doubtLines say how sure the emissions are, by source.
func doubtLines(r footprint.Report) (all []doubtLine) {
	unit := r.MassScale().Unit
	greatest := 0.0
	for _, d := range r.Doubts() {
		if greatest = max(greatest, float64(d.Low)); d.High != nil {
			greatest = max(greatest, float64(*d.High))
		}
	}
	scale := energy.ScaleOf(greatest, greatest, func(float64) energy.Unit { return unit })
	show := func(g regions.Grams) string {
		if least := unit.Size / 1000; g > 0 && float64(g) < least {
			return "< " + scale.Text(least)
		}
		return scale.Text(float64(g))
	}
	amount := func(d footprint.Doubt) string {
		switch {
		case d.High == nil:
			return "−" + show(d.Low) + ", no upper bound"
		case d.Low <= 0 && *d.High <= 0:
			return "0 " + unit.Name
		case d.Low <= 0:
			return "+" + show(*d.High)
		case *d.High <= 0:
			return "−" + show(d.Low)
		case show(d.Low) == show(*d.High):
			return "± " + show(d.Low)
		}
		return "−" + show(d.Low) + " to +" + show(*d.High)
	}
	for _, d := range r.Doubts() {
		var names []string
		for _, k := range d.Kinds {
			names = append(names, format.KindWord(k))
		}
		of := escape.Plain(strings.Join(names, ", "))
		text := map[footprint.DoubtSource]string{
			footprint.ByCounters: of + " counters", footprint.ByModel: of + ", modelled", footprint.Unread: of + ", not read",
			footprint.ByFactor: "the grid’s factor, by its fuels", footprint.ByHours: "typical hours instead of the yearly mean",
		}[d.Source]
		all = append(all, doubtLine{text, amount(d)})
	}
	if len(all) == 0 {
		return nil
	}
	if in := r.Intensity; in.Low == nil && in.Kind != regions.Own {
		all = append(all, doubtLine{"the grid’s factor, " + intensityWord(in.Kind), "unknown"})
	} else if in.RangeOld {
		all = append(all, doubtLine{"the grid’s factor", "unknown: its range is old"})
	} else if in.Kind == regions.Own {
		all = append(all, doubtLine{"your own figure of " + format.Digits(float64(in.PerKWh)) + " g/kWh", "not checked"})
	}
	if unknown := r.PUE.Source; unknown == "not given" || unknown == "not recorded" {
		all = append(all, doubtLine{"PUE, " + unknown, "counted as 1"})
	} else {
		all = append(all, doubtLine{fmt.Sprintf("PUE of %.4g", r.PUE.Value), "not checked"})
	}
	return append(all, doubtLine{strings.TrimPrefix(facts.NotCounted, "not included: "), "not included"})
}
