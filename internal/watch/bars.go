package watch

import "time"

// bars are the counts that lines of the first epoch have shown without naming it. They
// run one after the other, but for those within another. Which of them train is not
// known: an epoch lasts as long as all.
type bars struct {
	seen []*stepBar
	main *stepBar // the one that leads
	// before are the totals of those that had begun before the epoch and were not full:
	// they count more than it.
	before []int
	// run is how many steps the whole run has, where the program says so.
	run int
}

// maxBars bounds what is kept: who shows more counts something else.
const maxBars = 16

// A stepBar is one count as it grows.
type stepBar struct {
	of, from, done, stride int
	first, last            time.Time
	pause                  time.Duration // the longest between two of its lines
	led                    bool          // it has been main
	trains                 bool          // its lines say so
	follows                bool          // another one that led was over before
}

// over reports whether no more of a bar is to be expected: it is full, or it has been
// quiet for as long as all of it took, and for three of its pauses.
func (b *stepBar) over(now time.Time) bool {
	took := b.last.Sub(b.first)
	return b.done+b.stride >= b.of || took > 0 && now.Sub(b.last) > max(took, 3*b.pause)
}

// outside takes a count from before the epoch.
func (b *bars) outside(c count) {
	for i, of := range b.before {
		if of != c.of {
			continue
		}
		if c.done == c.of {
			b.before = append(b.before[:i], b.before[i+1:]...)
		}
		return
	}
	if c.done < c.of && len(b.before) < maxBars {
		b.before = append(b.before, c.of)
	}
}

// take gives the part of the epoch that has passed by a count, 0 where it tells nothing.
// again says that it replaces what was told before, and may be less. began is when the
// epoch did. bare says that nothing on the lines tells that it is training what they count.
func (b *bars) take(c count, began, now time.Time) (fraction float64, bare, again bool) {
	for _, of := range b.before {
		if of == c.of {
			return 0, false, false
		}
	}
	x, fresh := b.find(c.of), stepBar{of: c.of, from: c.done, done: c.done, stride: 1, first: now, last: now}
	switch {
	case x == nil && len(b.seen) == maxBars:
		return 0, false, false
	case x == nil:
		x = &fresh
		b.seen = append(b.seen, x)
		if !c.drawn { // two numbers, once, may be anything
			return 0, false, false
		}
	case c.done < x.done && x.over(now): // another one, of as many steps
		fresh.led, fresh.follows = x.led, x.led
		*x = fresh
		return 0, false, false
	case c.done <= x.done:
		return 0, false, false
	default:
		x.pause = max(x.pause, now.Sub(x.last))
		x.stride, x.done, x.last = c.done-x.done, c.done, now
	}
	again = b.main != nil && b.main != x
	if again && !x.led {
		if !b.main.over(now) {
			return 0, false, false // it is within that one
		}
		x.follows = true
	}
	b.main, x.led, x.trains = x, true, x.trains || c.trains
	if !x.follows {
		return float64(x.done) / float64(x.of), !x.trains, again
	}
	if x.done == x.from {
		return 0, false, false
	}
	left := float64(now.Sub(x.first)) * float64(x.of-x.done) / float64(x.done-x.from)
	passed := float64(now.Sub(began))
	return passed / (passed + left), !x.trains, true
}

func (b *bars) find(of int) *stepBar {
	for _, x := range b.seen {
		if x.of == of {
			return x
		}
	}
	return nil
}
