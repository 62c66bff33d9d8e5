package page

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// runsTable lists the runs that matter.
type runsTable struct {
	Heading, Note string
	Links         [][2]string
	Unit          string
	Printed       string // how many of the rows are printed, "" for all
	Rows          []runLine
}

type runLine struct {
	Going            bool
	Project, Labels  string
	Run, Link        string
	Started          string // as it is sorted
	Where            string
	Time, TimeOf     string
	Energy, EnergyOf string
	Amount, AmountOf string
	Note             string
	Bad              bool
}

// maxPrinted is how many runs stand on paper, as the style sheet has it.
const maxPrinted = 24

// list are the runs that the page lists: the largest of its period, or by their start where
// they were asked for so.
func (t Team) list(s teamSums) runs.List {
	switch {
	case t.Latest != nil:
		return t.Latest
	case s.monthly && t.ready:
		return t.month.Of(s.scope)
	case t.ready:
		return t.all.Of(s.scope)
	case t.Largest != nil:
		return t.Largest
	}
	return runs.Rows(nil)
}

// runsTable lists the runs underway, and then the largest; nil where there are none.
func (t Team) runsTable(s teamSums) *runsTable {
	list := t.list(s)
	n := min(list.Len(), MaxRuns)
	r := &runsTable{Heading: "Runs that matter"}
	var going []footprint.Report
	if t.Live != nil {
		r.Links = t.Live.Links
		for _, g := range t.Live.Underway[:min(len(t.Live.Underway), maxGroups)] {
			r.Rows = append(r.Rows, goingLine(g, s.now))
			going = append(going, g.Report)
		}
	}
	var top, sum float64
	var rows []runs.Row
	for i := range n {
		row := list.At(i)
		if t.Latest != nil {
			row = list.At(list.Len() - 1 - i) // the newest first
		}
		rows = append(rows, row)
		top = max(top, format.Drawable(float64(row.Emissions)))
		sum += format.Drawable(float64(row.Emissions))
	}
	if len(rows)+len(r.Rows) == 0 {
		return nil
	}
	for _, g := range going {
		top = max(top, format.Drawable(float64(g.Emissions)))
	}
	scale := format.MassScale(regions.Grams(top), regions.Grams(top), new(regions.Grams(top)))
	r.Unit = scale.Unit.Name + " CO2e"
	for i, g := range going {
		if facts.Known(g) {
			r.Rows[i].Amount = format.MassScale(g.Emissions, g.EmissionsLow, g.EmissionsHigh).In(scale.Unit).Number(float64(g.Emissions))
		}
	}
	ids := format.ShortIDs(len(rows), func(i int) string { return rows[i].RunID })
	for i, row := range rows {
		line := rowLine(row)
		line.Run = runName(row, ids[i], s.now)
		line.Amount = facts.RunScale(row).In(scale.Unit).Number(float64(row.Emissions))
		if row.MeasuredShare == nil && row.Energy == 0 {
			line.Amount, line.Energy = "unknown", "unknown"
		}
		if t.Link != nil {
			line.Link = t.Link(row)
		}
		r.Rows = append(r.Rows, line)
	}
	if n := len(r.Rows); n > maxPrinted {
		r.Printed = fmt.Sprintf("%d of %d are printed; the page has all.", maxPrinted, n)
	}
	whole := measure{scope: s.scope}.of(s.period)
	switch {
	case t.Latest != nil:
		r.Heading, r.Note = "Latest runs", "The newest first."
		if n < s.total.Runs {
			r.Note = fmt.Sprintf("%s of %s, the newest first.", format.Thousands(n), format.RunCount(s.total.Runs))
		}
	case whole.x > 0 && len(rows) < whole.runs:
		r.Note = fmt.Sprintf("%s of %s are %s of ", format.Thousands(len(rows)), format.RunCount(whole.runs), format.Percent(min(1, sum/whole.x)))
		switch {
		case s.energy:
			r.Note += "its CO2e."
		case s.monthly:
			r.Note += "the month."
		default:
			r.Note += "the sum."
		}
	case len(rows) > 0:
		r.Heading, r.Note = "Runs", "All of them, the greatest first."
	}
	if len(s.total.Scopes) > 1 && t.Latest == nil {
		r.Note += " By " + facts.ScopeWord(s.scope) + " factors."
	}
	return r
}

// goingLine is a run underway.
func goingLine(g Underway, now time.Time) runLine {
	r := g.Report
	l := rowLine(runs.FromReport(r))
	l.Going, l.Link, l.Run = true, g.Link, runName(runs.FromReport(r), format.ShortID(r.RunID), now)
	l.Amount = format.MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh)
	if !facts.Known(r) {
		l.Amount, l.Energy = "unknown", "unknown"
	}
	l.Note = "underway"
	if q := r.Prediction; facts.Underway(q) && q.Emissions.Expected > 0 {
		l.Note += ", " + format.MassWithin(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High) + " expected"
	}
	return l
}

// rowLine is what a row tells of its run.
func rowLine(row runs.Row) runLine {
	l := runLine{
		Project: format.Clip(format.NameText(escape.Plain(row.Project)), 44), Labels: labelText(row.Labels),
		Time: format.Duration(format.Seconds(float64(row.DurationS))), TimeOf: raw(format.Drawable(float64(row.DurationS))),
		Energy: format.Energy(row.Energy), EnergyOf: raw(row.Energy.Joules()), AmountOf: raw(float64(row.Emissions)),
	}
	if !row.StartedAt.IsZero() {
		l.Started = row.StartedAt.UTC().Format(time.RFC3339)
	}
	where := row.Zone
	if row.Provider != "" && row.CloudRegion != "" {
		where = row.Provider + ":" + row.CloudRegion
	}
	l.Where = format.Clip(escape.Plain(strings.Trim(row.Host+", "+where, ", ")), 32)
	switch row.Status {
	case footprint.Failed:
		l.Note, l.Bad = "failed", true
		if row.ExitCode != nil {
			l.Note += fmt.Sprintf(", exit code %d", *row.ExitCode)
		}
	case footprint.Interrupted:
		l.Note, l.Bad = "interrupted", true
	case footprint.Recovered:
		l.Note = "recovered: its tracker was killed"
	}
	if row.MeasuredShare == nil && row.Energy > 0 {
		l.Note = strings.TrimPrefix(l.Note+"; no bounds recorded", "; ")
	}
	return l
}

// runName is what people know a run by: its start, or else its ID.
func runName(row runs.Row, id string, now time.Time) string {
	at := row.StartedAt.UTC()
	switch {
	case row.StartedAt.IsZero():
		return format.Clip(escape.Plain(cmp.Or(id, "run")), 40)
	case at.Year() == now.Year():
		return at.Format("2 Jan, 15:04")
	}
	return row.StartedAt.UTC().Format("2 Jan 2006, 15:04")
}

// labelText shows the labels of a row: "model=7b, stage=train".
func labelText(cell string) string {
	var all map[string]string
	if cell == "" || json.Unmarshal([]byte(cell), &all) != nil {
		return ""
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, k+"="+all[k])
	}
	return format.Clip(escape.Plain(strings.Join(parts, ", ")), 36)
}

// runsCSV writes the runs that the page lists.
func (t Team) runsCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	lines := [][]string{{"run_id", "project", "labels", "host", "zone", "status", "started_at", "duration_s", "energy_joules", "scope", "emissions_g"}}
	s := t.sums()
	list := t.list(s)
	number := func(x runs.Number) string { return strconv.FormatFloat(float64(x), 'f', -1, 64) }
	for i := range min(list.Len(), MaxRuns) {
		r := list.At(i)
		started := ""
		if !r.StartedAt.IsZero() {
			started = r.StartedAt.UTC().Format("2006-01-02T15:04:05.000Z")
		}
		used, grams := r.Energy.Fixed(), number(r.Emissions)
		if r.MeasuredShare == nil && r.Energy == 0 {
			used, grams = "", ""
		}
		lines = append(lines, []string{escape.Cell(r.RunID), escape.Cell(r.Project), escape.Cell(r.Labels), escape.Cell(r.Host), escape.Cell(r.Zone), escape.Cell(string(r.Status)), started, number(r.DurationS), used, escape.Cell(r.IntensityScope), grams})
	}
	if err := c.WriteAll(lines); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
