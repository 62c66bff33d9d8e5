package runs

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// An Advice is one thing that would have made a run emit less, by itself. Exactly one of
// its pointers is set, or none where the whole run was for nothing: it failed.
type Advice struct {
	Saves regions.Grams    // of CO2e, above 0
	Place *Comparison      // run it there
	Start *regions.Slot    // start it then, by typical hours
	Stall *footprint.Stall // find out why the GPUs waited
	Idle  []footprint.Line // GPUs that hardly did anything
	Lines int              // how many GPUs there were, of Idle
}

const (
	// leastSaving is the least part of a run's emissions that a place or an hour is named
	// for: less is within what yearly means and typical hours can tell.
	leastSaving = 0.05
	// leastGrams is the least that a place or an hour is named for: nobody moves for less.
	leastGrams regions.Grams = 1
	// leastStall is the same of a stall, and idleGPU the part of the busiest GPU's energy
	// below which one was idle.
	leastStall = 0.002
	idleGPU    = 0.4
	// maxStalls is how many stalls are named.
	maxStalls = 2
)

// Advise finds what would have made a run emit less, most first: only what its own record
// shows, and places and hours of a table. The places are those of [Elsewhere].
func Advise(t *regions.Table, r footprint.Report, places []Comparison) []Advice {
	var all []Advice
	if r.Energy <= 0 || r.Emissions <= 0 {
		return nil
	}
	if r.Status == footprint.Failed || r.Status == footprint.Interrupted {
		if r.Budget == nil || r.Budget.TrippedAt == nil { // which is what was asked for
			all = append(all, Advice{Saves: r.Emissions})
		}
	}
	if len(places) > 0 && !places[0].Here {
		i := slices.IndexFunc(places, func(c Comparison) bool { return c.Here })
		if saves := places[i].Emissions - places[0].Emissions; saves >= max(leastGrams, leastSaving*r.Emissions) {
			all = append(all, Advice{Saves: saves, Place: &places[0]})
		}
	}
	if slot, saves := anotherHour(t, r); saves >= max(leastGrams, leastSaving*r.Emissions) {
		all = append(all, Advice{Saves: saves, Start: &slot})
	}
	stalls := r.Stalls()
	for i := range stalls[:min(len(stalls), maxStalls)] {
		if saves := stalls[i].Emissions; saves >= leastStall*r.Emissions {
			all = append(all, Advice{Saves: saves, Stall: &stalls[i]})
		}
	}
	if idle, of, saves := idleGPUs(r); saves > 0 {
		all = append(all, Advice{Saves: saves, Idle: idle, Lines: of})
	}
	slices.SortStableFunc(all, func(a, b Advice) int { return cmp.Compare(b.Saves, a.Saves) })
	return all
}

// anotherHour is the best start within a day of the run's own, by typical hours.
func anotherHour(t *regions.Table, r footprint.Report) (slot regions.Slot, saves regions.Grams) {
	length := time.Duration(r.DurationS * float64(time.Second))
	switch r.Intensity.Kind {
	case regions.AnnualAverage, regions.Profile:
	default:
		return slot, 0 // the hours are others than the typical ones
	}
	if t == nil || r.Region.Zone == "" || r.StartedAt.IsZero() || length < time.Minute || length > 12*time.Hour {
		return slot, 0
	}
	until := r.StartedAt.Add(24*time.Hour + length)
	hours, err := t.Forecast(context.Background(), regions.Query{Zone: r.Region.Zone, Scope: r.Intensity.Scope, Time: r.StartedAt}, until)
	if err != nil {
		return slot, 0
	}
	slot, err = regions.Window(hours, length, r.StartedAt, until)
	if err != nil || slot.Now <= 0 || !slot.From.After(r.StartedAt) {
		return slot, 0
	}
	return slot, r.Emissions * (1 - slot.PerKWh/slot.Now)
}

// idleGPUs are measured GPUs that drew far less than the others did.
func idleGPUs(r footprint.Report) (idle []footprint.Line, of int, saves regions.Grams) {
	var joules []float64
	var gpus []footprint.Line
	for _, l := range r.Components {
		if l.Kind == energy.GPU && l.Within == nil && l.Energy != nil && l.Basis == energy.Measured && l.Coverage > 0.9 {
			gpus, joules = append(gpus, l), append(joules, l.Energy.Joules())
		}
	}
	if len(gpus) < 2 || r.Charge == footprint.ChargeProcess {
		return nil, 0, 0
	}
	slices.Sort(joules)
	busiest := joules[len(joules)-1]
	var sum energy.Energy
	for _, l := range gpus {
		if l.Energy.Joules() < idleGPU*busiest {
			idle, sum = append(idle, l), sum.Plus(*l.Energy)
		}
	}
	return idle, len(gpus), r.GramsOf(sum)
}

// Elsewhere compares a run with the cloud regions of its own provider on its continent, or
// where it was in none, with those of the providers that publish the PUE of their data
// centres (of all where none does there): the least first, one a zone, here among them, and
// none that most customers can't move to. It is nil where the run's place, the scope of its
// factor, or its energy is not known: nothing can be compared then.
func Elsewhere(t *regions.Table, r footprint.Report) []Comparison {
	in := r.Intensity
	zone := r.Region.Zone
	if r.Region.Provider != nil && r.Region.CloudRegion != nil {
		zone = *r.Region.Provider + ":" + *r.Region.CloudRegion
	}
	if t == nil || zone == "" || in.Scope == "" || in.Kind == regions.WorldDefault || in.PerKWh <= 0 || r.Energy <= 0 || r.PUE.Value <= 0 {
		return nil
	}
	q := regions.Query{Zone: zone, Scope: in.Scope}
	here, err := t.Site(q)
	if err != nil {
		return nil
	}
	filter := regions.Filter{CloudOnly: true, Usual: here.Cloud == nil || !here.Cloud.Special()}
	if here.Cloud != nil {
		filter.Providers = []string{here.Cloud.Provider}
	}
	if here.Zone.Continent != "" {
		filter.Continents = []string{here.Zone.Continent}
	}
	here.Intensity.PerKWh, here.Intensity.Kind, here.Intensity.Source = in.PerKWh, in.Kind, in.Source
	sites, _, err := t.Sites(q, filter)
	if err != nil {
		return nil
	}
	if here.Cloud == nil {
		known := slices.DeleteFunc(slices.Clone(sites), func(s regions.Site) bool { return s.PUE.Of != "region" && s.PUE.Of != "provider" })
		if len(known) > 0 {
			sites = known
		}
	}
	places, err := Compare(r.Energy.KilowattHours(), regions.PUE{Value: r.PUE.Value, Of: Recorded}, here, sites)
	if err != nil {
		return nil
	}
	zones := map[string]bool{}
	places = slices.DeleteFunc(places, func(c Comparison) bool { // one a grid is enough
		seen := zones[c.Zone]
		zones[c.Zone] = seen || !c.Here
		return seen && !c.Here
	})
	if len(places) < 2 {
		return nil
	}
	return places
}
