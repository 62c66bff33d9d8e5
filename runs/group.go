package runs

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// A Group adds up the rows that have the same values for the keys of Groups.By.
type Group struct {
	// Name is one value a key, "" where a row has none; empty for a total.
	Name []string
	Summary
	// What one run takes, over the runs of the group.
	RunEnergy, RunTime Spread // joules, seconds; the grams are in Scopes
	// Foresight is how far the first prediction of a run was off the energy that
	// it then took, as a part of that: −0.1 is a tenth too little. It is over the
	// runs that were predicted, and have completed with all epochs that were planned.
	Foresight Spread
	// Warnings is how many runs carry each code.
	Warnings map[string]int
	// Market adds up the emissions by contracts, over the MarketRuns that have
	// them; Embodied the same of the machines' manufacture.
	Market, Embodied         regions.Grams
	MarketRuns, EmbodiedRuns int
	// Work is what the runs have counted, by unit; see Units.
	Work map[string]*Done
}

// MeasuredShare is the part of the energy that comes from counters, 0 to 1; ok
// is false if there is no energy, or none of which the rows tell.
func (g Group) MeasuredShare() (share float64, ok bool) {
	if g.Energy == g.Unknown {
		return 0, false
	}
	return min(1, float64(g.Measured)/float64(g.Energy)), true
}

// add takes a row and what it has done; judged says that its prediction can be.
func (g *Group) add(r *Row, judged bool, w worked) {
	g.Summary.add(r)
	if r.CountedBy != "" {
		return
	}
	g.work(r, w)
	g.RunEnergy.Add(r.Energy.Joules())
	g.RunTime.Add(float64(r.DurationS))
	if judged {
		if off, ok := (footprint.Range[energy.Energy]{Expected: *r.PredictedEnergy}).Off(r.Energy); ok {
			g.Foresight.Add(off)
		}
	}
	for code := range strings.FieldsSeq(r.Warnings) {
		if _, ok := g.Warnings[code]; !ok {
			code = strings.Clone(code) // or it would keep the whole row
		}
		count(&g.Warnings, code, 1)
	}
	if r.MarketEmissions != nil {
		g.Market += regions.Grams(*r.MarketEmissions)
		g.MarketRuns++
	}
	if r.Embodied != nil {
		g.Embodied += regions.Grams(*r.Embodied)
		g.EmbodiedRuns++
	}
}

// settle is that of Summary, for what a group adds up besides.
func (g *Group) settle(e *entry, scope regions.Scope, units string, ok bool) {
	g.Summary.settle(e, scope, ok)
	g.settleWork(units, e, scope, ok)
	if e.energy > 0 && !math.IsNaN(e.market) {
		g.Market += regions.Grams(e.market * (float64(e.counted)/float64(e.energy) - 1))
	}
}

func count[K comparable](m *map[K]int, k K, n int) {
	if *m == nil {
		*m = map[K]int{}
	}
	(*m)[k] += n
}

// kept returns s, as a copy where the map does not have it yet: a part of a row
// would keep the whole of it.
func kept[K ~string](m map[K]int, s string) string {
	if _, ok := m[K(s)]; ok {
		return s
	}
	return strings.Clone(s)
}

// Groups adds rows up by keys, and by month. The zero Groups has only the total
// and the months. It grows with the groups, not with the rows, and is not safe
// for concurrent use.
type Groups struct {
	// By is what rows are grouped by. It must not change after the first Add.
	By []Key
	// Also are up to two more lists of keys to group the same rows by: see
	// [Groups.AlsoList]. They must not change after the first Add.
	Also [][]Key
	// Total is over all rows.
	Total Total

	groups, months map[string]*Group
	also           [maxAlso]map[string]*Group
	name           []byte
	overlaps       overlaps
	buckets        []bucket
	byBucket       map[bucket]uint32
	grids          []Grid
	byGrid         map[Grid]uint32
}

// A bucket is where a row was added.
type bucket struct {
	group, month *Group // nil: to no group; to nothing, since the filter left it out
	also         [maxAlso]*Group
	grid         uint32 // its place in Groups.grids
	pue          Number // 0: not known
	units        string // of its work
}

// Add takes one row. One that another row already includes is only counted.
func (g *Groups) Add(r Row) {
	f, judged := r.foreseen()
	w := r.worked()
	g.Total.add(&r, f, judged, w)
	g.name = ByMonth.of(g.name[:0], &r)
	month := within(&g.months, g.name, 1)
	month.add(&r, judged, w)
	var group *Group
	if len(g.By) > 0 {
		g.nameOf(g.By, &r)
		group = within(&g.groups, g.name, len(g.By))
		group.add(&r, judged, w)
	}
	var also [maxAlso]*Group
	for i, keys := range g.Also {
		g.nameOf(keys, &r)
		also[i] = within(&g.also[i], g.name, len(keys))
		also[i].Summary.add(&r)
	}
	if r.CountedBy == "" {
		g.overlaps.add(&r, 0, func() uint32 {
			return g.intern(bucket{group, month, also, g.gridAt(gridOf(&r)), or(r.PUE, 0), w.units})
		})
	}
}

// nameOf puts the values that a row has for some keys into g.name.
func (g *Groups) nameOf(keys []Key, r *Row) {
	g.name = g.name[:0]
	for i, k := range keys {
		if i > 0 {
			g.name = append(g.name, 0) // no cell of a ledger holds it
		}
		g.name = k.of(g.name, r)
	}
}

// Beside takes a row that is in no sum, since a filter leaves it out: it shared
// its machine with others all the same.
func (g *Groups) Beside(r Row) {
	if r.CountedBy == "" {
		g.overlaps.add(&r, 0, func() uint32 { return g.intern(bucket{}) })
	}
}

// gridAt is the place of a grid, which is kept where it is new.
func (g *Groups) gridAt(grid Grid) uint32 {
	n, ok := g.byGrid[grid]
	if !ok {
		if g.byGrid == nil {
			g.byGrid = map[Grid]uint32{}
		}
		n, grid = uint32(len(g.grids)), grid.clone()
		g.grids = append(g.grids, grid)
		g.byGrid[grid] = n
	}
	return n
}

func (g *Groups) intern(b bucket) uint32 {
	if n := len(g.buckets); n > 0 && g.buckets[n-1] == b {
		return uint32(n - 1)
	}
	n, ok := g.byBucket[b]
	if !ok {
		if g.byBucket == nil {
			g.byBucket = map[bucket]uint32{}
		}
		n = uint32(len(g.buckets))
		g.buckets = append(g.buckets, b)
		g.byBucket[b] = n
	}
	return n
}

// Settle counts once what rows share that ran on one machine at the same time. It
// belongs after the last row; until then the sums hold each row as it is. Rows
// that are added afterwards share nothing with those before.
func (g *Groups) Settle() {
	g.overlaps.settle(func(cluster []entry, ok bool) {
		for i := range cluster {
			e := &cluster[i]
			b := g.buckets[e.bucket]
			if b.month == nil {
				continue
			}
			grid := g.grids[b.grid]
			g.Total.settle(e, grid, b.pue, b.units, ok)
			scope := regions.Scope(grid.Scope)
			b.month.settle(e, scope, b.units, ok)
			if b.group != nil {
				b.group.settle(e, scope, b.units, ok)
			}
			for i := range g.Also {
				b.also[i].Summary.settle(e, scope, ok)
			}
		}
	})
	g.buckets, g.byBucket, g.grids, g.byGrid = nil, nil, nil, nil
}

// within finds a group by its name of n values, and makes it where it is new.
func within(groups *map[string]*Group, name []byte, n int) *Group {
	if found := (*groups)[string(name)]; found != nil {
		return found
	}
	if *groups == nil {
		*groups = map[string]*Group{}
	}
	made := &Group{Name: strings.SplitN(string(name), "\x00", n)}
	(*groups)[string(name)] = made
	return made
}

// List returns the groups, sorted key by key: in the order of time where the key
// is one of time, else those first that have emitted most together, or, where
// their emissions are of several scopes, used the most energy. They are only to be
// read, until the next Add.
func (g *Groups) List() []*Group {
	list := byName(g.groups)
	g.order(list, 0)
	return list
}

// order sorts groups that have the same values for the keys before k, and are in
// the order of their names.
func (g *Groups) order(list []*Group, k int) {
	if k >= len(g.By) || len(list) < 2 {
		return
	}
	type part struct {
		groups []*Group
		grams  regions.Grams
		energy energy.Energy
	}
	var parts []part
	for from, to := 0, 0; from < len(list); from = to {
		p := part{}
		for to < len(list) && list[to].Name[k] == list[from].Name[k] {
			p.grams += list[to].Headline().Grams
			p.energy = p.energy.Plus(list[to].Energy)
			to++
		}
		g.order(list[from:to], k+1)
		p.groups = list[from:to]
		parts = append(parts, p)
	}
	if slices.Contains([]Key{ByDay, ByMonth, ByYear}, g.By[k]) {
		return // as its name is
	}
	scopes := len(g.Total.Scopes)
	slices.SortStableFunc(parts, func(a, b part) int {
		if scopes > 1 {
			return cmp.Compare(b.energy, a.energy)
		}
		return cmp.Or(cmp.Compare(b.grams, a.grams), cmp.Compare(b.energy, a.energy))
	})
	sorted := make([]*Group, 0, len(list))
	for _, p := range parts {
		sorted = append(sorted, p.groups...)
	}
	copy(list, sorted)
}

// Months returns a group a month in which a run started, in the order of time.
// Runs without a start are the month "". They are only to be read.
func (g *Groups) Months() []*Group { return byName(g.months) }

// maxAlso is how many more groupings Groups.Also takes.
const maxAlso = 2

// AlsoList returns the groups by the keys of Also[i], in the order of their names. They
// have only a Name and a Summary, and are only to be read, until the next Add.
func (g *Groups) AlsoList(i int) []*Group { return byName(g.also[i]) }

func byName(groups map[string]*Group) []*Group {
	list := make([]*Group, 0, len(groups))
	for _, v := range groups {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b *Group) int { return slices.Compare(a.Name, b.Name) })
	return list
}

// Columns names the columns of a ledger that Add, f and a list of runs look at:
// a reader may leave out the others.
func (g *Groups) Columns(f Filter) []string {
	all := []string{"run_id", "counted_by", "project", "status", "started_at", "ended_at", "duration_s",
		"zone", "g_per_kwh", "intensity_kind", "intensity_scope", "intensity_year", "intensity_source", "charge",
		"energy_joules", "energy_low_joules", "energy_high_joules", "cpu_joules", "memory_joules", "gpu_joules", "other_joules",
		"measured_share", "emissions_g", "emissions_low_g", "emissions_high_g", "market_emissions_g", "embodied_g", "predicted_energy_joules",
		"epochs", "warnings", "tool_version", "data_version",
		"host", "pue", "machine", "components", "work", "details"}
	also := func(column string, needed bool) {
		if needed && !slices.Contains(all, column) {
			all = append(all, column)
		}
	}
	for _, k := range slices.Concat(append([][]Key{g.By}, g.Also...)...) {
		also("user", k == ByUser)
		also("provider", k == ByProvider)
		also("job_id", k == ByJob)
		also("labels", strings.HasPrefix(string(k), labelKey))
	}
	also("user", len(f.Users) > 0)
	also("labels", len(f.Labels) > 0)
	return all
}
