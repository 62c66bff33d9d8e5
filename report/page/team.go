package page

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// MaxRuns is how many runs a page lists at the most.
const MaxRuns = 200

// A Team is the page of what a team emits: the month against its budget and what is
// expected by its end, projects over months, the runs that matter, and what would improve
// the figure. It is made of rows in one pass:
//
//	t := page.Team{Totals: report.Totals{Groups: &runs.Groups{}, Filter: f, Budget: b}, Now: now}
//	for each row { t.Add(&row) }
//	t.Settle()
//	err := t.Write(w, "html") // or json, csv, runs.csv
//
// It grows with the groups and days, not with the rows. Until Settle it is not safe for
// concurrent use; then it may be written any number of times, also at once, and the
// fields that Add does not fill (Title, Link, Live, Places, Foot) may be set on a copy.
//
// Emissions by factors of two scopes are different quantities: the page is about the first of
// the Headline, and the others are shown apart.
type Team struct {
	// Totals are the sums; Groups must not be nil. Without Groups.By rows are grouped by
	// project. Groups.Also belongs to Add.
	report.Totals
	// Title is whose page it is, "" for "All runs".
	Title string
	// Now is when the page is made, in any zone: its month in UTC is "this month", as long
	// as the filter takes all of that. The zero Now is the last end of a run.
	Now time.Time
	// Most is how many runs are listed, the greatest first; 0 is 10, and MaxRuns the limit.
	Most int
	// Link gives the address of the page of a run, "" where it has none; nil: none has.
	Link func(run runs.Row) string
	// Live is what a server adds; nil for a file.
	Live *Served
	// Table is of places: the page shows what the work would have emitted elsewhere; nil: it
	// does not.
	Table *regions.Table
	// Foot is shown below the page, such as that a chain of rows was verified.
	Foot []string

	all, month runs.Largest // the largest runs, of all and of this month
	ready      bool
}

// Served is what a page has that is served, and that a file can't have.
type Served struct {
	// Underway are the runs that have not ended: listed first, and in no sum.
	Underway []Underway
	// Filters are the controls of the form above the page; it asks for the same address
	// with their names and values as its query. None: no form.
	Filters []Control
	// Links are shown beside "Runs that matter": text and address.
	Links [][2]string
	// Narrow gives the address of the page of a project, of a month or day as it is
	// written in filters, or of both; "" is for no choice, and as an answer for no
	// address. nil: nothing narrows the page.
	Narrow func(project, time string) string
	// Script is run in the page, such as to follow server-sent events; [Team.Policy]
	// allows it by its hash, and requests to where the page is from. "": none.
	Script string
}

// An Underway is a run that has not ended, and Link the address of its page, "" where it has none.
type Underway struct {
	report.Run
	Link string
}

// A Control is a field of the form of filters: a choice of values, or where it has no
// Options a text. An option whose value is "" is for all.
type Control struct {
	Name, Label, Value string
	Hint               string // what to write into an empty text, such as "team=nlp"
	Options            []Option
}

// An Option is a value that a Control may have; Text "" is the value itself.
type Option struct{ Value, Text string }

// prepare names what is to be added up, before the first row.
func (t *Team) prepare() {
	if t.ready {
		return
	}
	t.ready = true
	if len(t.Groups.By) == 0 {
		t.Groups.By, t.Overview = []runs.Key{runs.ByProject}, true
	}
	t.Groups.Also = [][]runs.Key{append(slices.Clone(untimed(t.Groups.By)), runs.ByDay, runs.ByStatus), {runs.ByHost}}
	most := t.Most
	if most <= 0 {
		most = defaultMost
	}
	t.all.Most = min(most, MaxRuns)
	t.month.Most = t.all.Most
}

// defaultMost is how many runs are listed where nothing is said.
const defaultMost = 10

// untimed are keys without those of time.
func untimed(keys []runs.Key) []runs.Key {
	return slices.DeleteFunc(slices.Clone(keys), timed)
}

func timed(k runs.Key) bool { return k == runs.ByDay || k == runs.ByMonth || k == runs.ByYear }

// Columns are those of a ledger that Add looks at; a reader may leave out the others.
func (t *Team) Columns() []string {
	t.prepare()
	all := t.Groups.Columns(t.Filter)
	for _, c := range []string{"labels", "provider", "cloud_region", "exit_code"} {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

// Add takes one row, which may be used again afterwards. One that the Filter leaves out is
// in no sum; it may have shared its machine with others all the same.
func (t *Team) Add(row *runs.Row) {
	t.prepare()
	if !t.Filter.Match(*row) {
		t.Groups.Beside(*row)
		return
	}
	t.Groups.Add(*row)
	if row.CountedBy != "" {
		return
	}
	t.all.Add(row)
	if now := t.Now.UTC(); !t.Now.IsZero() && !row.StartedAt.IsZero() {
		if at := row.StartedAt.UTC(); at.Year() == now.Year() && at.Month() == now.Month() {
			t.month.Add(row)
		}
	}
}

// Settle counts once what runs shared. It belongs after the last row.
func (t *Team) Settle() {
	t.prepare()
	t.Groups.Settle()
}

// TeamFormats are the names that [Team.Write] takes.
func TeamFormats() []string { return []string{"html", "json", "csv", "runs.csv"} }

// Write writes the page: html is the page itself, json all figures that it shows, csv its
// groups with their sums, as [report.Totals.CSV], and runs.csv its runs.
func (t Team) Write(w io.Writer, format string) error {
	switch format {
	case "html":
		return t.html(w)
	case "json":
		return t.json(w)
	case "csv":
		return t.Totals.Write(w, format)
	case "runs.csv":
		return t.runsCSV(w)
	}
	return unknownFormat(format, TeamFormats())
}

// now is the time that the page is about.
func (t Team) now() time.Time {
	if t.Now.IsZero() {
		return t.Groups.Total.Last.UTC()
	}
	return t.Now.UTC()
}

// html writes the page: one file that needs nothing else, at most some 300 kB, which sorts
// its tables by mouse and keyboard.
func (t Team) html(w io.Writer) error {
	if err := teamTemplate().Execute(w, t.page()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
