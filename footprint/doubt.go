package footprint

import (
	"slices"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Doubt is what one source of uncertainty adds to the emissions of a run: they may be
// Low less and High more for that alone. A nil High is no bound.
type Doubt struct {
	Source DoubtSource
	Kinds  []energy.Kind // of [ByCounters], [ByModel] and [Unread]
	Low    regions.Grams
	High   *regions.Grams
}

// DoubtSource is where a doubt comes from.
type DoubtSource string

// The sources of doubt.
const (
	ByCounters DoubtSource = "counters" // resolution and gaps of what was measured
	ByModel    DoubtSource = "model"    // what was modelled
	Unread     DoubtSource = "unread"   // something is there that was neither
	ByFactor   DoubtSource = "factor"   // the range of the grid's factor
	ByHours    DoubtSource = "hours"    // the year's mean in place of typical hours, one way
)

// Doubts are the sources of uncertainty of the emissions, each by itself: energy first.
// There are none where the emissions are not known.
func (r Report) Doubts() []Doubt {
	if r.Energy <= 0 || r.Emissions <= 0 {
		return nil
	}
	by := map[DoubtSource]*Doubt{}
	for _, l := range r.Components {
		if l.Within != nil || l.Kind == energy.Platform {
			continue
		}
		mid, low, high, source := r.charged(l)
		if low == nil {
			continue
		}
		d := by[source]
		if d == nil {
			d = &Doubt{Source: source, High: new(regions.Grams(0))}
			by[source] = d
		}
		if !slices.Contains(d.Kinds, l.Kind) {
			d.Kinds = append(d.Kinds, l.Kind)
		}
		d.Low += r.GramsOf(max(0, mid-*low))
		if high == nil {
			d.High = nil
		} else if d.High != nil {
			*d.High += r.GramsOf(max(0, *high-mid))
		}
	}
	var all []Doubt
	for _, source := range []DoubtSource{ByCounters, ByModel, Unread} {
		if d := by[source]; d != nil {
			slices.Sort(d.Kinds)
			all = append(all, *d)
		}
	}
	if in := r.Intensity; in.Low != nil && in.High != nil && !in.RangeOld && in.PerKWh > 0 {
		all = append(all, Doubt{Source: ByFactor, Low: r.Emissions * max(0, 1-*in.Low/in.PerKWh), High: new(r.Emissions * max(0, *in.High/in.PerKWh-1))})
	}
	if y := r.EmissionsAnnual; y != nil && *y > 0 {
		d := Doubt{Source: ByHours, High: new(max(0, *y-r.Emissions)), Low: max(0, r.Emissions-*y)}
		all = append(all, d)
	}
	return all
}

// charged is what the headline takes of a line, between its bounds, and what they are due
// to; low is nil where the line has no bounds of its own.
func (r Report) charged(l Line) (mid energy.Energy, low, high *energy.Energy, source DoubtSource) {
	source = ByModel
	switch {
	case l.Energy == nil:
		return 0, l.Low, l.High, Unread
	case l.Basis == energy.Measured:
		source = ByCounters
	}
	if r.Charge == ChargeProcess {
		return l.Charged, l.ProcessLow, l.ProcessHigh, source
	}
	return l.Charged, l.Low, l.High, source
}
