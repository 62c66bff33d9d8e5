package footprint

import "github.com/carbonctl/carbonctl/regions"

// Water is what a run has used, in litres. Litres, within Low and High, are consumption: of
// the plants that generated its electricity and, where the operator publishes that on the same
// basis, on site. What was withdrawn, or is of an unknown basis, is in Site alone.
type Water struct {
	Litres *float64 `json:"litres"` // nil: not known
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"`   // nil: no bound
	Basis  string   `json:"basis"`  // consumption
	Grid   *float64 `json:"grid_l"` // nil: not known
	Site   *float64 `json:"site_l"` // nil: not known
	// SiteBasis is "consumption", "withdrawal" or "" where the operator does not say;
	// SiteCounted that Site is within Litres.
	SiteBasis   string `json:"site_basis"`
	SiteCounted bool   `json:"site_counted"`
	GridSource  string `json:"grid_source"`
	SiteSource  string `json:"site_source"`
}

// water gives the water of the energy charged: on site by what the computers used, that of
// the grid with what the building adds.
func (a *Account) water(r *Report) {
	if a.Run.Water == nil {
		return
	}
	w := &Water{Basis: regions.Consumption}
	it, low := r.Energy.KilowattHours(), r.EnergyLow.KilowattHours()
	var most *float64
	if r.EnergyHigh != nil {
		most = new(r.EnergyHigh.KilowattHours())
	}
	var litres, least, upper float64
	known := false
	count := func(f *regions.WaterFactor, times float64) {
		known = true
		litres += it * times * f.PerKWh
		least += low * times * f.Low
		if most != nil {
			upper += *most * times * f.High
		}
	}
	if f := a.Run.Water.Grid; f != nil {
		w.Grid, w.GridSource = new(it*a.pue()*f.PerKWh), f.Source
		count(f, a.pue())
	}
	if f := a.Run.Water.Site; f != nil {
		w.Site, w.SiteSource, w.SiteBasis = new(it*f.PerKWh), f.Source, f.Basis
		if f.Basis == regions.Consumption {
			w.SiteCounted = true
			count(f, 1)
		}
	}
	if known {
		w.Litres, w.Low = &litres, &least
		if most != nil {
			w.High = &upper
		}
	}
	r.Water = w
}
