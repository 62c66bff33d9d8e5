package runs

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A List is runs to be shown one by one.
type List interface {
	Len() int
	At(i int) Row
}

// Rows are a List of whole rows.
type Rows []Row

// Len is how many there are.
func (r Rows) Len() int { return len(r) }

// At is the row at a place.
func (r Rows) At(i int) Row { return r[i] }

// A Listing keeps what a list of runs shows of the Most that started last, or of all
// for 0: about 80 bytes a run. The zero Listing is empty.
type Listing struct {
	Most int

	runs   []listed
	seen   uint32
	texts  []string
	byText map[string]uint32
	sorted bool
}

// listed is a run in a Listing; texts stand by their place.
type listed struct {
	start                              int64 // Unix nanoseconds
	duration                           Number
	energy                             energy.Energy
	grams                              Number
	id                                 uuid.UUID
	came                               uint32 // of two that started together the first one comes first
	project, status, zone, counted, as uint32 // as: the ID where it is no UUID, 0 if it is one
}

func (a listed) compare(b listed) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.came, b.came))
}

// Add takes one row.
func (l *Listing) Add(r *Row) {
	x := listed{
		start: unixNano(r.StartedAt), duration: r.DurationS, energy: r.Energy, grams: r.Emissions, came: l.seen,
		project: l.text(r.Project), status: l.text(string(r.Status)), zone: l.text(r.Zone), counted: l.text(r.CountedBy),
	}
	id, err := uuid.Parse(r.RunID)
	if x.id = id; err != nil || id.String() != r.RunID {
		x.as = l.text(r.RunID) + 1
	}
	l.seen++
	l.runs, l.sorted = append(l.runs, x), false
	if l.Most > 0 && len(l.runs) >= 2*l.Most+64 {
		l.cut()
	}
}

func unixNano(t Stamp) int64 {
	if t.IsZero() {
		return -1 << 63
	}
	return t.UnixNano()
}

// text keeps a text once.
func (l *Listing) text(s string) uint32 {
	if n, ok := l.byText[s]; ok {
		return n
	}
	if l.byText == nil {
		l.byText = map[string]uint32{}
	}
	n, s := uint32(len(l.texts)), strings.Clone(s)
	l.texts = append(l.texts, s)
	l.byText[s] = n
	return n
}

// cut sorts the runs by their starts, and keeps the last ones.
func (l *Listing) cut() {
	if l.sorted {
		return
	}
	slices.SortFunc(l.runs, listed.compare)
	if n := len(l.runs) - l.Most; l.Most > 0 && n > 0 {
		l.runs = append(l.runs[:0], l.runs[n:]...)
	}
	l.sorted = true
}

// Len is how many runs it holds.
func (l *Listing) Len() int {
	l.cut()
	return len(l.runs)
}

// At is the run at a place, in the order of their starts: its ID, project, status,
// start, duration, zone, energy, emissions, and what counts it. No more is kept.
func (l *Listing) At(i int) Row {
	l.cut()
	x := l.runs[i]
	r := Row{
		RunID: x.id.String(), Project: l.texts[x.project], Status: footprint.Status(l.texts[x.status]), Zone: l.texts[x.zone],
		CountedBy: l.texts[x.counted], DurationS: x.duration, Energy: x.energy, Emissions: x.grams,
	}
	if x.as > 0 {
		r.RunID = l.texts[x.as-1]
	}
	if x.start != -1<<63 {
		r.StartedAt = Stamp{time.Unix(0, x.start).UTC()}
	}
	return r
}
