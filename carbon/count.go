package carbon

import (
	"slices"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

// A Counter is Work whose amount is counted from outside, such as by the counters of an
// engine. It is found by type assertion.
type Counter interface {
	// Counted gives what the last look has shown, nil if nothing. It is called once, when
	// the last reading has been taken, and must return within some milliseconds.
	Counted() []footprint.Count
}

// Count adds n units of work that was done, such as "output_token", "request" or "sample": the
// report gives energy, emissions and cost of each. It takes some 50 ns and reads nothing, so
// that it may be called for every token. 0 records that there were none so far, which is a
// result too. A unit is lower case letters, digits and "_"; any other name, and an n below 0,
// is a warning in the report. Counts before Start belong to the run, those after Stop to
// nothing.
func (t *Tracker) Count(unit string, n int) {
	if t != nil {
		t.tally.add(footprint.Count{Unit: unit, N: float64(n), How: footprint.ByProgram})
	}
}

// Counted records work that was counted outside this program: what one look has shown, and its
// time. It does not wait.
func (t *Tracker) Counted(at time.Time, counts ...footprint.Count) {
	if t != nil && len(counts) > 0 {
		t.tally.look(at, counts)
	}
}

// maxPending bounds the units that wait for a sample; an account takes fewer.
const maxPending = 100

// A tally holds counts on their way to the account.
type tally struct {
	mu    sync.Mutex
	sums  []footprint.Count // that are of no instant
	looks []look            // at counters
	lost  int
}

// A look is what counters showed at one time.
type look struct {
	at     time.Time
	late   time.Duration // before the sample that it is counted with
	counts []footprint.Count
}

// add takes a count whose instant does not matter.
func (y *tally) add(c footprint.Count) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if c.N >= 0 {
		for i := range y.sums {
			if s := &y.sums[i]; s.Unit == c.Unit && s.How == c.How && s.N >= 0 {
				s.N += c.N
				s.Resets += c.Resets
				s.Lower = s.Lower || c.Lower
				if c.Source != "" {
					s.Source = c.Source
				}
				return
			}
		}
	}
	if len(y.sums) >= maxPending {
		y.lost++
		return
	}
	y.sums = append(y.sums, c)
}

// look takes what counters showed; what is of no counter has no instant.
func (y *tally) look(at time.Time, counts []footprint.Count) {
	var counters []footprint.Count
	for _, c := range counts {
		if c.How == footprint.ByCounter {
			counters = append(counters, c)
		} else {
			y.add(c)
		}
	}
	if counters == nil {
		return
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if len(y.looks) >= maxQueued {
		y.lost++
		return
	}
	y.looks = append(y.looks, look{at: at, counts: counters})
}

// waits reports whether there is something to take.
func (y *tally) waits() bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.sums)+len(y.looks)+y.lost > 0
}

// take gives all there is, for a sample of now.
func (y *tally) take(now time.Time) (all []look, lost int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, l := range y.looks {
		l.late = max(now.Sub(l.at), 0)
		all = append(all, l)
	}
	if len(y.sums) > 0 {
		all = append(all, look{counts: slices.Clone(y.sums)})
	}
	lost = y.lost
	y.looks, y.sums, y.lost = y.looks[:0], y.sums[:0], 0
	return all, lost
}

// count gives the account what was counted. mu is held, and the account has the sample.
func (t *Tracker) count() []look {
	all, lost := t.tally.take(t.sampled)
	for _, l := range all {
		t.account.Count(l.late, l.counts...)
	}
	if lost > 0 {
		t.account.Note(footprint.Fault{Code: footprint.WorkInvalid, Text: "counts dropped: too many units, or a meter hung", Count: lost})
	}
	return all
}
