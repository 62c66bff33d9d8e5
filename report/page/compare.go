package page

import (
	"cmp"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/runs"
)

//go:embed compare.html
var compareSource string

// compareStyle follows that of the page of a run.
const compareStyle = ".say { margin: 26px 0 0; max-width: 40em; } td small { display: block; } .bold td bdi { font-weight: 650; } td, thead th { min-width: 6.5rem; } .ok { color: var(--ok); } .bad { color: var(--bad); } .open { color: var(--open); }\n"

// compareTemplate parses the page once, and only where one is asked for.
var compareTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.Must(template.New("compare").Parse(headSource)).Parse(compareSource))
})

// A Compare is two or more runs beside each other, each compared with the first. Its fields
// are only read.
type Compare struct {
	Runs []footprint.Report
	// Links are the addresses of the runs' pages, "" or missing where there is none.
	Links []string
	// Home is the address of the page of all runs, "" for none.
	Home string
}

// CompareFormats are the names that [Compare.Write] takes.
func CompareFormats() []string { return []string{"html", "json", "csv"} }

// Write writes the comparison: a page, JSON with all that is in the rows, or CSV with a
// line a run.
func (b Compare) Write(w io.Writer, format string) error {
	switch format {
	case "html":
		return b.html(w)
	case "json":
		return b.json(w)
	case "csv":
		return b.csv(w)
	}
	return unknownFormat(format, CompareFormats())
}

// compareLine is a line of the page: what it shows of each run.
type compareLine struct {
	Label string
	Cells []compareCell
	Big   bool
}

type compareCell struct {
	Text, Small string
}

func (b Compare) html(w io.Writer) error {
	type head struct{ Name, ID, State, StateKind, Link string }
	page := struct {
		Policy, Title, Home string
		Style               template.CSS
		Heads               []head
		Lines               []compareLine
		Say                 []string
	}{Policy: stylePolicy(runStyle + linkStyle + compareStyle), Style: template.CSS(runStyle + linkStyle + compareStyle), Home: b.Home, Title: fmt.Sprintf("%d runs compared", len(b.Runs)), Say: b.sentences()}
	for i, r := range b.Runs {
		h := head{Name: b.name(i), ID: format.Clip(r.RunID, 13)}
		h.State, h.StateKind = stateMark(r)
		if i < len(b.Links) {
			h.Link = b.Links[i]
		}
		page.Heads = append(page.Heads, h)
	}
	page.Lines = b.lines()
	if err := compareTemplate().Execute(w, page); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// name is how a run is called on the page.
func (b Compare) name(i int) string {
	r := b.Runs[i]
	return format.Clip(escape.Plain(cmp.Or(r.Project, "Run "+format.Clip(r.RunID, 8))), facts.MaxName)
}

// lines are what is shown of the runs; one that is empty for all is left out.
func (b Compare) lines() (all []compareLine) {
	add := func(label string, big bool, cell func(i int, r footprint.Report) compareCell) {
		l, some := compareLine{Label: label, Big: big}, false
		for i, r := range b.Runs {
			c := cell(i, r)
			some = some || c.Text != ""
			l.Cells = append(l.Cells, c)
		}
		if some {
			all = append(all, l)
		}
	}
	text := func(label string, show func(r footprint.Report) string) {
		add(label, false, func(_ int, r footprint.Report) compareCell { return compareCell{Text: escape.Plain(show(r))} })
	}
	add("CO2e", true, func(_ int, r footprint.Report) compareCell {
		if r.Headline().Emissions == "" {
			return compareCell{Text: "unknown"}
		}
		return compareCell{Text: format.MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh), Small: format.MassBounds(r.Emissions, r.EmissionsLow, r.EmissionsHigh)}
	})
	add("vs. the first", false, func(i int, _ footprint.Report) compareCell {
		return b.against(i, func(a runs.Against) *runs.Ratio { return a.Emissions })
	})
	add("Energy", true, func(_ int, r footprint.Report) compareCell {
		if !facts.Known(r) {
			return compareCell{Text: "unknown"}
		}
		return compareCell{format.EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh), format.EnergyBounds(r.Energy, r.EnergyLow, r.EnergyHigh)}
	})
	add("vs. the first", false, func(i int, _ footprint.Report) compareCell {
		return b.against(i, func(a runs.Against) *runs.Ratio { return a.Energy })
	})
	text("measured", func(r footprint.Report) string {
		if r.MeasuredShare == nil {
			return "not recorded"
		}
		return format.Percent(*r.MeasuredShare)
	})
	text("charged", func(r footprint.Report) string {
		if r.Charge == footprint.ChargeProcess {
			return strings.Replace("the "+facts.Owner(r)+" share", "'", "’", 1)
		}
		return "the machine"
	})
	text("time", func(r footprint.Report) string { return format.Duration(format.Seconds(r.DurationS)) })
	text("coverage", func(r footprint.Report) string { return format.Percent(r.Coverage) })
	text("epochs", func(r footprint.Report) string {
		if n := r.EpochCount(); n > 0 {
			return strconv.Itoa(n)
		}
		return ""
	})
	add("energy an epoch", false, func(_ int, r footprint.Report) compareCell {
		n := r.EpochCount()
		if n == 0 || !facts.Known(r) {
			return compareCell{}
		}
		return compareCell{Text: format.Energy(r.Energy.Scale(1 / float64(n))), Small: "all of the run, over its epochs"}
	})
	for _, unit := range b.units() {
		add("energy "+article(facts.UnitText(unit, 1)), false, func(_ int, r footprint.Report) compareCell {
			w := workIn(r, unit)
			switch {
			case w == nil:
				return compareCell{}
			case w.Count == 0 && w.Bound != footprint.CountLower:
				return compareCell{Text: "no work"}
			case w.Energy == nil:
				return compareCell{Text: "unknown"}
			}
			most := ""
			if w.Bound == footprint.CountLower {
				most = "at most "
			}
			return compareCell{most + format.Each(*w.Energy, w.EnergyLow, w.EnergyHigh, format.EnergyEach), format.CountNumber(w.Count) + " counted"}
		})
		if slices.ContainsFunc(b.Runs[1:], func(r footprint.Report) bool { return runs.Compared(b.Runs[0], r).Each[unit] != nil }) {
			add("against the first", false, func(i int, r footprint.Report) compareCell {
				if workIn(r, unit) == nil {
					return compareCell{}
				}
				return b.against(i, func(a runs.Against) *runs.Ratio { return a.Each[unit] })
			})
		}
	}
	add("grid", false, func(_ int, r footprint.Report) compareCell {
		if r.Headline().Emissions == "" {
			return compareCell{}
		}
		return compareCell{Text: format.Digits(float64(r.Intensity.PerKWh)) + " g/kWh", Small: escape.Plain(strings.TrimSpace(string(r.Intensity.Scope) + " " + r.Region.Zone))}
	})
	text("PUE", func(r footprint.Report) string {
		if r.PUE.Value == 0 {
			return ""
		}
		return format.Digits(r.PUE.Value)
	})
	text("started", func(r footprint.Report) string {
		if r.StartedAt.IsZero() {
			return ""
		}
		return format.Minute(r.StartedAt) + " UTC"
	})
	text("host", func(r footprint.Report) string { return format.Clip(r.Host.Name, facts.MaxName) })
	text("labels", func(r footprint.Report) string {
		return format.Clip(labelText(runs.LabelCell(r.Labels)), 2*facts.MaxName)
	})
	text("revision", func(r footprint.Report) string { return format.Clip(r.Revision, 16) })
	text("carbonctl", func(r footprint.Report) string { return r.Versions.Tool })
	return all
}

// against shows how a run differs from the first.
func (b Compare) against(i int, of func(runs.Against) *runs.Ratio) compareCell {
	if i == 0 {
		return compareCell{}
	}
	a := runs.Compared(b.Runs[0], b.Runs[i])
	r := of(a)
	switch {
	case r == nil:
		return compareCell{Text: "not compared", Small: a.Why}
	case !r.Clear():
		return compareCell{Text: ratioText(r.Value), Small: "the bounds of both overlap"}
	}
	return compareCell{Text: ratioText(r.Value), Small: rangeOfRatio(*r)}
}

// ratioText says a ratio as a difference: "12 % less", "3.1 times as much", "1/500 as much".
func ratioText(x float64) string {
	switch {
	case x >= 2:
		return short(x) + " times as much"
	case x > 1.0005:
		return format.Percent(x-1) + " more"
	case x <= 0:
		return "nothing"
	case x < 0.005:
		return "1/" + short(1/x) + " as much"
	case x < 0.9995:
		return format.Percent(1-x) + " less"
	}
	return "the same"
}

// short has two digits, or all before the point: bounds are seldom narrower.
func short(x float64) string {
	if x >= 10 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

func rangeOfRatio(r runs.Ratio) string {
	if r.High == nil {
		if r.Low <= 0 {
			return "no bound is known"
		}
		return "at least " + ratioText(r.Low)
	}
	low, high := ratioText(r.Low), ratioText(*r.High)
	for _, end := range []string{" % less", " % more", " times as much", " as much"} { // one word for both
		if a, ok := strings.CutSuffix(low, end); ok && strings.HasSuffix(high, end) {
			if end == " % less" { // the greater one is the lower bound
				return strings.TrimSuffix(high, end) + " to " + a + end
			}
			return a + " to " + high
		}
	}
	return low + " to " + high
}

// sentences say what the comparison comes to.
func (b Compare) sentences() (all []string) {
	for i := 1; i < len(b.Runs) && i < 4; i++ {
		a := runs.Compared(b.Runs[0], b.Runs[i])
		name := "The second run"
		if len(b.Runs) > 2 {
			name = "Run " + strconv.Itoa(i+1)
		}
		switch {
		case a.Energy == nil:
			all = append(all, name+" is not compared: "+a.Why+".")
		case !a.Energy.Clear():
			all = append(all, name+" cannot be distinguished from the first by its energy: the bounds of both overlap.")
		case a.Emissions == nil:
			all = append(all, name+" drew "+differs(a.Energy)+"; "+a.Why+".")
		default:
			all = append(all, name+" drew "+differs(a.Energy)+" and emitted "+differs(a.Emissions)+".")
		}
	}
	return all
}

// differs is a ratio in a sentence.
func differs(r *runs.Ratio) string {
	if text := ratioText(r.Value); text != "the same" {
		return strings.Replace(text, " %", layout.NoBreak+"%", 1)
	}
	return "the same amount"
}

// compareJSON is a run in the JSON.
type compareJSON struct {
	Report    footprint.Report `json:"run"`
	Energy    *runs.Ratio      `json:"energy_against_first"`
	Emissions *runs.Ratio      `json:"emissions_against_first"`
	// Each is by unit of work, absent where the two have counted none in common.
	Each map[string]*runs.Ratio `json:"energy_per_unit_against_first,omitempty"`
	Why  string                 `json:"not_compared"`
}

func (b Compare) json(w io.Writer) error {
	all := []compareJSON{}
	for i, r := range b.Runs {
		j := compareJSON{Report: r}
		if i > 0 {
			a := runs.Compared(b.Runs[0], r)
			j.Energy, j.Emissions, j.Each, j.Why = a.Energy, a.Emissions, a.Each, a.Why
		}
		all = append(all, j)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(map[string]any{"schema": "carbonctl.beside/v1", "runs": all})
}

func (b Compare) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"run_id", "project", "status", "started_at", "duration_s", "host", "zone", "scope", "g_per_kwh", "pue", "charge",
		"energy_joules", "energy_low_joules", "energy_high_joules", "emissions_g", "emissions_low_g", "emissions_high_g",
		"measured_share", "coverage", "epochs", "energy_against_first", "emissions_against_first", "work", "work_joules_per_unit"}) // Flush gives the error
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	for i, r := range b.Runs {
		var a runs.Against
		if i > 0 {
			a = runs.Compared(b.Runs[0], r)
		}
		row := []string{escape.Cell(r.RunID), escape.Cell(r.Project), escape.Cell(string(r.Status)), "", number(r.DurationS), escape.Cell(r.Host.Name), escape.Cell(r.Region.Zone), escape.Cell(string(r.Intensity.Scope)),
			number(float64(r.Intensity.PerKWh)), number(r.PUE.Value), escape.Cell(string(r.Charge)), "", "", "", "", "", "", "", number(r.Coverage), strconv.Itoa(r.EpochCount()), "", "", "", ""}
		if !r.StartedAt.IsZero() {
			row[3] = r.StartedAt.UTC().Format("2006-01-02T15:04:05.000Z")
		}
		if facts.Known(r) {
			row[11], row[12] = number(r.Energy.Joules()), number(r.EnergyLow.Joules())
			row[14], row[15] = number(float64(r.Emissions)), number(float64(r.EmissionsLow))
			if r.EnergyHigh != nil {
				row[13] = number(r.EnergyHigh.Joules())
			}
			if r.EmissionsHigh != nil {
				row[16] = number(float64(*r.EmissionsHigh))
			}
		}
		for at, x := range map[int]*float64{17: r.MeasuredShare, 20: valueOf(a.Energy), 21: valueOf(a.Emissions)} {
			if x != nil {
				row[at] = number(*x)
			}
		}
		row[22], row[23] = workedCells(r)
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
}

func valueOf(r *runs.Ratio) *float64 {
	if r == nil {
		return nil
	}
	return &r.Value
}
