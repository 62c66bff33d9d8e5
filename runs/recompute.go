package runs

import (
	"math"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// Factors turn energy into emissions.
type Factors struct {
	// Intensity to use; nil is the recorded one, the energy-weighted mean of the
	// run.
	Intensity *regions.Intensity
	// PUE to use, at least 1; 0 is the recorded one.
	PUE float64
}

// Recompute gives the row that the recorded energy would have with other
// factors: emissions and their bounds are energy × PUE × intensity. The zero
// Factors repeat the computation with what the row itself says, so that the
// result tells whether the recorded emissions follow from the recorded energy.
// (They may differ in the last digits, since a report adds its parts up.) A PUE
// that is not known counts as 1, and stays unknown.
//
// Energy, its bounds and embodied emissions stay. Market-based emissions follow
// PUE alone, as their contract is not in the row. Columns of the chain are empty
// in the result: no ledger holds it. Predicted emissions are made from the
// predicted energy in the same way.
func Recompute(r Row, f Factors) Row {
	if f.PUE != 0 {
		if r.MarketEmissions != nil && r.PUE != nil && *r.PUE > 0 {
			r.MarketEmissions = new(*r.MarketEmissions * Number(f.PUE) / *r.PUE)
		}
		r.PUE = new(Number(f.PUE))
	}
	if in := f.Intensity; in != nil {
		r.Zone, r.Provider, r.CloudRegion = in.Zone, in.Provider, in.CloudRegion
		r.PerKWh, r.IntensityKind, r.IntensityScope = Number(in.PerKWh), string(in.Kind), string(in.Scope)
		r.IntensitySource, r.IntensityYear = in.Source, nil
		r.IntensityLow, r.IntensityHigh = nil, nil
		if in.Year != 0 {
			r.IntensityYear = new(in.Year)
		}
	}
	perKWh := r.PerKWh
	if r.PUE != nil {
		perKWh *= *r.PUE
	}
	grams := func(e *energy.Energy) *Number {
		if e == nil {
			return nil
		}
		return new(Number(e.KilowattHours()) * perKWh)
	}
	r.Emissions, r.EmissionsLow, r.EmissionsHigh = *grams(&r.Energy), grams(r.EnergyLow), grams(r.EnergyHigh)
	if r.PredictedEmissions != nil {
		r.PredictedEmissions = grams(r.PredictedEnergy)
	}
	r.LedgerID, r.PreviousHash, r.Hash = "", "", ""
	return r
}

// Follows reports whether the recorded emissions and their bounds are energy ×
// PUE × intensity of the same row, to one part in 10⁹. What rounding the figures
// of a report that had several intensities leaves is within that. Bounds may be
// wider where the intensity changes with the hour, of which a row has only the mean.
func (r Row) Follows() bool {
	again := Recompute(r, Factors{})
	near := func(a, b *Number) bool {
		if a == nil || b == nil {
			return a == b
		}
		return math.Abs(float64(*a-*b)) <= 1e-9*math.Max(math.Abs(float64(*a)), math.Abs(float64(*b)))
	}
	hourly := false
	switch regions.Kind(r.IntensityKind) {
	case regions.Live, regions.Forecast, regions.Profile, regions.Mixed:
		hourly = true
	}
	outside := func(recorded, again *Number, sign Number) bool {
		return near(recorded, again) || hourly && recorded != nil && again != nil && sign*(*recorded-*again) > 0
	}
	return near(&r.Emissions, &again.Emissions) && outside(r.EmissionsLow, again.EmissionsLow, -1) && outside(r.EmissionsHigh, again.EmissionsHigh, 1)
}
