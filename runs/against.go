package runs

import (
	"slices"

	"github.com/carbonctl/carbonctl/footprint"
)

// A Ratio is how much one run took for each unit that another took: 0.88 is 12 % less. The
// truth lies from Low to High, where High is nil if nothing bounds it.
type Ratio struct {
	Value float64  `json:"ratio"`
	Low   float64  `json:"low"`
	High  *float64 `json:"high"`
}

// Clear reports whether it lies beside 1: whether the two differ by more than their bounds.
func (r Ratio) Clear() bool { return r.Low > 1 || r.High != nil && *r.High < 1 }

// An Against is how a run differs from another one.
type Against struct {
	// Energy is nil where one of the two is not known or 0, or one was charged the machine
	// and the other its share. Emissions is nil there too, and where the factors are of two
	// scopes, or one of which is not known. Its bounds are those of the energy: the
	// factors stand as they were recorded.
	Energy, Emissions *Ratio
	// Each is the energy of one unit of work, by units that both have counted. It is nil
	// where Energy is, and holds no unit of which one of the two has done none.
	Each map[string]*Ratio
	// Why says what is not compared, and why: "".
	Why string
}

// Compared says how a run differs from another one, the first.
func Compared(first, r footprint.Report) (a Against) {
	switch {
	case first.Headline().Energy == "" || r.Headline().Energy == "":
		a.Why = "energy unknown"
	case first.Energy <= 0:
		a.Why = "the first took no energy"
	case first.Charge != r.Charge:
		a.Why = "one is charged its machine, the other its share of it"
	default:
		a.Energy = ratio(amount(r.Energy, r.EnergyLow, r.EnergyHigh), amount(first.Energy, first.EnergyLow, first.EnergyHigh))
		a.Each = eachOf(first.Counted(), r.Counted())
		switch {
		case first.Intensity.Scope != r.Intensity.Scope || first.Intensity.Scope == "":
			a.Why = "emissions are of two scopes"
			if first.Intensity.Scope == r.Intensity.Scope {
				a.Why = "the scope of their factors is unknown"
			}
		case first.Emissions > 0:
			a.Emissions = ratio(amount(r.Emissions, r.EmissionsLow, r.EmissionsHigh), amount(first.Emissions, first.EmissionsLow, first.EmissionsHigh))
		}
	}
	return a
}

// eachOf compares what each of a unit took, for the units that both have counted.
func eachOf(first, r []footprint.Work) map[string]*Ratio {
	var all map[string]*Ratio
	for _, w := range r {
		i := slices.IndexFunc(first, func(f footprint.Work) bool { return f.Unit == w.Unit })
		if i < 0 || w.Energy == nil || first[i].Energy == nil || !(*first[i].Energy > 0) {
			continue
		}
		if all == nil {
			all = map[string]*Ratio{}
		}
		all[w.Unit] = ratio(each(w), each(first[i]))
	}
	return all
}

func each(w footprint.Work) bounded {
	b := bounded{value: *w.Energy, high: w.EnergyHigh}
	if w.EnergyLow != nil {
		b.low = *w.EnergyLow
	}
	return b
}

// A bounded amount has no High where nothing bounds it.
type bounded struct {
	value, low float64
	high       *float64
}

func amount[T ~float64 | ~int64](v, low T, high *T) bounded {
	b := bounded{value: float64(v), low: float64(low)}
	if high != nil {
		b.high = new(float64(*high))
	}
	return b
}

func ratio(r, first bounded) *Ratio {
	out := &Ratio{Value: r.value / first.value}
	if first.high != nil && *first.high > 0 {
		out.Low = r.low / *first.high
	}
	if r.high != nil && first.low > 0 {
		out.High = new(*r.high / first.low)
	}
	return out
}
