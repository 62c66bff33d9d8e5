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
