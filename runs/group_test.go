package runs

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

func anyRow(r *rand.Rand) Row {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	share, year := Number(r.Float64()), 2020+r.IntN(5)
	cpu := energy.Energy(r.Int64N(1e9))
	row := Row{
		Project: pick("", "a", "b", "a b"), Host: pick("n1", "n2"), User: pick("", "ada"), Zone: pick("FR", "DE", "US-CA"),
		Status: footprint.Status(pick("completed", "failed")), Labels: pick("", `{"model":"x"}`, `{"model":"y","z":"x"}`),
		StartedAt: Stamp{time.Date(2026, time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), 0, 0, 0, time.UTC)},
		DurationS: Number(r.Float64() * 100), Energy: cpu + energy.Energy(r.Int64N(1e9)), CPU: &cpu,
		Emissions: Number(r.Float64() * 10), MeasuredShare: &share,
		PerKWh: 100, IntensityYear: &year, IntensitySource: "source", IntensityKind: "annual-average",
		Warnings: pick("", "modelled", "modelled region-assumed"), ToolVersion: "v1", DataVersion: "2026.1", Charge: footprint.ChargeMachine,
	}
	row.EnergyLow, row.EnergyHigh = new(row.Energy/2), new(row.Energy*2)
	row.EndedAt = Stamp{row.StartedAt.Add(time.Duration(1+r.IntN(900)) * time.Minute)}
	if r.IntN(5) == 0 {
		row.CountedBy = "parent"
	}
	if r.IntN(3) == 0 {
		n := Number(1)
		row.MarketEmissions = &n
	}
	return row
}

// Whatever rows are grouped by, the groups add up to the whole: energies to the
// microjoule.
func TestGroupsAddUp(t *testing.T) {
	for _, by := range [][]Key{{ByProject}, {ByHost}, {ByUser}, {ByRegion}, {ByStatus}, {ByMonth}, {ByDay}, {ByYear}, {ByJob},
		{ByProvider}, {"label:model"}, {ByProject, ByMonth}, {"label:z", ByHost, ByStatus}} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			g := Groups{By: by}
			var whole Summary
			for range 500 {
				row := anyRow(r)
				g.Add(row)
				whole.Add(row)
			}
			for _, list := range [][]*Group{g.List(), g.Months()} {
				var sum Summary
				var squares, market float64
				var grams regions.Grams
				warnings := 0
				for _, v := range list {
					sum.Runs += v.Runs
					sum.Nested += v.Nested
					sum.Energy += v.Energy
					sum.Low += v.Low
					sum.High += v.High
					sum.Measured += v.Measured
					sum.Duration += v.Duration
					grams += v.Headline().Grams
					market += float64(v.Market)
					warnings += v.Warnings["modelled"]
					squares += v.RunEnergy.squares + float64(v.Runs)*math.Pow(v.RunEnergy.Mean-g.Total.RunEnergy.Mean, 2)
					assert.Equal(t, v.Runs, v.RunTime.N)
				}
				assert.Equal(t, whole.Runs, sum.Runs)
				assert.Equal(t, whole.Nested, sum.Nested)
				assert.Equal(t, whole.Energy, sum.Energy)
				assert.Equal(t, whole.Low, sum.Low)
				assert.Equal(t, whole.High, sum.High)
				assert.Equal(t, whole.Measured, sum.Measured)
				assert.Equal(t, whole.Duration, sum.Duration)
				assert.InEpsilon(t, float64(whole.Headline().Grams), float64(grams), 1e-12)
				assert.InEpsilon(t, g.Total.RunEnergy.squares, squares, 1e-9, "the spread within and between groups is that of all")
				assert.Equal(t, g.Total.Warnings["modelled"], warnings)
				assert.InDelta(t, float64(g.Total.Market), market, 1e-9)
			}
			var charged energy.Energy
			for _, c := range g.Total.Grids {
				charged += c.Energy
				assert.InEpsilon(t, 100, float64(c.PerKWh()), 1e-12)
			}
			assert.Equal(t, whole.Energy, charged)
			assert.Equal(t, whole, g.Total.Summary)
		})
	}
}

func TestGroupNames(t *testing.T) {
	at := Stamp{time.Date(2026, 11, 22, 23, 30, 0, 0, time.FixedZone("", -3600))} // the 23rd in UTC
	row := Row{Project: "p", Host: "h", User: "u", Zone: "FR", Provider: "aws", Status: footprint.Failed, JobID: "7", StartedAt: at, Labels: `{"k":"v","é":"ü"}`}
	for k, want := range map[Key]string{
		ByProject: "p", ByHost: "h", ByUser: "u", ByRegion: "FR", ByProvider: "aws", ByStatus: "failed", ByJob: "7",
		ByDay: "2026-11-23", ByMonth: "2026-11", ByYear: "2026", "label:k": "v", "label:é": "ü", "label:x": "",
	} {
		assert.Equal(t, want, string(k.of(nil, &row)), k)
		parsed, err := ParseKey(string(k))
		require.NoError(t, err)
		assert.Equal(t, k, parsed)
	}
	zone, err := ParseKey("zone")
	require.NoError(t, err)
	assert.Equal(t, ByRegion, zone)
	for _, bad := range []string{"", "label:", "label", "colour", "projects"} {
		_, err := ParseKey(bad)
		assert.Error(t, err, bad)
	}
	assert.Empty(t, ByMonth.of(nil, &Row{}), "a start that is not known is no month of year 1")
	assert.Empty(t, Key("label:k").of(nil, &Row{Labels: `{"k":`}), "a cell that is no JSON has no labels")
}

func TestGroupOrder(t *testing.T) {
	add := func(by ...Key) *Groups {
		g := &Groups{By: by}
		for i, p := range []string{"small", "large", "same", "other"} {
			g.Add(Row{Project: p, Emissions: []Number{1, 9, 5, 5}[i], StartedAt: Stamp{time.Date(2026, time.Month(9-i), 1, 0, 0, 0, 0, time.UTC)}})
		}
		return g
	}
	names := func(list []*Group) (s []string) {
		for _, g := range list {
			s = append(s, strings.Join(g.Name, "/"))
		}
		return s
	}
	assert.Equal(t, []string{"large", "other", "same", "small"}, names(add(ByProject).List()))
	assert.Equal(t, []string{"2026-06", "2026-07", "2026-08", "2026-09"}, names(add(ByMonth).List()))
	assert.Equal(t, []string{"2026-06/other", "2026-07/same", "2026-08/large", "2026-09/small"}, names(add(ByMonth, ByProject).List()))
	assert.Empty(t, add().List())
	assert.Len(t, add().Months(), 4)
}

func TestSpread(t *testing.T) {
	var s, o Spread
	_, ok := s.StdError()
	assert.False(t, ok)
	for _, x := range []float64{2, 4, 4, 4, 5, 5, 7, 9} {
		s.Add(x)
		o.Add(2*x + 1e9) // far from 0, where sums of squares lose all digits
	}
	d, ok := s.Deviation()
	assert.True(t, ok)
	assert.Equal(t, 5.0, s.Mean)
	assert.InDelta(t, math.Sqrt(32.0/7), d, 1e-12)
	assert.Equal(t, []float64{2, 9}, []float64{s.Least, s.Most})
	e, _ := s.StdError()
	assert.InDelta(t, math.Sqrt(32.0/7/8), e, 1e-12)
	twice, _ := o.Deviation()
	assert.InDelta(t, 2*d, twice, 1e-6)
	difference, e, ok := o.Minus(s)
	assert.True(t, ok)
	assert.InDelta(t, 1e9+5, difference, 1e-6)
	assert.InDelta(t, math.Sqrt(5*32.0/7/8), e, 1e-6)
	_, _, ok = s.Minus(Spread{N: 1})
	assert.False(t, ok, "one run says nothing of the spread")
}

func TestFilter(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	row := Row{Project: "p", Host: "h", User: "u", Zone: "FR", Status: footprint.Completed, Labels: `{"k":"v","e":""}`, StartedAt: Stamp{day(10)}}
	for name, c := range map[string]struct {
		f    Filter
		want bool
	}{
		"zero": {Filter{}, true}, "from": {Filter{From: day(10)}, true}, "later": {Filter{From: day(11)}, false},
		"to": {Filter{To: day(11)}, true}, "to is before": {Filter{To: day(10)}, false},
		"project": {Filter{Projects: []string{"x", "p"}}, true}, "other": {Filter{Projects: []string{"P"}}, false},
		"label": {Filter{Labels: map[string]string{"k": "v"}}, true}, "value": {Filter{Labels: map[string]string{"k": "w"}}, false},
		"all labels": {Filter{Labels: map[string]string{"k": "v", "x": "y"}}, false}, "absent is not empty": {Filter{Labels: map[string]string{"x": ""}}, false},
		"empty label": {Filter{Labels: map[string]string{"e": ""}}, true},
		"status":      {Filter{Statuses: []footprint.Status{footprint.Completed}}, true}, "failed": {Filter{Statuses: []footprint.Status{footprint.Failed}}, false},
		"host": {Filter{Hosts: []string{"g"}}, false}, "user": {Filter{Users: []string{"g"}}, false}, "zone": {Filter{Zones: []string{"DE"}}, false},
		"both": {Filter{Zones: []string{"FR"}, Hosts: []string{"g"}}, false},
	} {
		assert.Equal(t, c.want, c.f.Match(row), name)
	}
	assert.False(t, Filter{To: day(1)}.Match(Row{}), "a start that is not known lies within no bounds")
	assert.True(t, Filter{}.Match(Row{}))
}

func TestAllowance(t *testing.T) {
	for s, want := range map[string]Allowance{
		"500g": {Emissions: 500}, " 1.5 kg ": {Emissions: 1500}, "2t": {Emissions: 2e6}, "1mg": {Emissions: 0.001},
		"1kWh": {Energy: energy.KilowattHour}, "0.5 Wh": {Energy: energy.WattHour / 2}, "10J": {Energy: 10 * energy.Joule},
		"500KWH": {Energy: 500 * energy.KilowattHour}, "5KG": {Emissions: 5000}, "1e3g": {Emissions: 1000},
	} {
		got, err := ParseAllowance(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, got, s)
	}
	for _, bad := range []string{"", "g", "500", "-1g", "0g", "1,5kg", "NaN g", "Inf g", "1 lb", "1..2g", "2h", "2EUR"} {
		_, err := ParseAllowance(bad)
		assert.Error(t, err, bad)
	}
	s := Summary{Scopes: []Emitted{{Grams: 250}}, Energy: 900 * energy.WattHour}
	assert.Equal(t, 0.0, Allowance{}.Used(s))
	assert.Equal(t, 0.5, Allowance{Emissions: 500}.Used(s))
	assert.InDelta(t, 0.9, Allowance{Emissions: 500, Energy: energy.KilowattHour}.Used(s), 1e-12)
}

func FuzzParseAllowance(f *testing.F) {
	for _, s := range []string{"500g", "1.5 kWh", ".g", "1", "é", "9999999999999999999t", "1e400g"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAllowance(s)
		if err != nil {
			assert.Equal(t, Allowance{}, a)
			return
		}
		assert.True(t, a.Emissions > 0 || a.Energy >= 0)
		assert.False(t, math.IsInf(float64(a.Emissions), 0))
	})
}

// However many rows come, only new groups take memory.
func TestGroupsKeepNoRows(t *testing.T) {
	g := Groups{By: []Key{ByRegion}}
	r := rand.New(rand.NewPCG(3, 4))
	rows := make([]Row, 64)
	for i := range rows {
		rows[i] = anyRow(r)
		rows[i].Labels = ""
		g.Add(rows[i])
	}
	i := 0
	assert.Zero(t, testing.AllocsPerRun(1000, func() { g.Add(rows[i%len(rows)]); i++ }), "a row of known groups costs no memory")
}

func BenchmarkGroups(b *testing.B) {
	for _, by := range []Key{ByProject, "label:model"} {
		b.Run(string(by), func(b *testing.B) {
			r := rand.New(rand.NewPCG(5, 6))
			rows := make([]Row, 1024)
			for i := range rows {
				rows[i] = anyRow(r)
			}
			g := Groups{By: []Key{by}}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				g.Add(rows[i%len(rows)])
				i++
			}
		})
	}
}

// Rows that have only the columns asked for give the same sums.
func TestColumns(t *testing.T) {
	for _, by := range append(keys, "label:model") {
		for _, f := range []Filter{{}, {Hosts: []string{"n1"}, Users: []string{"ada"}, Labels: map[string]string{"model": "x"}}} {
			r := rand.New(rand.NewPCG(7, 8))
			whole, part := Groups{By: []Key{by}}, Groups{By: []Key{by}}
			columns := whole.Columns(f)
			for range 200 {
				row := anyRow(r)
				row.Provider, row.JobID = row.Zone, row.Host
				bare := row
				fields := reflect.TypeOf(row)
				for i := range fields.NumField() {
					name, _, _ := strings.Cut(fields.Field(i).Tag.Get("csv"), ",")
					if !slices.Contains(columns, name) {
						reflect.ValueOf(&bare).Elem().Field(i).SetZero()
					}
				}
				require.Equal(t, f.Match(row), f.Match(bare))
				if f.Match(row) {
					whole.Add(row)
					part.Add(bare)
				}
			}
			require.NotZero(t, whole.Total.Runs)
			whole.Settle()
			part.Settle()
			assert.True(t, whole.Total.Shared > 0 || len(f.Hosts) > 0, "rows of a host at the same time")
			assert.Equal(t, whole, part, by)
		}
	}
}

// A fleet's runs take centuries, and a row from elsewhere may say anything.
func TestLongDurations(t *testing.T) {
	for want, list := range map[time.Duration][]Number{
		longest:                 {9e9, 9e9, 1},
		time.Second:             {1, -5, Number(math.NaN())},
		2500 * time.Millisecond: {2, 0.5},
	} {
		var s Summary
		for _, d := range list {
			s.Add(Row{DurationS: d})
		}
		assert.Equal(t, want, s.Duration, list)
	}
	var s Summary
	s.Add(Row{DurationS: 1e300})
	s.Add(Row{DurationS: Number(math.Inf(1))})
	assert.Equal(t, longest, s.Duration)
}
