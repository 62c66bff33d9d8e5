package nvml

import (
	"math"
	"time"
)

// A rhythm foretells when a counter ticks whose values are not stamped. It keeps
// ticks that were seen within a narrow window, and a line through their times by
// their numbers. How far ticks lie off the line, and how far from them another one
// is, bounds what it foretells. So that it does not lose the beat it has ticks
// looked out for, at distances that double, as the line gets longer.
type rhythm struct {
	seen []beat
	// The line: tick n is period × n + first after zero, give or take off. It holds
	// while steady.
	zero          time.Time
	first, period float64 // seconds
	off           float64
	steady        bool

	due    int // the tick to look out for next
	missed int // such in vain, one after the other
}

// A beat is a tick that was seen, at a time give or take so many seconds.
type beat struct {
	number int
	at     time.Time
	unsure float64
}

const (
	// beatsKept are enough for a line.
	beatsKept = 8
	// lookOutEvery is the longest time between two look-outs. The clocks of a GPU and
	// of its host part by less than 1 ms in it.
	lookOutEvery = 5 * time.Second
	// finest is the shortest time between two looks at a look-out.
	finest = time.Millisecond
)

// hear takes a tick that was between two times: the one after the latest, as long as
// nothing is foretold.
func (r *rhythm) hear(from, to time.Time) {
	b := beat{at: to.Add(from.Sub(to) / 2), unsure: to.Sub(from).Seconds() / 2}
	if n := len(r.seen); n > 0 {
		b.number = r.seen[n-1].number + 1
	}
	if r.steady {
		b.number = int(math.Round(r.number(b.at)))
		if b.number <= r.seen[len(r.seen)-1].number || r.tick(b.number).off+b.unsure > r.period/2 {
			return // it may be any
		}
	}
	if r.seen = append(r.seen, b); len(r.seen) > beatsKept {
		r.forget()
	}
	if len(r.seen) >= enoughTicks {
		r.fit()
	}
	if r.steady {
		r.missed = 0
		r.due = b.number + r.ahead(b.number-r.seen[0].number)
	}
}

// forget leaves out the tick that is the least sure, the oldest of those.
func (r *rhythm) forget() {
	worst := 0
	for i, b := range r.seen {
		if b.unsure > r.seen[worst].unsure {
			worst = i
		}
	}
	r.seen = append(r.seen[:worst], r.seen[worst+1:]...)
}

// fit draws the line. Ticks that lie off it by more than the windows they were seen
// in are irregular, and others may be more so: of n that are spread evenly the range
// of all is (n+1)/(n-1) times what is seen, on average.
func (r *rhythm) fit() {
	n := float64(len(r.seen))
	r.zero = r.seen[0].at
	var sx, sy, sxx, sxy float64
	for _, b := range r.seen {
		x, y := float64(b.number), b.at.Sub(r.zero).Seconds()
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	r.period = (n*sxy - sx*sy) / (n*sxx - sx*sx)
	r.first = (sy - r.period*sx) / n
	var irregular, unsure float64
	for _, b := range r.seen {
		e := math.Abs(b.at.Sub(r.zero).Seconds() - r.first - r.period*float64(b.number))
		irregular, unsure = max(irregular, e-b.unsure), max(unsure, b.unsure)
	}
	r.off = irregular*(n+1)/(n-1) + unsure
	if r.steady = r.period > 0 && r.off < r.period/6; !r.steady {
		r.seen = r.seen[:0]
	}
}

// ahead is how many ticks the next look-out is after one, where so many would do: not
// so many that it could be of another one.
func (r *rhythm) ahead(ticks int) int {
	long := float64(r.seen[len(r.seen)-1].number - r.seen[0].number)
	return max(1, int(min(float64(ticks), lookOutEvery.Seconds()/r.period, long*(r.period/(3*r.off)-1)/2)))
}

// faded reports whether the line says nothing of a time any more.
func (r *rhythm) faded(at time.Time) bool { return r.tick(int(r.number(at))).off > r.period/2 }

// number is the number of a time, by the line: a whole one at a tick.
func (r *rhythm) number(at time.Time) float64 {
	return (at.Sub(r.zero).Seconds() - r.first) / r.period
}

// foretold is when a tick is, give or take so many seconds.
type foretold struct {
	at  time.Time
	off float64
}

func (f foretold) from() time.Time { return f.at.Add(-seconds(f.off)) }
func (f foretold) to() time.Time   { return f.at.Add(seconds(f.off)) }

func (r *rhythm) tick(number int) foretold {
	last := r.seen[len(r.seen)-1].number
	ahead := max(float64(number-last)/float64(last-r.seen[0].number), 0)
	return foretold{r.zero.Add(seconds(r.first + r.period*float64(number))), r.off * (1 + 2*ahead)}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// narrow gives how long before at the value was shown first that a look between
// asked and at has found, where that is between least and most for what else is
// known. vague says that it may be that of either of two ticks. ok is false if it
// can't be that of any: the rhythm is lost.
func (r *rhythm) narrow(least, most time.Duration, asked, at time.Time) (from, to time.Duration, vague, ok bool) {
	n := int(math.Floor(r.number(at)))
	for n++; r.tick(n).from().After(at); n-- { // the last that may have been
	}
	from, to = most, least
	for found := 0; ; n-- {
		f := r.tick(n)
		a, b := max(least, at.Sub(f.to())), min(most, at.Sub(f.from()))
		if a <= b {
			from, to = min(from, a), max(to, b)
			found++
		}
		if f.to().Before(asked) { // it has been for sure, and is the one if none after it is
			return from, to, found > 1, found > 0
		}
	}
}

// lookOut is how long until the counter should be looked at for the tick that is
// due, where the latest look was at a time, 0 for not at all.
func (r *rhythm) lookOut(now time.Time) time.Duration {
	if !r.steady {
		return 0
	}
	if r.faded(now) {
		return pollEvery // and learn it anew
	}
	f := r.tick(r.due)
	for now.After(f.to()) { // it was missed: the program was busy
		r.missed = min(r.missed+1, 16)
		r.due = int(math.Ceil(r.number(now))) + r.ahead(1<<r.missed)
		f = r.tick(r.due)
	}
	// The first look is before it can be, so that a tick which is not where it was
	// foretold shows.
	if d := f.from().Add(-finest).Sub(now); d > 0 {
		return d
	}
	return min(max(seconds(f.off/2), finest), pollEvery)
}
