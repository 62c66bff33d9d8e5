package regions

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Slot is a stretch of time and what a kWh emits in it on average.
type Slot struct {
	From, To time.Time
	// PerKWh is the mean over the slot, Now that of a slot as long that begins
	// at once.
	PerKWh, Now Grams
	Kind        Kind // Forecast, Profile …; Mixed if the series has several
}

// Saving is the part of the emissions that waiting avoids, 0 to 1.
func (s Slot) Saving() float64 {
	if s.Now <= 0 {
		return 0
	}
	return float64(1 - s.PerKWh/s.Now)
}

// ErrShort is wrapped where a series doesn't cover the time that was asked for.
var ErrShort = errors.New("the series does not cover the time")

// Window finds the greenest slot of a length within [from, by], for work that
// uses power evenly. It is pure. Of slots that are equal it takes the earliest.
//
// The series is as a [Forecaster] gives it, each intensity with From and To,
// all of one scope, and all marginal or none. A slot must be covered without a
// gap; those that are not are passed over, and where the one that begins at
// from is not, or none is, the error wraps ErrShort.
func Window(series []Intensity, length time.Duration, from, by time.Time) (Slot, error) {
	if length <= 0 {
		return Slot{}, fmt.Errorf("length %v: must be more than 0", length)
	}
	last := by.Add(-length)
	if last.Before(from) {
		return Slot{}, fmt.Errorf("a slot of %v does not fit between %s and %s", length, stamp(from), stamp(by))
	}
	kind, err := uniform(series)
	if err != nil {
		return Slot{}, err
	}
	now, ok := mean(series, from, length)
	if !ok {
		return Slot{}, fmt.Errorf("%w from %s for %v", ErrShort, stamp(from), length)
	}
	best := Slot{From: from, To: from.Add(length), PerKWh: now, Now: now, Kind: kind}
	// The mean is linear between starts at which an edge of the slot meets an
	// edge of the series, so the least is at one of those.
	for _, start := range starts(series, length, from, last) {
		// Less by more than rounding, so that equals stay early.
		if m, ok := mean(series, start, length); ok && m < best.PerKWh*(1-1e-12) {
			best.From, best.To, best.PerKWh = start, start.Add(length), m
		}
	}
	return best, nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

// uniform tells whether a series can be compared within itself.
func uniform(series []Intensity) (Kind, error) {
	if len(series) == 0 {
		return "", fmt.Errorf("%w: it is empty", ErrShort)
	}
	kind := series[0].Kind
	for i, in := range series {
		switch first := series[0]; {
		case !in.From.Before(in.To):
			return "", fmt.Errorf("intensity %d of the series holds from %s to %s", i+1, stamp(in.From), stamp(in.To))
		case i > 0 && in.From.Before(series[i-1].To):
			return "", fmt.Errorf("intensity %d of the series, from %s, overlaps the one before", i+1, stamp(in.From))
		case in.Scope != first.Scope || in.Marginal != first.Marginal || in.Market != first.Market:
			return "", fmt.Errorf("the series mixes intensities of different scopes, or marginal ones with averages")
		case in.Kind != kind:
			kind = Mixed
		}
	}
	return kind, nil
}

func starts(series []Intensity, length time.Duration, from, last time.Time) []time.Time {
	all := []time.Time{last}
	for _, in := range series {
		for _, t := range []time.Time{in.From, in.To, in.From.Add(-length), in.To.Add(-length)} {
			if t.After(from) && t.Before(last) {
				all = append(all, t)
			}
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// mean over a slot, and whether the series covers it.
func mean(series []Intensity, start time.Time, length time.Duration) (Grams, bool) {
	end := start.Add(length)
	i, _ := slices.BinarySearchFunc(series, start, func(in Intensity, t time.Time) int {
		if in.To.After(t) {
			return 1
		}
		return -1
	})
	var sum float64
	at := start
	for ; i < len(series) && at.Before(end); i++ {
		in := &series[i]
		if in.From.After(at) {
			return 0, false
		}
		to := in.To
		if end.Before(to) {
			to = end
		}
		sum += float64(in.PerKWh) * to.Sub(at).Seconds()
		at = to
	}
	return Grams(sum / length.Seconds()), !at.Before(end)
}
