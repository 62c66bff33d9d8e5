package plan

import (
	"fmt"
	"math"
)

// Recorded is a run that a bigger one is estimated from.
type Recorded struct {
	KWh    Range // of computing, without PUE
	Epochs int   // 0: none were seen
	GPUs   int   // 0: none
	Hours  float64
}

// Bigger is what shall be different; 0 is the same.
type Bigger struct {
	Epochs, GPUs int
	// Speedup is how many times faster the new number of GPUs is; 0 is not known: then
	// from no gain at all to a perfect one.
	Speedup float64
}

// maxSpeedup is more than any number of GPUs gives.
const maxSpeedup = 1e6

// Scale gives the energy and the hours of a bigger run, and what is assumed. Each epoch
// takes the same, and all power of the run, the host's too, grows as the GPUs do: with a
// perfect speed-up the energy stays the same, without any it grows as the power does. The
// expected is their geometric mean.
func (r Recorded) Scale(b Bigger) (kWh, hours Range, assumed []string, err error) {
	work, devices := 1.0, 1.0
	switch {
	case b.Epochs < 0 || b.GPUs < 0 || !(b.Speedup >= 0 && b.Speedup <= maxSpeedup):
		return kWh, hours, nil, fmt.Errorf("epochs, GPUs and speed-up must be above 0, and a speed-up at most %.0f", maxSpeedup)
	case b.Epochs > 0 && r.Epochs == 0:
		return kWh, hours, nil, fmt.Errorf("the run has no epochs to scale")
	case b.GPUs > 0 && r.GPUs == 0:
		return kWh, hours, nil, fmt.Errorf("the run has no GPU to scale")
	}
	if b.Epochs > 0 {
		work = float64(b.Epochs) / float64(r.Epochs)
		assumed = append(assumed, fmt.Sprintf("epochs, from %d to %d: each takes what a recorded one took, start and end of the run included", r.Epochs, b.Epochs))
	}
	if b.GPUs > 0 {
		devices = float64(b.GPUs) / float64(r.GPUs)
		assumed = append(assumed, fmt.Sprintf("power grows with the GPUs, from %d to %d, that of CPU and memory too", r.GPUs, b.GPUs))
	}
	low, high := min(1, devices), max(1, devices)
	gain := Range{low, math.Sqrt(low * high), high} // energy a unit of work
	speed := Range{1 / devices, 1 / math.Sqrt(devices), 1}
	switch {
	case b.Speedup > 0:
		gain, speed = Exactly(devices/b.Speedup), Exactly(1/b.Speedup)
		assumed = append(assumed, fmt.Sprintf("a speed-up of %g, as given", b.Speedup))
		if b.Speedup > max(1, devices) {
			assumed = append(assumed, fmt.Sprintf("that is more than perfect for %s times as many GPUs", number(devices)))
		}
	case b.GPUs > 0 && devices != 1:
		assumed = append(assumed, "low: a perfect speed-up, high: none; --speedup fixes it")
	}
	kWh = Range{r.KWh.Low * gain.Low, r.KWh.Expected * gain.Expected, r.KWh.High * gain.High}.Times(work)
	if speed.Low > speed.High {
		speed.Low, speed.High = speed.High, speed.Low
	}
	return kWh, speed.Times(r.Hours * work), assumed, nil
}

// Scaled is the estimate of an energy without PUE that is known already; a pue of 0 is
// that of the grid, or 1.
func Scaled(kWh Range, grid Grid, pue float64) Estimate {
	e := Estimate{Method: Ours, Parts: []Part{{Kind: FromRun, Name: "as recorded, scaled", KWh: kWh}}}
	pue = e.choosePUE(Ours, grid, pue)
	e.input("intensity", exact(grid.PerKWh)+" g/kWh", grid.Source)
	e.finish(pue, grid.PerKWh, 1)
	return e
}
