package nvml

import "time"

// slowestTick is how long an energy counter may take to move until that has been
// seen: 104 ms is the longest time between two values of a power sensor that is
// published (A100, SC24, see models.go); 10 to 100 ms are reported of counters.
const slowestTick = 110 * time.Millisecond

// How ticks are learnt: by looking every pollEvery until enoughTicks have been
// seen, for pollFor at most. A driver whose answers take longer than cheap is left
// alone: it would be kept busy, and the work with it.
const (
	pollEvery   = 5 * time.Millisecond
	pollFor     = 600 * time.Millisecond
	enoughTicks = 4
	cheap       = time.Millisecond
)

// ticks finds out when a counter moves: how often at the slowest, and whether the
// driver stamps its values with that time or only with the time of the call.
type ticks struct {
	longest time.Duration // between two, at the most
	learnt  bool

	started  bool
	began    time.Time
	look     time.Time // the latest, before it was asked
	moved    time.Time // when the counter was last seen to have moved
	earliest time.Time // and when that can have been, at the earliest
	seen     int
	widest   time.Duration // between two, while learning
	stamp    time.Time
	fits     int  // ticks whose stamps fit
	unfit    bool // one does not
	kept     bool // a value was seen twice, with the stamp that it had
}

// observe takes one look between two times, at a value that is new or not, with
// the driver's stamp (zero if none). It returns between how long ago, before at,
// the value was shown first.
func (t *ticks) observe(isNew bool, stamp, asked, at time.Time) (least, most time.Duration) {
	if !t.started {
		t.started, t.began, t.longest = true, asked, slowestTick
		t.moved, t.earliest, t.stamp = at, at.Add(-t.longest), stamp
		t.look = asked
		return 0, at.Sub(asked) + t.longest
	}
	t.check(isNew, stamp, asked, at)
	if isNew {
		if still := t.look.Sub(t.moved); still > t.longest && still < time.Second {
			t.longest = still + still/10 // it is slower than was thought
		}
		if t.seen++; t.seen > 1 && !t.learnt {
			t.widest = max(t.widest, at.Sub(t.earliest))
		}
		t.earliest, t.moved = t.look, at
	}
	t.look = asked
	t.learn(at)
	if t.stamped() && !stamp.IsZero() {
		age := max(0, at.Sub(stamp))
		return age, age
	}
	least = at.Sub(t.moved)
	return least, max(least, min(at.Sub(t.earliest), at.Sub(asked)+t.longest))
}

// check compares the stamp with what was seen of the value.
func (t *ticks) check(isNew bool, stamp, asked, at time.Time) {
	const slop = time.Millisecond // stamps are wall time, in microseconds
	same := stamp.Sub(t.stamp).Abs() <= slop
	switch {
	case stamp.IsZero() || isNew && (stamp.Before(t.look.Add(-slop)) || stamp.After(at.Add(slop))) || !isNew && !same:
		t.unfit = true
	case isNew:
		t.fits++
	case stamp.Before(asked.Add(-slop)):
		t.kept = true
	}
	t.stamp = stamp
}

// stamped reports whether stamps are the times of ticks, as far as was seen.
func (t *ticks) stamped() bool { return !t.unfit && t.kept && t.fits > 0 }

func (t *ticks) learn(at time.Time) {
	if t.learnt || t.seen < enoughTicks || at.Sub(t.began) > pollFor {
		return
	}
	t.learnt = true
	t.longest = t.widest + t.widest/10 // they are not quite regular
}

// wants reports whether it is worth looking again soon.
func (t *ticks) wants(now time.Time) bool {
	return !t.started || !t.learnt && now.Sub(t.began) < pollFor
}
