package runs

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// Uncovered is what a comparison of regions does not count, for the foot of its
// table.
const Uncovered = "not considered: data transfer, hardware availability, price, time of day"

// Given is whose a PUE is that holds everywhere, Recorded that of a record.
const (
	Given    = "given"
	Recorded = "recorded"
)

// A Comparison is what some work would emit in one place, beside others.
type Comparison struct {
	Rank        int     `json:"rank"` // 1 emits least; equals share a rank
	Here        bool    `json:"here"`
	Zone        string  `json:"zone"`
	Name        string  `json:"name"`
	Provider    *string `json:"provider"`
	CloudRegion *string `json:"cloud_region"`
	City        *string `json:"city"`

	PerKWh    regions.Grams `json:"g_per_kwh"`
	Emissions regions.Grams `json:"emissions_g"` // energy × PUE × intensity
	// Ratio to what it emits here, nil where that is 0.
	Ratio *float64 `json:"ratio"`
	PUE   float64  `json:"pue"`
	PUEOf string   `json:"pue_of"` // "given", "recorded", "none", "region" or "provider"
	// CFE is carbon-free energy in per cent, matched hour by hour, as the
	// provider publishes it; nil where it doesn't. CFEYear is its year.
	CFE     *float64 `json:"cfe_percent"`
	CFEYear *int     `json:"cfe_year"`
	// Kilometres from the point that was asked about, nil if none was.
	Kilometres *float64 `json:"distance_km"`

	// It holds From, until To, where the hours were chosen too.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`

	Scope   regions.Scope `json:"scope"`
	Market  bool          `json:"market"`
	Kind    regions.Kind  `json:"kind"`
	Year    int           `json:"year"`
	Source  string        `json:"source"`
	Licence string        `json:"licence"`
	Instead string        `json:"instead"`
}

// Compare ranks places by what so many kilowatt-hours of computing would emit there,
// least first. Here is where it was or would be used; its row is in the answer
// once, marked, whether or not sites has it. pue is what the work was or would be
// charged with here: as it was "recorded", or, if Of is "given", everywhere. Elsewhere,
// and here if it has a Value of 0, a place has what its provider publishes of the
// region or of all its data centres, and where nothing is published that of here, in
// the end 1. Compare is pure.
//
// All intensities must be of one scope, all market-based or none, and none
// marginal: else no ratio would mean anything, and it is an error.
func Compare(kWh float64, pue regions.PUE, here regions.Site, sites []regions.Site) ([]Comparison, error) {
	if !(kWh >= 0) || math.IsInf(kWh, 1) {
		return nil, fmt.Errorf("energy %v kWh: must be a number of at least 0", kWh)
	}
	published := func(p regions.PUE) bool { return p.Of == "region" || p.Of == "provider" }
	if pue.Value == 0 {
		if pue = here.PUE; !published(pue) {
			pue = regions.PUE{Value: 1, Of: "none"}
		}
	}
	if !(pue.Value >= 1 && pue.Value <= footprint.MaxPUE) {
		return nil, fmt.Errorf("pue %v: want 1 to %d, or 0 if not known", pue.Value, footprint.MaxPUE)
	}
	here.PUE = pue
	home := compared(kWh, here)
	home.Here = true
	all := []Comparison{home}
	for _, s := range sites {
		if err := comparablePair(here.Intensity, s.Intensity); err != nil {
			return nil, err
		}
		if !samePlace(here, s) {
			if pue.Of == Given || !published(s.PUE) {
				s.PUE = pue
			}
			all = append(all, compared(kWh, s))
		} else if all[0].Kilometres == nil {
			all[0].Kilometres = s.Kilometres
		}
	}
	if err := comparablePair(here.Intensity, here.Intensity); err != nil {
		return nil, err
	}
	base := home.PUE * float64(home.PerKWh)
	slices.SortStableFunc(all, func(a, b Comparison) int {
		return cmp.Or(cmp.Compare(a.PUE*float64(a.PerKWh), b.PUE*float64(b.PerKWh)),
			cmp.Compare(deref(a.Provider), deref(b.Provider)), cmp.Compare(deref(a.CloudRegion), deref(b.CloudRegion)), cmp.Compare(a.Zone, b.Zone))
	})
	for i := range all {
		c := &all[i]
		product := c.PUE * float64(c.PerKWh)
		c.Rank = i + 1
		if i > 0 && product == all[i-1].PUE*float64(all[i-1].PerKWh) {
			c.Rank = all[i-1].Rank
		}
		if base > 0 {
			ratio := product / base
			c.Ratio = &ratio
		}
	}
	return all, nil
}

func compared(kWh float64, s regions.Site) Comparison {
	in := s.Intensity
	c := Comparison{
		Zone: s.Zone.Code, Name: s.Zone.Name, PerKWh: in.PerKWh, PUE: s.PUE.Value, PUEOf: s.PUE.Of, Kilometres: s.Kilometres,
		Scope: in.Scope, Market: in.Market, Kind: in.Kind, Year: in.Year, Source: in.Source, Licence: in.Licence, Instead: in.Instead,
	}
	if in.Kind == regions.Profile {
		c.From, c.To = in.From.UTC(), in.To.UTC()
	}
	if r := s.Cloud; r != nil {
		c.Provider, c.CloudRegion = &r.Provider, &r.Region
		if r.City != "" {
			c.City = &r.City
		}
		if f, ok := r.Figure(regions.HourlyCFE, 0); ok {
			c.CFE, c.CFEYear = &f.Value, &f.Year
		}
	}
	c.Emissions = regions.Grams(kWh*c.PUE) * c.PerKWh
	return c
}

// comparablePair tells why two intensities cannot stand in one table.
func comparablePair(a, b regions.Intensity) error {
	switch {
	case a.Marginal || b.Marginal:
		return errors.New("compare: a marginal intensity does not measure emissions")
	case a.Market != b.Market:
		return fmt.Errorf("compare: %s is market-based where %s is not", cmp.Or(b.CloudRegion, b.Zone), cmp.Or(a.CloudRegion, a.Zone))
	case a.Scope != b.Scope:
		return fmt.Errorf("compare: the intensity of %s is of scope %q, that of %s of scope %q", cmp.Or(b.CloudRegion, b.Zone), b.Scope, cmp.Or(a.CloudRegion, a.Zone), a.Scope)
	}
	return nil
}

func samePlace(a, b regions.Site) bool {
	if a.Cloud == nil || b.Cloud == nil {
		return a.Cloud == nil && b.Cloud == nil && a.Zone.Code == b.Zone.Code
	}
	return a.Cloud.String() == b.Cloud.String()
}
