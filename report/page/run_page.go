package page

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

func unknownFormat(format string, known []string) error {
	return fmt.Errorf("unknown format %.40q: use one of %s", format, strings.Join(known, ", "))
}

//go:embed head.html
var headSource string // of all pages

//go:embed run.html
var runSource string

//go:embed run.css
var runStyle string

// runTemplate parses the page of a run once, and only where one is asked for.
var runTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.Must(template.New("run").Parse(headSource)).Parse(runSource))
})

// stylePolicy allows one style sheet in a page and nothing else, wherever it is opened.
func stylePolicy(style string) string {
	return "default-src 'none'; style-src " + hashOf(style) + "; base-uri 'none'; form-action 'none'"
}

// hashOf names a style sheet or a script in a policy.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// linkStyle is for pages that lead to others.
const linkStyle = "a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: 2px; } a:hover { text-decoration-color: currentColor; }\n"

// A sign is how a picture shows where an amount comes from; it is the same in all of them.
type sign string

const (
	isMeasured sign = "measured" // solid
	isModelled sign = "modelled" // hatched
	isMixed    sign = "mixed"    // solid and hatched
	isGiven    sign = "given"    // a ring: said by the user
	isUnknown  sign = "unknown"  // a dashed outline
)

// signOf is the sign of an amount of which a part was measured; nil is not known.
func signOf(share *float64) sign {
	switch {
	case share == nil:
		return isUnknown
	case *share >= 0.9995:
		return isMeasured
	case *share < 0.0005:
		return isModelled
	}
	return isMixed
}

// runPage is what the page of a run shows, as texts and places in pictures.
type runPage struct {
	Policy, Name, Title string
	Style               template.CSS
	State, StateKind    string
	Facts               []string
	Links               [][2]string
	Script              template.JS
	Big, Unit           string
	Under               []string
	Say                 []phrase
	Equation            []factorBox
	Power               *powerPicture
	GPUs                *spreadPicture
	Parts               *partsTable
	Advice              []adviceLine
	Epochs              *dotsPicture
	Fan                 *fanPicture
	Places              []placeLine
	PlacesNote          string
	Doubts              []doubtLine
	DoubtOf             string
	Warnings, More      []footprint.Warning // the most important ones, and those that are folded away
	Records             []folded
	Foot                []string
}

type phrase struct {
	Text   string
	Strong bool
}

// folded is a part of the page that is folded away.
type folded struct {
	Title  string
	Blocks []block
}

// maxWarnings is how many warnings a page shows unfolded.
const maxWarnings = 5

// HTML writes the page of a run: one file that needs nothing else.
func (run Run) HTML(w io.Writer) error {
	p := run.page()
	style := runStyle
	if p.Links = run.Links; len(run.Links) > 0 {
		style += linkStyle
	}
	p.Style, p.Policy = template.CSS(style), stylePolicy(style)
	if p.Script = template.JS(run.Script); run.Script != "" {
		p.Policy += "; script-src " + hashOf(run.Script) + "; connect-src 'self'"
	}
	if err := runTemplate().Execute(w, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func (run Run) page() runPage {
	r := run.Report
	p := runPage{Name: escape.Plain(cmp.Or(r.Project, "Run "+format.Clip(cmp.Or(r.RunID, "without ID"), 13)))}
	shown := len(r.Warnings)
	if shown > maxWarnings {
		shown = maxWarnings - 1 // one more would take the room of the fold
	}
	p.Warnings, p.More = r.Warnings[:shown], r.Warnings[shown:]
	p.State, p.StateKind = stateMark(r)
	p.Facts = runFacts(r)
	p.Big, p.Unit = "unknown", ""
	if emitted := r.Headline().Emissions; emitted != "" {
		p.Big, p.Unit, _ = strings.Cut(emitted, " ")
		p.Under = append([]string{boundsText(format.MassBounds(r.Emissions, r.EmissionsLow, r.EmissionsHigh)+" by the energy", r)}, run.Car.Compare(r.Emissions, r.EmissionsLow)...)
		if o := r.Outer; o != nil {
			p.Under = append(p.Under, "energy and factor together: "+format.MassBounds(r.Emissions, o.Low, &o.High))
		}
		if r.EmissionsAnnual != nil {
			p.Under = append(p.Under, "by the year’s mean: "+format.Mass(*r.EmissionsAnnual))
		}
		if amount, bounds, ok := facts.Water(r.Water); ok {
			p.Under = append(p.Under, "water consumed: "+amount+" ("+bounds+")")
		}
		if text := facts.WorkText(r); text != "" {
			p.Under = append(p.Under, text)
		}
		if r.Coverage < 0.9995 {
			p.Under = append(p.Under, format.Percent(r.Coverage)+" of the run’s time was seen; the bounds cover the rest")
		}
		if r.Market != nil {
			p.Under = append(p.Under, format.Mass(r.Market.Emissions)+" by contracts (market-based)")
		}
	}
	p.Title = p.Name + ": " + strings.TrimSpace(p.Big+" "+p.Unit)
	p.Say = run.sentence()
	if facts.Known(r) {
		p.Equation = equation(r)
	}
	curves := r.Curves(maxPoints)
	p.Power = drawPower(r, curves, powerFrame)
	p.GPUs = drawSpread(r, curves)
	p.Parts = energyParts(r)
	p.Advice = run.adviceLines()
	p.Epochs, p.Fan = drawEpochs(r, smallFrame), drawFan(r, smallFrame)
	p.Places, p.PlacesNote = run.placeLines()
	p.Doubts = doubtLines(r)
	p.DoubtOf = strings.TrimSpace(p.Big + " " + p.Unit)
	p.Records = run.records()
	if r.RunID != "" {
		p.Foot = append(p.Foot, "run "+r.RunID)
	}
	loads := "this page loads nothing"
	if run.Script != "" {
		loads = "updates by itself"
	}
	p.Foot = append(p.Foot, escape.Plain(facts.Versions(r.Versions.Tool, r.Versions.Data)), loads)
	return p
}

// stateMark is how a run ended, and the class of its mark.
func stateMark(r footprint.Report) (text, class string) {
	state := escape.Plain(facts.State(r))
	switch r.Status {
	case footprint.Completed:
		if r.Headline().State == "" {
			return "✓ completed", "ok"
		}
	case footprint.Running:
		return "… running", "open"
	case footprint.Recovered:
		return "recovered: the tracker was killed", "open"
	case "":
		return "state unknown", "open"
	}
	return "✗ " + state, "bad"
}

func runFacts(r footprint.Report) (all []string) {
	if !r.StartedAt.IsZero() {
		from, to := r.StartedAt.UTC(), r.EndedAt.UTC()
		clock := "15:04"
		if r.DurationS < 600 {
			clock = "15:04:05"
		}
		text := from.Format("2 Jan 2006, " + clock)
		switch {
		case !to.After(from):
		case from.YearDay() == to.YearDay() && from.Year() == to.Year():
			text += "–" + to.Format(clock)
		default:
			text += " – " + to.Format("2 Jan 2006, 15:04")
		}
		all = append(all, text+" UTC")
	}
	all = append(all, format.Duration(format.Seconds(r.DurationS)))
	if r.Host.Name != "" {
		all = append(all, format.Clip(escape.Plain(r.Host.Name), facts.MaxName))
	}
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		all = append(all, format.Clip(escape.Plain(k+"="+r.Labels[k]), facts.MaxName))
	}
	if n := len(r.Epochs) + r.EpochsOmitted; n > 0 {
		of := ""
		if q := r.Prediction; q != nil && q.OfEpochs > n {
			of = " of " + format.Thousands(q.OfEpochs)
		}
		all = append(all, fmt.Sprintf("%s%s %s", format.Thousands(n), of, format.Plural(n, "epoch", "epochs")))
	}
	return all
}

// sentence says in a few words what the run needed, what for, and what matters most.
func (run Run) sentence() []phrase {
	r := run.Report
	var say []phrase
	add := func(text string, strong bool) { say = append(say, phrase{escape.Plain(text), strong}) }
	if !facts.Known(r) {
		if add("The energy of this run is unknown", false); r.EnergyHigh != nil && *r.EnergyHigh > 0 {
			add(": at most ", false)
			add(format.Energy(*r.EnergyHigh), true)
		}
		add(".", false)
		return say
	}
	drew := "he run drew "
	if r.Charge == footprint.ChargeProcess {
		drew = strings.Replace("he "+facts.Owner(r)+" share of the machine was ", "'", "’", 1)
	}
	switch state := facts.State(r); {
	case r.Status == footprint.Running:
		add("So far t"+drew, false)
	case r.Status == footprint.Recovered:
		add("Until its last checkpoint t"+drew, false)
	case r.Headline().State == "":
		add("T"+drew, false)
	case r.Status == footprint.Failed && strings.HasPrefix(state, "failed"):
		add("Until it "+state+", t"+drew, false)
	default:
		add("Until it was "+state+", t"+drew, false)
	}
	add(format.EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh), true)
	switch share := r.MeasuredShare; {
	case format.OrZero(share) >= 1:
		add(", all of it measured.", false)
	case share == nil:
		add("; how that was found is unknown.", false)
	case *share > 0:
		add(", "+format.Percent(*share)+" of it measured.", false)
	default:
		add(", by a model: no counter was read.", false)
	}
	if kind, share := largest(r); kind != "" {
		add(" ", false)
		add(share, true)
		add(" went into the "+kind+".", false)
	}
	if q := r.Prediction; r.Status == footprint.Running && facts.Underway(q) && q.Emissions.Expected > 0 {
		add(fmt.Sprintf(" All %d epochs are expected to emit ", q.OfEpochs), false)
		add(format.MassWithin(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High), true)
		add(" ("+facts.Range(q.Emissions, format.MassBounds)+").", false)
	}
	for _, a := range run.Advice {
		if a.Stall != nil {
			add(fmt.Sprintf(" A stall of %s cost ", format.Duration(format.Seconds(a.Stall.ToS-a.Stall.FromS))), false)
			add(format.Energy(a.Stall.Energy), true)
			add(".", false)
			break
		}
	}
	for _, a := range run.Advice {
		if a.Place != nil && a.Place.Ratio != nil {
			add(" In "+facts.Near(*a.Place)+" the same work would have emitted ", false)
			add(format.Percent(1-*a.Place.Ratio)+" less", true)
			add(".", false)
		}
	}
	return say
}

// largest is the kind of component that most of the energy went into, "" where there is
// only one or none has more than half.
func largest(r footprint.Report) (kind, share string) {
	lines := facts.Kinds(r)
	joules := make([]float64, len(lines))
	for i, l := range lines {
		joules[i] = l.Charged.Joules()
	}
	shares := energy.Shares(joules)
	for i, l := range lines {
		if len(lines) > 1 && l.Charged > r.Energy/2 && l.Kind != "" {
			kind = format.KindWord(l.Kind)
			if n := strings.Count(l.Name, "; "); n > 0 {
				kind = fmt.Sprintf("%d %ss", n+1, kind)
			}
			return kind, shares[i]
		}
	}
	return "", ""
}

// records are the parts that are folded away: all figures with their sources, statements,
// and how to verify.
func (run Run) records() (all []folded) {
	r := run.Report
	add := func(title string, sections ...layout.Section) {
		f := folded{Title: title}
		for _, s := range sections {
			if len(s.Table.Rows) > 0 || s.Code != "" || len(s.Notes) > 0 {
				f.Blocks = append(f.Blocks, blockOf(s))
			}
		}
		if len(f.Blocks) > 0 {
			all = append(all, f)
		}
	}
	add("Every component, with its bounds", facts.Components(r))
	add("Grid, building, machine", facts.Grid(r), facts.Machine(r))
	add("Work", facts.Work(r))
	add("Epochs, tasks, prediction, budget", facts.Epochs(r), facts.Tasks(r), facts.Predictions(r), facts.Budget(r))
	var total runs.Total
	total.Add(runs.FromReport(r))
	var cite []layout.Section
	for _, s := range []struct {
		form  report.Form
		title string
	}{{report.Paper, "A paragraph for a paper, in LaTeX"}, {report.ModelCard, "Metadata of a model card"}, {report.Summary, "A paragraph, in Markdown"}} {
		var b strings.Builder
		if facts.Known(r) && report.Statement(&b, s.form, total, report.About{Run: &r, Car: run.Car}) == nil {
			cite = append(cite, layout.Section{Title: s.title, Code: strings.TrimSpace(b.String())})
		}
	}
	add("Cite this run", cite...)
	add("Verify and recompute", facts.HowToVerify(r))
	return all
}
