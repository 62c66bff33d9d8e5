package report

import (
	"cmp"
	"math"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

var waterUnits = []energy.Unit{{Name: "µl", Size: 1e-6}, {Name: "ml", Size: 1e-3}, {Name: "l", Size: 1}, {Name: "m³", Size: 1e3}}

// waterText shows the water that a run consumed as precisely as its bounds warrant, and
// the bounds; ok is false where it is not known.
func waterText(w *footprint.Water) (amount, bounds string, ok bool) {
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

// water shows what was consumed and, apart, what was withdrawn.
func (p *Page) water(w *footprint.Water) {
	if w == nil {
		return
	}
	if amount, bounds, ok := waterText(w); ok {
		p.Row("water", "%s consumed (%s)", amount, bounds)
		p.Row("", "%s", Clean(w.GridSource))
	}
	switch {
	case w.Site == nil:
		p.Row("", "on site: unknown")
	case w.SiteCounted:
		p.Row("", "on site: %s of it; %s", litres(*w.Site), Clean(w.SiteSource))
	default:
		p.Row("", "on site: %s %s, not added; %s", litres(*w.Site), cmp.Or(w.SiteBasis, "of unknown basis"), Clean(w.SiteSource))
	}
}

func litres(l float64) string { return energy.Fit(l, waterUnits) }
