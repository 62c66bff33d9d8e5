package footprint

import (
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Prediction is what a whole run is expected to need, from the epochs that
// have ended.
type Prediction struct {
	Method string `json:"method"`
	// Level is how often the truth is to lie between Low and High: 0.9. It is nil
	// for a method that has no interval; the three are then equal.
	Level       *float64 `json:"level"`
	AfterEpochs int      `json:"after_epochs"`
	OfEpochs    int      `json:"of_epochs"`
	// Fraction is the part of the first epoch that had passed, nil once one has ended.
	// AfterEpochs is 0 then, and the interval wide; it has no upper end where the output
	// does not say that what has passed is of the training.
	Fraction *float64 `json:"fraction"`
	// DurationS, Energy and Emissions are of the whole run, the past included. Two
	// doubts are in the bounds of Energy and Emissions: what the epochs to come will
	// use, and how far the energy that is counted may be off, by the bounds of the run
	// so far. Spread has the first alone. A duration has no other.
	DurationS Range[float64]       `json:"duration_s"`
	Energy    Range[energy.Energy] `json:"energy_joules"`
	Emissions Range[regions.Grams] `json:"emissions_g"`
	Spread    Spread               `json:"spread"`
	// History is what was predicted earlier, after 1, 2, 3, 5, 10, 20, 30, 50,
	// 100 … epochs, and about each time that they have doubled from 1024 on.
	History []Earlier `json:"history"`
}

// Spread is where the figures of the run are expected to come out, by the epochs
// alone. A run's energy is compared with that: it has bounds of its own.
type Spread struct {
	Energy    Range[energy.Energy] `json:"energy_joules"`
	Emissions Range[regions.Grams] `json:"emissions_g"`
}

// Range is what is expected, between bounds.
type Range[T ~int64 | ~float64] struct {
	Low      T  `json:"low"`
	Expected T  `json:"expected"`
	High     *T `json:"high"` // nil: nothing bounds it
}

// Off is how far what was expected lies off the truth, as a part of that: −0.1
// is a tenth too little. ok is false where the truth is not above 0.
func (r Range[T]) Off(truth T) (off float64, ok bool) {
	if truth <= 0 {
		return 0, false
	}
	return float64(r.Expected)/float64(truth) - 1, true
}

// Holds reports whether the truth lies between the bounds.
func (r Range[T]) Holds(truth T) bool {
	return r.Low <= truth && (r.High == nil || truth <= *r.High)
}

// Earlier is a prediction as it was after fewer epochs.
type Earlier struct {
	AfterEpochs int                  `json:"after_epochs"`
	DurationS   Range[float64]       `json:"duration_s"`
	Energy      Range[energy.Energy] `json:"energy_joules"`
	Emissions   Range[regions.Grams] `json:"emissions_g"`
	Spread      Spread               `json:"spread"`
}
