package footprint

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// Curves are the power of a run's counted components over its time, in steps of equal
// length from its start to its end: what a picture of the power shows. The zero Curves
// are those of a run without power.
type Curves struct {
	StepS float64 // length of a step, in seconds
	Steps int
	Bands []Curve // by kind and basis: memory, what is neither, CPU, GPU; modelled first
	// Gaps are the times in which a counted component was not read and not modelled, of
	// those that were at some time.
	Gaps []Gap
	// GPUs is set where more than eight were read.
	GPUs *GPUSpread
}

// A Curve is the power of the components of one kind and basis, in watts: the mean of
// each step, 0 where none of them was seen.
type Curve struct {
	Kind  energy.Kind
	Basis energy.Basis
	Watts []float64
}

// A Gap is a time of the run in which a component of a kind was not seen, in seconds from
// the run's start.
type Gap struct {
	Kind       energy.Kind
	FromS, ToS float64
	Count, Of  int // how many components of the kind, of how many
}

// GPUSpread is the power of the least, the median and the most loaded of many GPUs in each
// step, in watts; NaN where none was read.
type GPUSpread struct {
	Count             int
	Low, Median, High []float64
}

// manyGPUs is how many GPUs can still be told apart one by one.
const manyGPUs = 8

// series is the power of one component in each step.
type series struct {
	kind              energy.Kind
	measured, modeled []float64 // J
	covered           []float64 // s
}

// Curves are the power over time in at most a number of steps; what runs through a step
// is shared among the steps by time, so that the energy stays.
func (r Report) Curves(most int) Curves {
	shortest := math.Inf(1)
	all := map[componentKey]*series{}
	var order []*series
	for _, l := range r.Components {
		if k := (componentKey{l.Kind, l.ID}); l.Within == nil && l.Kind != energy.Platform && all[k] == nil {
			all[k] = &series{kind: l.Kind}
			order = append(order, all[k])
		}
	}
	for _, p := range r.Power {
		if p.StepS > 0 && len(p.Mean) > 0 && all[componentKey{p.Kind, p.Component}] != nil {
			shortest = min(shortest, p.StepS)
		}
	}
	if !(r.DurationS > 0) || math.IsInf(r.DurationS, 0) || math.IsInf(shortest, 0) || most < 1 {
		return Curves{}
	}
	c := Curves{Steps: int(max(1, min(float64(most), math.Ceil(r.DurationS/shortest-1e-9))))}
	c.StepS = r.DurationS / float64(c.Steps)
	for _, s := range order {
		s.measured, s.modeled, s.covered = make([]float64, c.Steps), make([]float64, c.Steps), make([]float64, c.Steps)
	}
	for _, p := range r.Power {
		if s := all[componentKey{p.Kind, p.Component}]; s != nil && p.StepS > 0 {
			s.add(p, c.StepS, r.DurationS)
		}
	}
	c.bands(order)
	c.gaps(order, r.DurationS)
	c.spread(order)
	return c
}

// componentKey names a component within a run.
type componentKey struct {
	Kind energy.Kind
	ID   string
}

// add spreads the steps of a recorded power over those of the series.
func (s *series) add(p Power, step, end float64) {
	joules := s.modeled
	if p.Basis == energy.Measured {
		joules = s.measured
	}
	for i, w := range p.Mean {
		from := max(0, p.StartS+float64(i)*p.StepS)
		to := min(end, p.StartS+float64(i+1)*p.StepS)
		watts := float64(w)
		if !(to > from) || !(watts >= 0) || math.IsInf(watts, 0) {
			continue
		}
		for n := int(from / step); n < len(joules) && float64(n)*step < to; n++ {
			part := min(to, float64(n+1)*step) - max(from, float64(n)*step)
			if part > 0 {
				joules[n] += watts * part
				s.covered[n] += part
			}
		}
	}
}

// stacked is the order of the bands, from below.
var stacked = []energy.Kind{energy.Memory, energy.CPU, energy.GPU}

func rank(k energy.Kind) int {
	if i := slices.Index(stacked, k); i >= 0 {
		return i
	}
	return 0
}

func (c *Curves) bands(order []*series) {
	add := func(k energy.Kind, b energy.Basis, joules, covered []float64) {
		if !slices.ContainsFunc(joules, func(j float64) bool { return j > 0 }) {
			return
		}
		i := slices.IndexFunc(c.Bands, func(o Curve) bool { return o.Kind == k && o.Basis == b })
		if i < 0 {
			i = len(c.Bands)
			c.Bands = append(c.Bands, Curve{k, b, make([]float64, c.Steps)})
		}
		for n, j := range joules {
			if covered[n] > 0 {
				c.Bands[i].Watts[n] += j / covered[n]
			}
		}
	}
	for _, s := range order {
		add(s.kind, energy.Modelled, s.modeled, s.covered)
		add(s.kind, energy.Measured, s.measured, s.covered)
	}
	slices.SortStableFunc(c.Bands, func(a, b Curve) int {
		return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.Basis, a.Basis))
	})
}

// gaps finds the steps of which less than half was seen of a component.
func (c *Curves) gaps(order []*series, end float64) {
	of := map[energy.Kind]int{}
	order = slices.DeleteFunc(slices.Clone(order), func(s *series) bool { // what was never seen has no gap
		return !slices.ContainsFunc(s.covered, func(x float64) bool { return x > 0 })
	})
	for _, s := range order {
		of[s.kind]++
	}
	for _, s := range order {
		for n := 0; n < c.Steps; n++ {
			if s.covered[n] >= c.StepS/2 {
				continue
			}
			from := n
			for n+1 < c.Steps && s.covered[n+1] < c.StepS/2 {
				n++
			}
			g := Gap{Kind: s.kind, FromS: float64(from) * c.StepS, ToS: min(end, float64(n+1)*c.StepS), Count: 1, Of: of[s.kind]}
			if i := slices.IndexFunc(c.Gaps, func(o Gap) bool { return o.Kind == g.Kind && o.FromS == g.FromS && o.ToS == g.ToS }); i >= 0 {
				c.Gaps[i].Count++
			} else {
				c.Gaps = append(c.Gaps, g)
			}
		}
	}
}

// spread compares many GPUs.
func (c *Curves) spread(order []*series) {
	gpus := slices.DeleteFunc(slices.Clone(order), func(s *series) bool {
		return s.kind != energy.GPU || !slices.ContainsFunc(s.covered, func(x float64) bool { return x > 0 })
	})
	if len(gpus) <= manyGPUs {
		return
	}
	c.GPUs = &GPUSpread{Count: len(gpus)}
	for n := range c.Steps {
		var watts []float64
		for _, s := range gpus {
			if s.covered[n] > 0 {
				watts = append(watts, (s.measured[n]+s.modeled[n])/s.covered[n])
			}
		}
		low, median, high := math.NaN(), math.NaN(), math.NaN()
		if m := len(watts); m > 0 {
			slices.Sort(watts)
			low, median, high = watts[0], (watts[(m-1)/2]+watts[m/2])/2, watts[m-1]
		}
		c.GPUs.Low, c.GPUs.Median, c.GPUs.High = append(c.GPUs.Low, low), append(c.GPUs.Median, median), append(c.GPUs.High, high)
	}
}

// GridHours are the parts of the intensity in at most a number of equal times from the
// first to the last, each with its energy-weighted mean; they are the parts themselves
// where those are as few.
func (r Report) GridHours(most int) []Part {
	all := r.Intensity.Parts
	if len(all) <= most || most < 1 {
		return all
	}
	start := all[0].From
	step := all[len(all)-1].To.Sub(start) / time.Duration(most)
	if step <= 0 {
		return nil
	}
	var out []Part
	var grams float64
	for _, p := range all {
		n := p.From.Sub(start) / step
		if len(out) == 0 || out[len(out)-1].From.Sub(start)/step != n {
			out, grams = append(out, Part{From: p.From, Scope: p.Scope}), 0
		}
		o := &out[len(out)-1]
		grams += float64(p.PerKWh) * p.Energy.Joules()
		if o.To, o.Energy = p.To, o.Energy.Plus(p.Energy); o.Energy > 0 {
			o.PerKWh = regions.Grams(grams / o.Energy.Joules())
		} else {
			o.PerKWh = p.PerKWh
		}
	}
	return out
}
