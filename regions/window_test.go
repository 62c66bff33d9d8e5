package regions

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var midnight = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func at(hours float64) time.Time { return midnight.Add(time.Duration(hours * float64(time.Hour))) }

// hours makes a series of one hour each from figures.
func hourly(figures ...float64) (series []Intensity) {
	for i, v := range figures {
		series = append(series, Intensity{Kind: Forecast, Scope: Lifecycle, From: at(float64(i)), To: at(float64(i + 1)), PerKWh: Grams(v)})
	}
	return series
}

func TestWindow(t *testing.T) {
	day := hourly(100, 80, 60, 20, 40, 90)
	for name, c := range map[string]struct {
		series             []Intensity
		length, from, by   float64
		start, want, begin float64
	}{
		"one hour":              {day, 1, 0, 6, 3, 20, 100},
		"two hours":             {day, 2, 0, 6, 3, 30, 90},
		"the bound":             {day, 1, 0, 3, 2, 60, 100},
		"just fits":             {day, 6, 0, 6, 0, 65, 65},
		"late start":            {day, 1, 4, 6, 4, 40, 40},
		"from within an hour":   {day, 1, 0.5, 6, 3, 20, 90},
		"an edge meets the end": {day, 1.5, 0, 6, 3, (20 + 20) / 1.5, (100 + 40) / 1.5},
		"edge from the left":    {hourly(9, 5, 1, 9), 1.5, 0, 4, 1.5, (2.5 + 1) / 1.5, (9 + 2.5) / 1.5},
		"equals: the first":     {hourly(7, 7, 7, 7), 1, 0, 4, 0, 7, 7},
		"minutes":               {day, 0.25, 0, 6, 3, 20, 100},
		"by within an hour":     {day, 1, 0, 3.5, 2.5, 40, 100},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Window(c.series, time.Duration(c.length*float64(time.Hour)), at(c.from), at(c.by))
			require.NoError(t, err)
			assert.Equal(t, at(c.start), s.From)
			assert.Equal(t, s.From.Add(time.Duration(c.length*float64(time.Hour))), s.To)
			assert.InDelta(t, c.want, float64(s.PerKWh), 1e-9)
			assert.InDelta(t, c.begin, float64(s.Now), 1e-9)
			assert.InDelta(t, 1-c.want/c.begin, s.Saving(), 1e-9)
			assert.Equal(t, Forecast, s.Kind)
		})
	}
	assert.Zero(t, Slot{}.Saving())
}

func TestWindowRefuses(t *testing.T) {
	day := hourly(100, 80, 60)
	gap := append(hourly(1), hourly(0, 0, 5, 6)[2:]...)
	mixed := hourly(1, 2)
	mixed[1].Scope = Direct
	marginal := hourly(1, 2)
	marginal[1].Marginal = true
	backward := hourly(1, 2)
	backward[0], backward[1] = backward[1], backward[0]
	empty := hourly(1)
	empty[0].To = empty[0].From
	for _, c := range []struct {
		series           []Intensity
		length, from, by float64
		want             string
	}{
		{day, 0, 0, 3, "length 0s: must be more than 0"},
		{day, -1, 0, 3, "length -1h0m0s: must be more than 0"},
		{day, 4, 0, 3, "a slot of 4h0m0s does not fit between 2026-11-22 00:00Z and 2026-11-22 03:00Z"},
		{day, 1, 3, 2, "does not fit"},
		{day, 1, 3, 5, ErrShort.Error()},
		{day, 1, -1, 3, ErrShort.Error()},
		{nil, 1, 0, 3, "it is empty"},
		{gap, 2, 0, 4, ErrShort.Error()},
		{mixed, 1, 0, 2, "different scopes"},
		{marginal, 1, 0, 2, "marginal"},
		{backward, 1, 0, 2, "overlaps"},
		{empty, 1, 0, 2, "holds from"},
	} {
		_, err := Window(c.series, time.Duration(c.length*float64(time.Hour)), at(c.from), at(c.by))
		assert.ErrorContains(t, err, c.want)
	}
	// What lies behind a gap can be chosen, what spans it can't.
	s, err := Window(append(hourly(9, 9), hourly(0, 0, 0, 5, 6)[3:]...), time.Hour, at(0), at(5))
	require.NoError(t, err)
	assert.Equal(t, at(3), s.From)
	kinds := hourly(2, 1)
	kinds[1].Kind = Profile
	s, err = Window(kinds, time.Hour, at(0), at(2))
	require.NoError(t, err)
	assert.Equal(t, Mixed, s.Kind)
}

// No start, minute by minute, is greener than the one found.
func TestWindowIsTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 50 {
		var series []Intensity
		from := at(0)
		for range 20 {
			to := from.Add(time.Duration(1+r.IntN(90)) * time.Minute)
			series = append(series, Intensity{From: from, To: to, PerKWh: Grams(r.IntN(500))})
			from = to
		}
		length := time.Duration(1+r.IntN(200)) * time.Minute
		begin := at(0).Add(time.Duration(r.IntN(60)) * time.Minute)
		s, err := Window(series, length, begin, from)
		if begin.Add(length).After(from) {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		for start := begin; !start.Add(length).After(from); start = start.Add(time.Minute) {
			m, ok := mean(series, start, length)
			require.True(t, ok)
			require.GreaterOrEqual(t, float64(m), float64(s.PerKWh)-1e-9)
			if start.Before(s.From) {
				require.Greater(t, float64(m), float64(s.PerKWh)*(1-1e-12))
			}
		}
	}
}

func TestProfile(t *testing.T) {
	series, err := Builtin().Forecast(context.Background(), Query{Zone: "US-NY", Time: at(0.5)}, at(24))
	require.NoError(t, err)
	require.Len(t, series, 24)
	year := lookup(t, Query{Zone: "US-NY"})
	for i, in := range series {
		assert.Equal(t, at(float64(i)), in.From)
		assert.Equal(t, at(float64(i+1)), in.To)
		assert.Equal(t, Profile, in.Kind)
		assert.Equal(t, Lifecycle, in.Scope)
		assert.InDelta(t, float64(year.PerKWh), float64(in.PerKWh), 0.3*float64(year.PerKWh))
		assert.Contains(t, in.Instead, "typical hours 2020-2022 of New York ISO (no solar in the series)")
		assert.Contains(t, in.Source, "; hours: US Energy Information Administration, Form EIA-930")
	}
	s, err := Window(series, 4*time.Hour, at(0.5), at(24))
	require.NoError(t, err)
	assert.Equal(t, Profile, s.Kind)
	assert.Positive(t, s.Saving())
	// Over a whole year the typical hours have the year's mean.
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, zone := range []string{"US-NY", "US-AZ", "US-GA", "US-AL", "US-OR", "US-WA", "gcp:us-west1", "DE", "FR", "CA-QC", "aws:us-east-1"} {
		series, err = Builtin().Forecast(context.Background(), Query{Zone: zone, Time: begin}, begin.AddDate(1, 0, 0))
		require.NoError(t, err)
		require.Len(t, series, 365*24)
		m, ok := mean(series, begin, 365*24*time.Hour)
		require.True(t, ok)
		assert.InEpsilon(t, float64(lookup(t, Query{Zone: zone}).PerKWh), float64(m), 1e-9)
	}
	_, err = Builtin().Forecast(context.Background(), Query{Zone: "JP", Time: at(0)}, at(24))
	assert.ErrorIs(t, err, ErrNoForecast)
	assert.EqualError(t, err, "no forecast: no typical hours for JP")
	_, err = Builtin().Forecast(context.Background(), Query{Zone: "US-NY", Time: at(0)}, at(0))
	assert.ErrorIs(t, err, ErrNoForecast)
	_, err = Builtin().Forecast(context.Background(), Query{Zone: "US-NY", Time: at(0)}, at(24*400))
	assert.ErrorContains(t, err, "more than a year")
	_, err = Builtin().Forecast(context.Background(), Query{Zone: "nowhere"}, at(24))
	assert.Error(t, err)
	series, err = Builtin().Forecast(context.Background(), Query{Zone: "US-NY"}, time.Now().Add(2*time.Hour))
	require.NoError(t, err)
	assert.False(t, series[0].From.After(time.Now()))
}

// How good is a start that typical hours advise? Each month is held back in
// turn: the day's shape comes from the other eleven, the start it advises for
// four hours' work is then judged by the month's own mean hours. docs/regions.md
// has the table.
func TestProfileWindowsAgainstHeldBackMonths(t *testing.T) {
	const length = 4
	for i := range builtinTypical().areas {
		a := &builtinTypical().areas[i]
		var advised, best, worst, daily float64
		for held := range 12 {
			var shape [24]float64
			for m, hours := range a.months {
				for h, v := range hours {
					if m != held {
						shape[h] += v
					}
				}
			}
			slot := func(hours [24]float64, start int) (sum float64) {
				for k := range length {
					sum += hours[(start+k)%24] / length
				}
				return sum
			}
			pick, low, high := 0, math.Inf(1), 0.0
			for start := range 24 {
				if slot(shape, start) < slot(shape, pick) {
					pick = start
				}
				v := slot(a.months[held], start)
				low, high = min(low, v), max(high, v)
				daily += v / 24
			}
			advised, best, worst = advised+slot(a.months[held], pick), best+low, worst+high
		}
		t.Logf("%s: any hour 100 %%, advised %.1f %%, best %.1f %%, worst %.1f %%", a.name, 100*advised/daily, 100*best/daily, 100*worst/daily)
		assert.Less(t, advised, daily, "%s: advice is better than none", a.name)
		most := 0.05
		if a.name == "Belgium" || a.name == "Denmark" { // the season turns their best hours from night to noon
			most = 0.07
		}
		assert.Less(t, advised-best, most*daily, "%s: and near the best", a.name)
	}
}

func BenchmarkWindow(b *testing.B) {
	series, err := Builtin().Forecast(context.Background(), Query{Zone: "US-NY", Time: midnight}, midnight.AddDate(0, 0, 3))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Window(series, 4*time.Hour, midnight, midnight.AddDate(0, 0, 3)); err != nil {
			b.Fatal(err)
		}
	}
}
