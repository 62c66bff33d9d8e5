// Package predict says what the rest of a run will cost from what its epochs have
// cost so far, be that seconds or joules: plain numbers in, plain numbers out. How
// good it is stands in docs/prediction.md.
package predict

import (
	"cmp"
	"math"
	"slices"
)

// What extrapolate assumes where the epochs themselves do not tell. Each is set
// by other runs than those that docs/prediction.md shows: there is how.
const (
	// After one epoch nobody knows what of it was warm-up: the others cost from
	// firstLow to firstHigh times as much.
	firstLow, firstHigh = 0.25, 1.5
	// validates is how many times as much a whole epoch costs at most as its steps do,
	// which is all that is seen within it.
	validates = 1.5
	// wander is how much the level of a run changes, as a part of itself, each time
	// that the number of its epochs doubles; young, over the number of epochs that
	// it is known by, how much more that is.
	wander, young = 0.07, 0.04
	// plain is how many standard errors a change is away from chance.
	plain = 4
	// normal is the 95 % quantile of the normal distribution: 5 % on each side.
	normal = 1.645
	// stall is how many times the usual an isolated epoch counts for at most: the
	// validations and checkpoints of published runs make an epoch up to 2.5 times as
	// dear, and what is dearer stood still.
	stall = 3
	// Up to few later epochs are too few for halves to be compared. outlier is how many
	// times the middle one is more than any validation, alike within which factor the
	// first is one of them, and oneWay how much of the way to the last is believed of
	// epochs that only grow, or only shrink.
	few, outlier, alike, oneWay = 4, 2.5, 1.25, 0.7
)

// A Range is what is expected, between bounds that hold the truth as often as
// [Level] says. It is in the unit of the epochs.
type Range struct{ Low, Expected, High float64 }

// Level is how often the truth is to lie within a Range, of runs such as
// docs/prediction.md has.
const Level = 0.9

// Rest is what more epochs will cost after those that have ended, with what lies
// between them: without the first, which warms up, by the later ones where they
// differ, along a trend that goes on, and with the validations that are due. It is
// for a run that has all its epochs: one that stops early needs less.
//
// Each of cycles is what some epochs have cost together, in their order: one where
// each is 0 or 1. Without cycles, or epochs to come, it is 0.
func Rest(cycles []float64, each, epochs int) Range {
	if epochs <= 0 {
		return Range{}
	}
	each = max(each, 1)
	n := (epochs-1)/each + 1
	o := extrapolate(cycles, n)
	part := float64(epochs) / float64(n*each)
	return Range{o.Low * part, o.Expected * part, o.High * part}
}

// Within is what more epochs will cost, while the first goes on: a part of it has cost
// so much. The warm-up that a whole first epoch may hold can all be in that part, so
// the interval is the wider the smaller the part is. Without a part, or epochs to come,
// it is 0.
func Within(cost, part, epochs float64) Range {
	if !(part > 0) || !(epochs > 0) {
		return Range{}
	}
	expected := cost / part * epochs
	return Range{expected * part / (part + 1/firstLow - 1), expected, expected * firstHigh * validates}
}

// Method is the name of how Rest predicts, as reports show it.
const Method = "robust"

// extrapolate gives the cost of left more epochs after those of x. The first is
// left out as soon as there are others: it loads, compiles and warms up. Epochs
// that are dear at a fixed distance, validations, are counted where they are due.
// Else an isolated stall is capped, the level is the mean, of the later half as far
// as that differs plainly, and a trend that goes on is followed, but not farther
// than it has been seen.
func extrapolate(x []float64, left int) Range {
	m := float64(left)
	switch {
	case len(x) == 0 || left <= 0:
		return Range{}
	case len(x) == 1:
		return Range{x[0] * firstLow * m, x[0] * m, x[0] * firstHigh * m}
	}
	for _, y := range [][]float64{x[1:], capped(x)[1:]} { // a dear epoch may be due, or hide what is
		if k, at := rhythm(y); k > 0 {
			return periodic(y, k, at, left)
		}
	}
	x = capped(x)
	y := x[1:]
	n := float64(len(y))
	l := levelOf(y)
	if len(y) <= few {
		l.mean = ofFew(x)
	}
	expected := m * l.mean
	if slope := trend(y); slope != 0 {
		// It is believed as far as the part of the run that has shown it: what has
		// grown for a quarter may be a leak that ends with a restart. The mean of the
		// later half stands at three quarters of what was seen.
		far := min(m, n)
		expected = max(m*l.mean+min(1, n/m)*slope*(m*n/4+far*far/2+(m-far)*far), expected/3)
	}
	return l.spread(expected, n, m)
}

// capped takes an isolated epoch that cost more than stall times the usual for one
// that stood still: it counts for that much and no more. Two in a row are no stall.
func capped(x []float64) []float64 {
	most := stall * median(x)
	y := slices.Clone(x)
	above := func(i int) bool { return i >= 0 && i < len(x) && x[i] > most }
	for i := range x {
		if above(i) && !above(i-1) && !above(i+1) {
			y[i] = most
		}
	}
	return y
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// ofFew gives the level that few epochs show, of which the first is x[0]. Where one
// stands out as a stall does, it is the middle one. Where they go one way, what comes
// is nearer to the last. Else it is their mean, with the first where that is like
// the others.
func ofFew(x []float64) float64 {
	later := measure(x[1:]).mean
	last, middle := x[len(x)-1], median(x)
	switch {
	case slices.Max(x[1:]) > outlier*middle:
		return middle
	case slices.IsSorted(x), slices.IsSortedFunc(x, func(a, b float64) int { return cmp.Compare(b, a) }):
		return oneWay*last + (1-oneWay)*later
	case x[0] > alike*later || x[0]*alike < later:
		return later
	}
	return measure(x).mean
}

// level is what an epoch costs: the mean, how single epochs and means of several
// scatter around it, and how far it has moved from the earlier half of what was
// seen to the later, beyond chance.
type level struct{ mean, sd, long, moved float64 }

// spread puts bounds around what m more epochs after n cost: epochs scatter, and
// so does the mean that was taken for the level; and levels wander, by as much
// more as this one has been seen to. The bounds are as many times below what is
// expected as above.
func (l level) spread(expected, n, m float64) Range {
	scatter := l.long * math.Sqrt(m+m*m/n)
	way := math.Hypot(expected*(wander+young/n), m*l.moved) * math.Sqrt(math.Log2(1+m/n))
	high := expected + normal*math.Hypot(scatter, way)
	low := 0.0
	if high > 0 {
		low = max(expected/high, firstLow) * expected
	}
	return Range{low, expected, high}
}

// levelOf gives the level at the end of y.
func levelOf(y []float64) level {
	all := measure(y)
	later := measure(y[len(y)/2:])
	if len(y) < 4 {
		return level{mean: later.mean, long: max(all.sd, 0.02*all.mean)}
	}
	h := float64(len(y) / 2)
	earlier := measure(y[:len(y)/2])
	se := math.Sqrt((earlier.long*earlier.long + later.long*later.long) / h)
	sure := 1.0
	d := math.Abs(later.mean - earlier.mean)
	if d < plain*se {
		sure = d / (plain * se)
	}
	return level{
		mean:  all.mean + sure*(later.mean-all.mean),
		long:  max(later.long, all.long*(1-sure)),
		moved: math.Sqrt(max(d*d-se*se, 0)),
	}
}

// measure gives the mean of y, its standard deviation, and that of long means
// times the root of their length, which is more where epochs resemble the one
// before.
func measure(y []float64) (l level) {
	n := float64(len(y))
	for _, v := range y {
		l.mean += v / n
	}
	if n < 2 {
		return l
	}
	var square, next float64
	for i, v := range y {
		d := v - l.mean
		square += d * d
		if i > 0 {
			next += d * (y[i-1] - l.mean)
		}
	}
	l.sd = math.Sqrt(square / (n - 1))
	l.long = l.sd
	if square > 0 && n >= 8 {
		like := min(max(next/square, 0), 0.9)
		l.long *= math.Sqrt((1 + like) / (1 - like))
	}
	return l
}

// trend is the change per epoch, 0 where there is none that goes on: the later
// half has to go on as the whole does, by itself and plainly.
func trend(y []float64) float64 {
	n := len(y)
	if n < 12 {
		return 0
	}
	slope := func(y []float64) float64 {
		a, b := measure(y[:len(y)/2]), measure(y[len(y)/2:])
		h := float64(len(y) / 2)
		if d := b.mean - a.mean; math.Abs(d) > plain*math.Sqrt((a.sd*a.sd+b.sd*b.sd)/h) {
			return d / h
		}
		return 0
	}
	whole, later := slope(y), slope(y[n/2:])
	if whole*later <= 0 {
		return 0
	}
	if math.Abs(later) < math.Abs(whole) {
		return later
	}
	return whole
}

// rhythm finds epochs that cost more at a fixed distance k, the first of them at
// index at. k is 0 where there is no such thing.
func rhythm(y []float64) (k, at int) {
	const most = 256 // half of more epochs holds many of them anyway
	n := len(y)
	if n < 4 || n > most {
		return 0, 0
	}
	sorted := slices.Clone(y)
	slices.Sort(sorted)
	usual := sorted[(n-1)*2/5] // also where every second one costs more
	at, last := -1, -1
	for i, v := range y {
		if v <= 1.1*usual {
			continue
		}
		switch {
		case at < 0:
			at = i
		case k == 0:
			k = i - at
		case i-last != k:
			return 0, 0
		}
		last = i
	}
	if k < 2 || at >= k || n-1-last >= k { // one more would have been before, or is missing
		return 0, 0
	}
	return k, at
}

// periodic counts the dear and the usual epochs that are left.
func periodic(y []float64, k, at, left int) Range {
	var dear, usual []float64
	for i, v := range y {
		if i%k == at {
			dear = append(dear, v)
		} else {
			usual = append(usual, v)
		}
	}
	until := func(n int) int { return (n - at + k - 1) / k } // of the first n; at < k
	due := float64(until(len(y)+left) - until(len(y)))
	d, u := levelOf(dear), levelOf(usual)
	m := float64(left)
	return u.spread(d.mean*due+u.mean*(m-due), float64(len(y)), m)
}
