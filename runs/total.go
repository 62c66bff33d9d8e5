package runs

import (
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// A Grid is where the factor of a run is from.
type Grid struct {
	Zone, Kind, Scope, Source string
	Year                      int // 0 if it has none
}

func gridOf(r *Row) Grid {
	return Grid{r.Zone, r.IntensityKind, r.IntensityScope, r.IntensitySource, or(r.IntensityYear, 0)}
}

// clone keeps no row alive of which g has a part.
func (g Grid) clone() Grid {
	return Grid{strings.Clone(g.Zone), strings.Clone(g.Kind), strings.Clone(g.Scope), strings.Clone(g.Source), g.Year}
}

// Charged is what runs were charged by one Grid.
type Charged struct {
	Runs      int
	Energy    energy.Energy
	Emissions regions.Grams
	// Bare is what the emissions would be at a PUE of 1: over Energy it is the
	// mean factor, and Emissions over it the mean PUE.
	Bare regions.Grams
}

// PerKWh is the energy-weighted mean factor in g/kWh, 0 if there is no energy.
func (c Charged) PerKWh() regions.Grams {
	if c.Energy == 0 {
		return 0
	}
	return c.Bare / regions.Grams(c.Energy.KilowattHours())
}

// PUE is the mean that the emissions were charged with, 0 if not known.
func (c Charged) PUE() float64 {
	if c.Bare == 0 {
		return 0
	}
	return float64(c.Emissions / c.Bare)
}

// A Total is the group of all rows, and what its figures rest on.
type Total struct {
	Group
	Grids map[Grid]Charged
	// Charges is how many runs were charged the machine, and how many the work.
	Charges map[footprint.Charge]int
	// Tools and Tables are the versions, and how many runs each wrote.
	Tools, Tables map[string]int
	// The parts of the energy by kind, where the rows tell them.
	CPU, Memory, GPU, Other energy.Energy
	Epochs                  int
	// Foresights are how good the first predictions were, in each quantity of which both
	// is known what was expected and what was taken; of emissions one a scope.
	Foresights []Foresight
	// NoPUE is how many runs do not state the PUE that they were charged with, as
	// imported ones: it is in their factor.
	NoPUE int
}

// PUE is the mean that the runs were charged with, 0 if it is not known of one.
func (t Total) PUE() float64 {
	var grams, bare regions.Grams
	if t.NoPUE > 0 {
		return 0
	}
	for _, c := range t.Grids {
		// By energy: grams of two scopes do not add up.
		if pue := c.PUE(); pue > 0 {
			grams += regions.Grams(c.Energy.Joules() * pue)
			bare += regions.Grams(c.Energy.Joules())
		}
	}
	if bare == 0 {
		return 0
	}
	return float64(grams / bare)
}

// Add takes one row.
func (t *Total) Add(r Row) {
	f, judged := r.foreseen()
	t.add(&r, f, judged, r.worked())
}

func (t *Total) add(r *Row, f foreseen, judged bool, w worked) {
	t.Group.add(r, judged, w)
	if r.CountedBy != "" {
		return
	}
	if r.PUE == nil {
		t.NoPUE++
	}
	grid := gridOf(r)
	c, ok := t.Grids[grid]
	if !ok {
		grid = grid.clone()
		if t.Grids == nil {
			t.Grids = map[Grid]Charged{}
		}
	}
	c.Runs++
	c.Energy = c.Energy.Plus(r.Energy)
	c.Emissions += regions.Grams(r.Emissions)
	c.Bare += regions.Grams(float64(r.PerKWh) * r.Energy.KilowattHours())
	t.Grids[grid] = c
	count(&t.Charges, footprint.Charge(kept(t.Charges, string(r.Charge))), 1)
	count(&t.Tools, kept(t.Tools, r.ToolVersion), 1)
	count(&t.Tables, kept(t.Tables, r.DataVersion), 1)
	for _, part := range []struct {
		sum *energy.Energy
		of  *energy.Energy
	}{{&t.CPU, r.CPU}, {&t.Memory, r.Memory}, {&t.GPU, r.GPU}, {&t.Other, r.Other}} {
		if part.of != nil {
			*part.sum = part.sum.Plus(*part.of)
		}
	}
	t.Epochs += r.Epochs
	if judged {
		t.foresee(r, f)
	}
}

// settle is that of Group, for what a total adds up besides.
func (t *Total) settle(e *entry, grid Grid, pue Number, units string, ok bool) {
	t.Group.settle(e, regions.Scope(grid.Scope), units, ok)
	c := t.Grids[grid]
	c.Energy = shift(c.Energy, e.counted-e.energy)
	grams := regions.Grams(float64(e.counted-e.energy) * e.perJoule)
	c.Emissions += grams
	if pue > 0 {
		grams /= regions.Grams(pue)
	}
	c.Bare += grams
	t.Grids[grid] = c
	if e.process {
		return
	}
	for _, p := range e.parts {
		if sum := t.kind(p.kind); sum != nil {
			*sum = shift(*sum, p.counted-p.energy)
		}
	}
}

func (t *Total) kind(k kind) *energy.Energy {
	switch k {
	case kindCPU:
		return &t.CPU
	case kindMemory:
		return &t.Memory
	case kindGPU:
		return &t.GPU
	case kindOther:
		return &t.Other
	}
	return nil
}
