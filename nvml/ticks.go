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

	rhythm rhythm    // where they are not
	vague  bool      // the latest value may be that of either of two ticks
	again  time.Time // when to learn the rhythm once more
	lost   int       // how often it was
}

// relearnEvery is the time until a rhythm is learnt again that was lost, or not
// found. It doubles each time.
const relearnEvery = 10 * time.Second

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
		t.hear(at)
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
	most = max(least, min(at.Sub(t.earliest), at.Sub(asked)+t.longest))
	if t.vague = false; t.rhythm.steady && t.rhythm.faded(at) { // nobody has looked for long
		t.anew(at)
	} else if t.rhythm.steady {
		from, to, vague, ok := t.rhythm.narrow(least, most, asked, at)
		if !ok {
			t.lose(at)
			return least, most
		}
		least, most, t.vague = from, to, vague
	}
	return least, most
}

// hear gives the rhythm a tick that a look at at has shown, where the one before
// was shortly before it.
func (t *ticks) hear(at time.Time) {
	switch r := &t.rhythm; {
	case at.Sub(t.look) <= 2*pollEvery:
		r.hear(t.look, at)
	case !r.steady:
		r.seen = r.seen[:0] // what comes next is not the one after the latest
	}
}

// anew forgets the rhythm, to learn it at once: of a GPU that has begun again.
func (t *ticks) anew(now time.Time) { t.rhythm, t.again, t.vague = rhythm{}, now, false }

// lose gives the rhythm up, for some time.
func (t *ticks) lose(now time.Time) {
	t.rhythm = rhythm{seen: t.rhythm.seen[:0]}
	t.again = now.Add(relearnEvery << min(t.lost, 8))
	t.lost++
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
	if !t.again.IsZero() && !at.Before(t.again) { // begin anew, for the rhythm alone
		t.again, t.began, t.seen, t.widest = time.Time{}, at, 0, 0
		t.rhythm.seen = t.rhythm.seen[:0]
	}
	inTime := at.Sub(t.began) <= pollFor
	if inTime && t.seen < enoughTicks {
		return
	}
	if inTime && !t.learnt {
		t.learnt = true
		t.longest = t.widest + t.widest/10 // they are not quite regular
	}
	if !t.rhythm.steady && !t.stamped() && t.again.IsZero() {
		t.lose(at)
	}
}

// wants is how long until it is worth looking again, 0 for never.
func (t *ticks) wants(now time.Time) time.Duration {
	switch {
	case !t.started, t.seen < enoughTicks && now.Sub(t.began) < pollFor:
		return pollEvery
	case t.stamped():
		return 0
	case !t.again.IsZero():
		return max(t.again.Sub(now), pollEvery)
	}
	return t.rhythm.lookOut(now)
}
