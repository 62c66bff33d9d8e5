package estimate

import (
	"errors"
	"fmt"
	"math"
)

// fit makes the lines of a calibration from its readings, and notes what they leave over.
// Memory of which no line can be made is left to the model.
func (c *Calibration) fit(m Model, memory bool) error {
	var err error
	if c.CPU, err = fitPower(c.Readings, m.evenly, func(r *LoadReading) (watts, residual *float64) { return &r.CPUWatts, &r.CPUResidual }); err != nil {
		return fmt.Errorf("CPU: %w", err)
	}
	if c.CPU.FullWatts < leastRise*c.CPU.IdleWatts {
		return fmt.Errorf("CPU: the counters showed %.1f W at no and %.1f W at full load: they do not follow the load", c.CPU.IdleWatts, c.CPU.FullWatts)
	}
	if !memory {
		return nil
	}
	line := func(u float64) float64 { return u }
	of := func(r *LoadReading) (watts, residual *float64) { return &r.MemoryWatts, &r.MemoryResidual }
	if f, err := fitPower(c.Readings, line, of); err == nil {
		c.Memory = &f
	}
	return nil
}

// leastRise is the least that full load must draw of idle power for a counter to be
// believed: one that follows no load shows 1.
const leastRise = 1.1

// evenly is the part of the way from idle to full power where all cores are busy alike.
func (m *Model) evenly(u float64) float64 {
	if m.SmallThreads == 0 {
		return curve(u, m.Exponent)
	}
	w := m.largePart()
	return w*curve(u, m.Exponent) + (1-w)*curve(u, plainExponent)
}

// fitPower finds idle and full power by least squares of the relative errors, so that
// idle counts as much as full load, and the band that holds all readings.
func fitPower(readings []LoadReading, way func(busy float64) float64, of func(*LoadReading) (watts, residual *float64)) (f PowerFit, err error) {
	var aa, ab, bb, a, b float64 // of idle's and full power's part in each reading, over its watts
	for i := range readings {
		w, _ := of(&readings[i])
		if !(*w > 0) {
			return f, fmt.Errorf("the counters did not move under the load %q", readings[i].Mix)
		}
		x := way(readings[i].Busy)
		p, q := (1-x) / *w, x / *w
		aa, ab, bb, a, b = aa+p*p, ab+p*q, bb+q*q, a+p, b+q
	}
	det := aa*bb - ab*ab
	if !(det > 1e-9*aa*bb) {
		return f, errors.New("the loads did not differ")
	}
	f.IdleWatts, f.FullWatts = milli((a*bb-b*ab)/det), milli((b*aa-a*ab)/det)
	f.FullWatts = max(f.FullWatts, f.IdleWatts) // memory that draws less under load is even
	f.Band = leastBand
	for i := range readings {
		w, residual := of(&readings[i])
		x := way(readings[i].Busy)
		p := f.IdleWatts + (f.FullWatts-f.IdleWatts)*x
		*residual = milli(*w - p)
		f.Band = max(f.Band, *w/p, p / *w)
	}
	f.Band = math.Ceil(f.Band*100) / 100
	if !(f.Band <= mostBand) || f.IdleWatts < 0 { // NaN too
		return f, errors.New("the readings lie too far from any line: other work may have run")
	}
	return f, nil
}

// milli rounds to a thousandth, which is less than any counter is sure of.
func milli(x float64) float64 { return math.Round(x*1000) / 1000 }
