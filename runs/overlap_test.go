package runs

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

var epoch = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// A counter of known truth: the power of each component in each of so many
// seconds.
type counter map[string][]float64

func (c counter) joules(id string, from, to float64) (sum float64) {
	for i, w := range c[id] {
		sum += w * max(0, min(to, float64(i+1))-max(from, float64(i)))
	}
	return sum
}

// run gives the row that a run on that machine has: of its components what the
// counter shows, within bounds; of the work a part.
func (c counter) run(r *rand.Rand, id string, from, to, part float64, components ...string) Row {
	row := Row{
		RunID: id, Machine: "m", Project: id, Charge: footprint.ChargeMachine, PUE: new(Number(1)), PerKWh: 100,
		StartedAt: Stamp{epoch.Add(time.Duration(from * 1e9))}, EndedAt: Stamp{epoch.Add(time.Duration(to * 1e9))}, DurationS: Number(to - from),
		MeasuredShare: new(Number(1)),
	}
	row.EnergyLow, row.EnergyHigh = new(energy.Energy(0)), new(energy.Energy(0))
	var all []Component
	for _, name := range components {
		e := energy.Joules(c.joules(name, from, to))
		low, high := e-energy.Joules(0.01+r.Float64()), e+energy.Joules(0.01+r.Float64())
		kind := energy.Kind(strings.TrimRight(name, "01"))
		k := Component{Kind: kind, ID: name, Basis: energy.Measured, Energy: &e, Low: new(max(low, 0)), High: &high}
		if part >= 0 {
			k.Process = new(e.Scale(part))
		}
		all = append(all, k)
		row.Energy = row.Energy.Plus(e)
		cell := map[energy.Kind]**energy.Energy{energy.CPU: &row.CPU, energy.Memory: &row.Memory, energy.GPU: &row.GPU}[kind]
		*cell = new(or(*cell, 0) + e)
		*row.EnergyLow = row.EnergyLow.Plus(*k.Low)
		*row.EnergyHigh = row.EnergyHigh.Plus(high)
	}
	row.MachineEnergy = row.Energy
	row.Components, _ = compact(all)
	return emitting(row)
}

func emitting(row Row) Row { return Recompute(row, Factors{}) }

// asProcess charges only the work's part of a row.
func asProcess(row Row) Row {
	all, _ := ParseComponents(row.Components)
	row.Charge, row.Energy, row.CPU, row.Memory, row.GPU = footprint.ChargeProcess, 0, nil, nil, nil
	for _, c := range all {
		row.Energy += *c.Process
		cell := map[energy.Kind]**energy.Energy{energy.CPU: &row.CPU, energy.Memory: &row.Memory, energy.GPU: &row.GPU}[c.Kind]
		*cell = new(or(*cell, 0) + *c.Process)
	}
	row.EnergyLow, row.EnergyHigh = new(row.Energy-energy.Energy(1)), new(row.Energy+energy.Joules(1))
	return emitting(row)
}

func sumOf(rows ...Row) *Groups {
	g := &Groups{By: []Key{ByProject}}
	for _, r := range rows {
		g.Add(r)
	}
	g.Settle()
	return g
}

func constant(n int, w float64) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = w
	}
	return all
}

func TestRunsAtTheSameTimeCountTheMachineOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	c := counter{"cpu0": constant(100, 60), "memory0": constant(100, 5), "gpu0": constant(100, 300), "gpu1": constant(100, 200)}
	joule := func(e energy.Energy) float64 { return e.Joules() }
	for _, n := range []int{1, 2, 8, 200} {
		var rows []Row
		for i := range n {
			rows = append(rows, c.run(r, fmt.Sprint(i), 10, 20, 1/float64(n), "cpu0", "memory0"))
		}
		s := sumOf(rows...).Total
		assert.InDelta(t, 650, joule(s.Energy), 1e-5, n)
		assert.LessOrEqual(t, s.Low, s.Energy)
		assert.GreaterOrEqual(t, s.High, s.Energy)
		assert.InDelta(t, 650, joule(s.Low), 3)
		assert.InDelta(t, 650, joule(s.High), 3)
		assert.Equal(t, s.Energy, s.CPU+s.Memory)
		assert.InDelta(t, 650*100/3.6e6, float64(s.Headline().Grams), 1e-6, n)
		if n > 1 {
			assert.Equal(t, n, s.Shared)
			assert.InDelta(t, 650*float64(n-1), joule(s.Overlap), 1e-3)
		}
		assert.Equal(t, s.Energy, s.Measured)
	}

	// One GPU each: the CPU is shared, and nothing else.
	s := sumOf(c.run(r, "a", 10, 20, -1, "cpu0", "gpu0"), c.run(r, "b", 10, 20, -1, "cpu0", "gpu1")).Total
	assert.InDelta(t, 600+3000+2000, joule(s.Energy), 1e-5)
	assert.InDelta(t, 600, joule(s.CPU), 1e-5)
	assert.InDelta(t, 5000, joule(s.GPU), 1e-5)

	// A run inside another, and one that outlives the first: ranks.
	s = sumOf(c.run(r, "a", 10, 50, -1, "cpu0"), c.run(r, "b", 20, 30, -1, "cpu0")).Total
	assert.InDelta(t, 2400, joule(s.Energy), 1e-5)
	s = sumOf(c.run(r, "a", 10, 30, -1, "cpu0"), c.run(r, "b", 11, 50, -1, "cpu0"), c.run(r, "c", 12, 60, -1, "cpu0")).Total
	assert.InDelta(t, 3000, joule(s.Energy), 1e-5)

	// Runs that touch, or are of another machine, share nothing.
	other := c.run(r, "c", 10, 20, -1, "cpu0")
	other.Machine = "n"
	s = sumOf(c.run(r, "a", 10, 20, -1, "cpu0"), c.run(r, "b", 20, 30, -1, "cpu0"), other).Total
	assert.InDelta(t, 1800, joule(s.Energy), 1e-5)
	assert.Zero(t, s.Shared)
}

func TestEachRunKeepsWhatItsWorkUsed(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	c := counter{"cpu0": constant(100, 60)}
	of := func(g *Groups, name string) float64 {
		for _, v := range g.List() {
			if v.Name[0] == name {
				return v.Energy.Joules()
			}
		}
		return math.NaN()
	}
	// 600 J: half is a's work, a tenth b's; the rest is idle, and goes evenly.
	g := sumOf(c.run(r, "a", 10, 20, 0.5, "cpu0"), c.run(r, "b", 10, 20, 0.1, "cpu0"))
	assert.InDelta(t, 420, of(g, "a"), 1e-5)
	assert.InDelta(t, 180, of(g, "b"), 1e-5)
	// More than there is: scaled down.
	g = sumOf(c.run(r, "a", 10, 20, 0.9, "cpu0"), c.run(r, "b", 10, 20, 0.6, "cpu0"))
	assert.InDelta(t, 360, of(g, "a"), 1e-5)
	assert.InDelta(t, 240, of(g, "b"), 1e-5)
	// One that is charged its work keeps that; the machine's run has the rest.
	g = sumOf(c.run(r, "a", 10, 30, 0.2, "cpu0"), asProcess(c.run(r, "b", 15, 20, 0.5, "cpu0")))
	assert.InDelta(t, 1200, g.Total.Energy.Joules(), 1e-5)
	assert.InDelta(t, 150, of(g, "b"), 1e-5)
	assert.InDelta(t, 1050, of(g, "a"), 1e-5)
	// Two that are charged their work share nothing.
	g = sumOf(asProcess(c.run(r, "a", 10, 20, 0.4, "cpu0")), asProcess(c.run(r, "b", 10, 20, 0.5, "cpu0")))
	assert.InDelta(t, 540, g.Total.Energy.Joules(), 1e-5)
	assert.Zero(t, g.Total.Shared)
}

func TestGramsFollowEachRow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	c := counter{"cpu0": constant(100, 60)}
	a, b := c.run(r, "a", 10, 20, -1, "cpu0"), c.run(r, "b", 10, 20, -1, "cpu0")
	b.PerKWh, b.PUE = 500, new(Number(1.5))
	b = emitting(b)
	g := sumOf(a, b)
	for _, v := range g.List() {
		want := map[string]float64{"a": 300 * 100 / 3.6e6, "b": 300 * 750 / 3.6e6}[v.Name[0]]
		assert.InEpsilon(t, want, float64(v.Headline().Grams), 1e-7)
	}
	for grid, v := range g.Total.Grids {
		assert.InEpsilon(t, 600.0/3.6e6, v.Energy.KilowattHours(), 1e-7, grid)
	}
}

func TestRowsThatKnowNoComponents(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	c := counter{"cpu0": constant(100, 60)}
	old := func(id string, from, to float64) Row {
		row := c.run(r, id, from, to, -1, "cpu0")
		row.Machine, row.Components, row.Host = "", "", "node1"
		row.CPU = new(row.Energy)
		return row
	}
	a, b := old("a", 10, 20), old("b", 12, 30)
	s := sumOf(a, b).Total
	assert.InDelta(t, 1200, s.Energy.Joules(), 1e-5)
	assert.Equal(t, max(*a.EnergyLow, *b.EnergyLow), s.Low)
	assert.Equal(t, *a.EnergyHigh+*b.EnergyHigh, s.High, "the sum: they may have seen different parts")
	assert.Equal(t, s.Energy, s.CPU)

	// Another tool's file stamps whole seconds: two of overlap are none.
	foreign := func(id string, from, to float64) Row {
		row := old(id, from, to)
		row.Host, row.Warnings, row.EnergyLow, row.EnergyHigh, row.MeasuredShare = "", Imported, nil, nil, nil
		row.Details = `{"imported":{"file":"emissions.csv"}}`
		return row
	}
	s = sumOf(foreign("a", 10, 20), foreign("b", 18, 30)).Total
	assert.Zero(t, s.Shared)
	assert.InDelta(t, 600+720, s.Energy.Joules(), 1e-5)
	s = sumOf(foreign("a", 10, 20), foreign("b", 10, 20)).Total
	assert.InDelta(t, 600, s.Energy.Joules(), 1e-5)
	assert.InDelta(t, 600, s.Low.Joules(), 1e-5)
	assert.InDelta(t, 1200, s.High.Joules(), 1e-5)
	assert.Equal(t, s.Energy, s.Unknown)
}

func TestRowsThatContradictEachOther(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	c, d := counter{"cpu0": constant(100, 60)}, counter{"cpu0": constant(100, 90)}
	a, b := c.run(r, "a", 10, 20, -1, "cpu0"), d.run(r, "b", 10, 20, -1, "cpu0")
	s := sumOf(a, b).Total
	assert.Equal(t, 2, s.Contradicting)
	assert.Equal(t, *a.EnergyHigh, s.Low)
	assert.Equal(t, *b.EnergyLow, s.High)
	assert.InDelta(t, 750, s.Energy.Joules(), 1e-5)
}

func TestAnOpenBoundIsClosedByAnother(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 1))
	c := counter{"cpu0": constant(100, 60)}
	a, b := c.run(r, "a", 10, 20, -1, "cpu0"), c.run(r, "b", 5, 30, -1, "cpu0")
	a.EnergyHigh, a.EmissionsHigh = nil, nil
	cs, _ := ParseComponents(a.Components)
	cs[0].High = nil
	a.Components, _ = compact(cs)
	s := sumOf(a, b).Total
	assert.Zero(t, s.Open, "the machine cannot have used more than b has seen")
	assert.Equal(t, *b.EnergyHigh, s.High)
	b.EndedAt = Stamp{b.StartedAt.Add(10 * time.Second)}
	s = sumOf(a, b).Total
	assert.Equal(t, 1, s.Open)
	s = sumOf(a).Total
	assert.Equal(t, 1, s.Open)
}

func TestOneWithoutAFilterTakesPartInWhatItShares(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	c := counter{"cpu0": constant(100, 60)}
	g := Groups{}
	g.Add(c.run(r, "a", 10, 20, -1, "cpu0"))
	g.Beside(c.run(r, "b", 10, 20, -1, "cpu0"))
	g.Settle()
	assert.InDelta(t, 300, g.Total.Energy.Joules(), 1e-5)
	assert.Equal(t, 1, g.Total.Runs)
}

// random is a ledger of several machines, with rows of all kinds.
func random(r *rand.Rand, n int) []Row {
	power := func() []float64 {
		w := make([]float64, 400)
		for i := range w {
			w[i] = 20 + 100*r.Float64()
		}
		return w
	}
	c := counter{"cpu0": power(), "memory0": power(), "gpu0": power(), "gpu1": power()}
	var rows []Row
	for i := range n {
		from := float64(r.IntN(300_000)) / 1000
		length := []float64{3, 30, 90}[r.IntN(3)] * r.Float64()
		parts := []string{"cpu0"}
		for _, p := range []string{"memory0", "gpu0", "gpu1"} {
			if r.IntN(2) == 0 {
				parts = append(parts, p)
			}
		}
		share := r.Float64() / 4
		process := r.IntN(5) == 0
		if !process && r.IntN(3) == 0 {
			share = -1
		}
		row := c.run(r, fmt.Sprint("run-", i), from, from+length+0.001, share, parts...)
		row.Machine, row.Project = fmt.Sprint("m", r.IntN(3)), string(rune('a'+r.IntN(4)))
		row.StartedAt.Time = row.StartedAt.Truncate(time.Millisecond)
		row.EndedAt.Time = row.EndedAt.Truncate(time.Millisecond)
		switch {
		case process:
			row = asProcess(row)
		case r.IntN(6) == 0:
			row.Host, row.Machine, row.Components = row.Machine, "", ""
		case r.IntN(9) == 0:
			row.EnergyHigh, row.EmissionsHigh = nil, nil
		}
		rows = append(rows, row)
	}
	return rows
}

func TestOverlapsProperties(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 9))
		rows := random(r, 2+r.IntN(60))
		g := sumOf(rows...)
		total := g.Total.Summary

		var sum, low, high energy.Energy
		var grams float64
		for _, list := range [][]*Group{g.List(), g.Months()} {
			sum, low, high, grams = 0, 0, 0, 0
			for _, v := range list {
				sum, low, high, grams = sum+v.Energy, low+v.Low, high+v.High, grams+float64(v.Headline().Grams)
				require.GreaterOrEqual(t, v.Energy, energy.Energy(0))
				require.GreaterOrEqual(t, v.Low, energy.Energy(0))
			}
			require.Equal(t, total.Energy, sum, "groups add up to the microjoule")
			require.Equal(t, total.Low, low)
			require.Equal(t, total.High, high)
			require.InEpsilon(t, float64(total.Headline().Grams), grams, 1e-9)
		}
		kinds := g.Total.CPU + g.Total.Memory + g.Total.GPU + g.Total.Other
		require.Equal(t, kinds, total.Energy)
		require.LessOrEqual(t, total.Low, total.Energy)
		require.LessOrEqual(t, total.Energy, total.High)

		highs, greatest, open := energy.Energy(0), energy.Energy(0), false
		for _, row := range rows {
			l, h, o := row.Bounds()
			highs, greatest, open = highs+h, max(greatest, l), open || o
		}
		if !open {
			require.LessOrEqual(t, total.High, highs)
		}
		if total.Contradicting == 0 {
			require.GreaterOrEqual(t, total.Low, greatest)
		}

		// In any order.
		mixed := slices.Clone(rows)
		r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		again := sumOf(mixed...)
		a, b := g.List(), again.List()
		byName := func(a, b *Group) int { return slices.Compare(a.Name, b.Name) }
		slices.SortFunc(a, byName)
		slices.SortFunc(b, byName)
		for i := range a {
			require.Equal(t, a[i].Energy, b[i].Energy)
			require.Equal(t, a[i].Low, b[i].Low)
			require.Equal(t, a[i].High, b[i].High)
			require.Equal(t, a[i].Measured, b[i].Measured)
			require.InDelta(t, float64(a[i].Headline().Grams), float64(b[i].Headline().Grams), 1e-12)
		}
	}
}

// What a row counts for depends on its own cluster alone.
func TestOtherClustersDoNotMatter(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 10))
		rows := random(r, 20)
		for i := range rows {
			rows[i].Project = rows[i].RunID
		}
		drop := r.IntN(len(rows))
		// Who is connected with it, by hand.
		cluster := map[int]bool{drop: true}
		for grew := true; grew; {
			grew = false
			for i := range rows {
				for j := range cluster {
					s, u := rows[i], rows[j]
					if !cluster[i] && s.place(s.imported()) == u.place(u.imported()) && s.StartedAt.Before(u.EndedAt.Time) && u.StartedAt.Before(s.EndedAt.Time) {
						cluster[i], grew = true, true
					}
				}
			}
		}
		with := map[string]*Group{}
		for _, v := range sumOf(rows...).List() {
			with[v.Name[0]] = v
		}
		for _, v := range sumOf(slices.Delete(slices.Clone(rows), drop, drop+1)...).List() {
			i := slices.IndexFunc(rows, func(r Row) bool { return r.RunID == v.Name[0] })
			if !cluster[i] {
				require.Equal(t, with[v.Name[0]].Summary, v.Summary)
			}
		}
	}
}

// The bounds by other means: all choices of rows.
func TestBoundsAreTheBestOfAllChoices(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 11))
		var all []stretch
		for range 1 + r.IntN(9) {
			start := r.Int64N(20)
			low := energy.Energy(r.Int64N(100))
			all = append(all, stretch{start, start + 1 + r.Int64N(8), low, low + energy.Energy(r.Int64N(100)), r.IntN(8) == 0})
		}
		var low energy.Energy
		high, bounded := energy.MaxEnergy, false
		for choice := range 1 << len(all) {
			var some []stretch
			for i, s := range all {
				if choice>>i&1 == 1 {
					some = append(some, s)
				}
			}
			apart, covers, closed := true, true, true
			var lows, highs energy.Energy
			for i, s := range some {
				lows, highs, closed = lows+s.low, highs+s.high, closed && !s.open
				for _, o := range some[:i] {
					apart = apart && (s.end <= o.start || o.end <= s.start)
				}
			}
			for ms := range int64(30) {
				in := func(s stretch) bool { return s.start <= ms && ms < s.end }
				covers = covers && (!slices.ContainsFunc(all, in) || slices.ContainsFunc(some, in))
			}
			if apart {
				low = max(low, lows)
			}
			if covers && closed {
				high, bounded = min(high, highs), true
			}
		}
		got := slices.Clone(all)
		require.Equal(t, low, atLeast(got))
		h, ok := atMost(got)
		require.Equal(t, bounded, ok)
		if ok {
			require.Equal(t, high, h)
		}
	}
}

func TestTheBookGivesBackWhatItKeeps(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 1))
	var b book
	var at []uint32
	rows := random(r, 3000)
	for i := range rows {
		a, ok := b.put(&rows[i], float64(i%3)/3, uint32(i))
		require.True(t, ok)
		at = append(at, a)
	}
	bytes := 0
	for _, p := range b.pages {
		bytes += len(p)
	}
	t.Logf("%d bytes a row", bytes/len(rows))
	assert.LessOrEqual(t, bytes/len(rows)+int(unsafe.Sizeof(span{})), 64)
	for i, row := range rows {
		e, _ := b.get(at[i], nil)
		require.Equal(t, uint32(i), e.bucket)
		low, high, open := row.Bounds()
		require.Equal(t, row.Energy, e.energy)
		require.Equal(t, []energy.Energy{low, high}, []energy.Energy{e.low, e.high}, "%+v", row)
		require.Equal(t, open, e.open)
		require.Equal(t, row.measured(), e.measured)
		require.Equal(t, row.Charge == footprint.ChargeProcess, e.process)
		require.InEpsilon(t, float64(row.Emissions), e.perJoule*float64(row.Energy), 1e-12)
		require.Equal(t, float64(i%3)/3, e.again)
	}
}

// What scanComponents reads is what encoding/json does.
func TestScanComponents(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 1))
	amount := func() *energy.Energy {
		if r.IntN(5) == 0 {
			return nil
		}
		return new(energy.Energy(r.Int64N(1 << (1 + r.IntN(50)))))
	}
	scanned := 0
	for range 3000 {
		var want, got []Component
		for i := range r.IntN(4) {
			want = append(want, Component{energy.CPU, fmt.Sprint("package-", i), energy.Measured, amount(), amount(), amount(), amount()})
		}
		cell, err := compact(want)
		require.NoError(t, err)
		if len(want) == 0 {
			cell = "[]"
		}
		copied := func(e *energy.Energy) *energy.Energy {
			if e == nil {
				return nil
			}
			return new(*e)
		}
		if scanComponents(cell, func(c *Component) {
			got = append(got, Component{c.Kind, c.ID, c.Basis, copied(c.Energy), copied(c.Low), copied(c.High), copied(c.Process)})
		}) {
			scanned++
			require.Equal(t, want, got, cell)
		}
	}
	assert.Greater(t, scanned, 2500)
	for _, cell := range []string{"", "[", "[]]", "[{}]", `[{"id":"x"}]`, "null", `[{"kind":"a\"","id":"x"}]`} {
		assert.False(t, scanComponents(cell, func(*Component) {}), cell)
	}
}

func BenchmarkOverlaps(b *testing.B) {
	r := rand.New(rand.NewPCG(14, 1))
	rows := random(r, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		var g Groups
		for _, row := range rows {
			g.Add(row)
		}
		g.Settle()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
}
