package runs

import "math"

// An Outlook is what a month is expected to take by its end, in the unit of what it was
// made from, with bounds that hold the truth nine times in ten as long as its days are
// like those before.
type Outlook struct {
	Low, Expected, High float64
	Days                int // how many days it rests on
}

const (
	// leastDays is how many whole days an Outlook needs at least, mostDays how many it
	// looks back at the most: four whole weeks.
	leastDays, mostDays = 7, 28
)

// student is the 95 % quantile of Student's t distribution by its degrees of freedom, from
// leastDays−1 to mostDays−1 (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2,
// 2012).
var student = [...]float64{
	1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746,
	1.740, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703,
}

// Expect gives what a month takes by its end: what it has taken, and for each of the days
// that are left the mean of the whole days before today, the newest last, of which the
// last 28 count. The bounds follow from how much those days differ: nothing is known of
// the plans of people. ok is false where there are fewer than seven days, or a figure is
// none.
func Expect(spent float64, days []float64, left float64) (o Outlook, ok bool) {
	if len(days) > mostDays {
		days = days[len(days)-mostDays:]
	}
	if len(days) < leastDays || !(left >= 0) {
		return Outlook{}, false
	}
	var day Spread
	for _, x := range days {
		day.Add(x)
	}
	deviation, _ := day.Deviation()
	n := float64(day.N)
	// The days left scatter, and so does the mean that they are expected by.
	off := student[len(days)-leastDays] * deviation * math.Sqrt(left+left*left/n)
	rest := day.Mean * left
	o = Outlook{spent + max(0, rest-off), spent + rest, spent + rest + off, day.N}
	return o, !math.IsNaN(o.High) && !math.IsInf(o.High, 0)
}
