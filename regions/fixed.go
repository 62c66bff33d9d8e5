package regions

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// Fixed is a Provider that answers every query with one figure of the user's
// own, in grams of CO2 equivalent per kWh: zero or more. The zone of a query,
// if it names one, must be known to the table, which names it; nil is [Builtin].
func Fixed(perKWh Grams, names *Table) (Provider, error) {
	if v := float64(perKWh); math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return nil, fmt.Errorf("intensity %v g/kWh: must be a number, zero or more", v)
	}
	return own{perKWh, names}, nil
}

// Plausible reports a figure that no electricity has, as one in another unit than grams
// per kWh, with the likely meaning: 0.233 is kilograms. 0 and what [Fixed] refuses are
// left to it.
func Plausible(perKWh Grams) error {
	const cleanest = 1 // the least of any grid's yearly means in the table is above 1 g/kWh
	switch v := float64(perKWh); {
	case v > 0 && v < cleanest:
		return fmt.Errorf("%v g/kWh is below any grid's: if it is in kg/kWh, use %.4g", v, v*1000)
	case v > maxPerKWh && v/1000 <= maxPerKWh:
		return fmt.Errorf("%v g/kWh is above any plant's: if it is in g/MWh, use %.4g", v, v/1000)
	case v > maxPerKWh:
		return fmt.Errorf("%v g/kWh is above any plant's: at most %d", v, maxPerKWh)
	}
	return nil
}

type own struct {
	perKWh Grams
	names  *Table
}

// Immediate implements the interface of that name.
func (own) Immediate() {}

func (o own) Intensity(_ context.Context, q Query) (Intensity, error) {
	in := Intensity{Kind: Own, PerKWh: o.perKWh, Source: "given by the user"}
	if strings.TrimSpace(q.Zone) == "" {
		return in, nil
	}
	names := o.names
	if names == nil {
		names = Builtin()
	}
	p, err := names.Place(q.Zone)
	if err != nil {
		return Intensity{}, err
	}
	in.Zone, in.Name, in.Instead = p.Zone.Code, p.Zone.Name, p.Guess
	if p.Cloud != nil {
		in.Provider, in.CloudRegion = p.Cloud.Provider, p.Cloud.Region
	}
	return in, nil
}
