package footprint

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The units of work that have a meaning of their own. Any other word in their form
// counts as well.
const (
	UnitOutputToken = "output_token"
	UnitInputToken  = "input_token"  // with those that came from a cache
	UnitCachedToken = "cached_token" // of the input
	UnitRequest     = "request"      // served: neither aborted nor failed
	UnitSample      = "sample"
	UnitStep        = "step"
	UnitFLOP        = "flop"
)

// workUnits are those above in the order in which a report has them, others behind.
var workUnits = []string{UnitOutputToken, UnitInputToken, UnitCachedToken, UnitRequest, UnitSample, UnitStep, UnitFLOP}

// How is how some work was counted.
type How string

// The ways to count, the one that a record prefers first.
const (
	ByCounter How = "counter"  // of the engine that did it
	ByProgram How = "declared" // by the program itself, as it went on
	ByEvent   How = "event"    // in the file of events, or by "carbonctl mark"
	ByLog     How = "log"      // a cumulative number in what the program printed
)

const (
	// MaxCount is the most of one unit that is counted.
	MaxCount = 1e30

	maxWorks    = 32 // entries of one run
	longestUnit = 40
)

var hows = []How{ByCounter, ByProgram, ByEvent, ByLog}

// A Count is work that was done: so many units more. The zero N is a look that found
// none, which is a result too.
type Count struct {
	// Unit as [ParseUnit] takes it.
	Unit string `json:"unit"`
	// N is how many more than at the last Count, from 0 to MaxCount.
	N   float64 `json:"n"`
	How How     `json:"how"`
	// Source is the counter, or the pattern, "" where How is enough.
	Source string `json:"source,omitempty"`
	// Series is how many series of a counter are summed.
	Series int `json:"series,omitempty"`
	// Aborted is how many more were begun and not served; they are not in N.
	Aborted float64 `json:"aborted,omitempty"`
	// Resets is how often the counter has started again since the last Count.
	Resets int `json:"resets,omitempty"`
	// Lower: some work may be missing in N, of an unknown amount.
	Lower bool `json:"lower,omitempty"`
	// Blind: no counter was read: N is 0, and Lower set.
	Blind bool `json:"blind,omitempty"`
	// Before is how much of all that was counted may have been done before the run,
	// After how much may have been done and is not counted yet: of an engine that counts
	// a request when it ends. The latest Count decides.
	Before float64 `json:"before,omitempty"`
	After  float64 `json:"after,omitempty"`
}

// ParseUnit reads the name of a unit of work: lower case letters, digits and "_", a
// letter first, at most 40. The plural of a unit that is known means the unit.
func ParseUnit(s string) (string, error) {
	ok := len(s) > 0 && len(s) <= longestUnit && s[0] >= 'a' && s[0] <= 'z'
	for _, c := range []byte(s) {
		ok = ok && (c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9')
	}
	if !ok {
		return "", fmt.Errorf("invalid unit %.60q: use lower case letters, digits and _, such as output_token", s)
	}
	if one := strings.TrimSuffix(s, "s"); slices.Contains(workUnits, one) {
		return one, nil
	}
	return s, nil
}

// works is what an account knows of the work.
type works struct {
	list    []*work
	wrong   int // that were no counts
	dropped int // that were of too many units
	windows
}

// work is one unit, counted in one way.
type work struct {
	Count
	first, last time.Time
}

// Count adds what was counted in one look, late before the latest sample. Of engines'
// counters two looks make a window: it is busy if one of them has moved, and idle
// otherwise.
func (a *Account) Count(late time.Duration, counts ...Count) {
	if a.samples == 0 || len(counts) == 0 {
		return
	}
	late = min(max(late, 0), a.last.time.Sub(a.first.time))
	at := a.last.wall.Add(-late).UTC().Truncate(time.Millisecond)
	looked, moved := false, false
	for _, c := range counts {
		unit, err := ParseUnit(c.Unit)
		if err != nil || !c.possible() {
			a.works.wrong++
			continue
		}
		c.Unit = unit
		w := a.works.find(c)
		if w == nil {
			a.works.dropped++
			continue
		}
		w.add(c, at)
		if c.How == ByCounter && !c.Blind {
			looked, moved = true, moved || c.N > 0 || c.Aborted > 0
		}
	}
	if looked {
		a.works.look(a.edge(late, false), moved)
	}
}

// possible reports whether the numbers of a count can be some.
func (c Count) possible() bool {
	for _, n := range []float64{c.N, c.Aborted, c.Before, c.After} {
		if !(n >= 0 && n <= MaxCount) {
			return false
		}
	}
	return c.Resets >= 0 && slices.Contains(hows, c.How)
}

// find gives the entry of a count, nil where there are too many.
func (s *works) find(c Count) *work {
	for _, w := range s.list {
		if w.Unit == c.Unit && w.How == c.How {
			return w
		}
	}
	if len(s.list) >= maxWorks {
		return nil
	}
	w := &work{Count: Count{Unit: c.Unit, How: c.How}}
	s.list = append(s.list, w)
	return w
}

func (w *work) add(c Count, at time.Time) {
	w.Lower = w.Lower || c.Lower || c.Resets > 0
	if c.Blind {
		return // it was not looked at
	}
	if w.first.IsZero() {
		w.first = at
	}
	w.last = at
	w.N = min(w.N+c.N, MaxCount)
	w.Aborted = min(w.Aborted+c.Aborted, MaxCount)
	w.Resets += c.Resets
	w.Before, w.After = c.Before, c.After
	w.Series = max(w.Series, c.Series)
	if c.Source != "" {
		w.Source = c.Source
	}
}
