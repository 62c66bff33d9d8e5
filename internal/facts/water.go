package facts

import (
	"math"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

var waterUnits = []energy.Unit{{Name: "µl", Size: 1e-6}, {Name: "ml", Size: 1e-3}, {Name: "l", Size: 1}, {Name: "m³", Size: 1e3}}

// Water shows the water that a run consumed as precisely as its bounds warrant, and
// the bounds; ok is false where it is not known.
func Water(w *footprint.Water) (amount, bounds string, ok bool) {
	if w == nil || w.Litres == nil {
		return "", "", false
	}
	half := math.Inf(1)
	if w.High != nil {
		half = (*w.High - *w.Low) / 2
	}
	scale := energy.ScaleOf(*w.Litres, half, func(l float64) energy.Unit { return energy.Fitting(l, waterUnits) })
	if bounds = "at least " + scale.Text(*w.Low); w.High != nil {
		bounds = scale.Bounds(*w.Litres, *w.Low, *w.High)
	}
	return scale.Text(*w.Litres), bounds, true
}

// Litres shows an amount of water.
func Litres(l float64) string { return energy.Fit(l, waterUnits) }
