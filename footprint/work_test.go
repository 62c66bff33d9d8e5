package footprint_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

func counter(unit string, n float64) footprint.Count {
	return footprint.Count{Unit: unit, N: n, How: footprint.ByCounter, Source: "vllm:x_total", Series: 2}
}

func worked(t *testing.T, r footprint.Report, unit string) footprint.Work {
	t.Helper()
	for _, w := range r.Counted() {
		if w.Unit == unit {
			return w
		}
	}
	require.Fail(t, "not counted: "+unit)
	return footprint.Work{}
}

// The worked case: 8,840 J, 510,000 output tokens, 200,000 of input of which 50,000 came
// from a cache, 1,550 requests served and 3 aborted.
func TestWorkOfTheWorkedCase(t *testing.T) {
	var a footprint.Account
	a.Run.Price = &footprint.Price{PerKWh: 0.36, Currency: "EUR"}
	a.Add(at(0, joules(pkg, 0)))
	a.Count(0, counter("output_token", 0), counter("input_token", 0), counter("cached_token", 0), counter("request", 0))
	a.Add(at(100, joules(pkg, 8840)))
	served := counter("request", 1550)
	served.Aborted = 3
	a.Count(0, served, counter("cached_token", 50_000), counter("input_token", 200_000), counter("output_token", 510_000))
	r := a.Report()
	require.Equal(t, 8840*energy.Joule, r.Energy)
	require.Len(t, r.Work, 4)
	out := r.Work[0]
	assert.Equal(t, "output_token", out.Unit, "the unit of the headline first")
	assert.EqualValues(t, 510_000, out.Count)
	assert.Equal(t, footprint.CountExact, out.Bound)
	assert.Equal(t, 2, out.Series)
	assert.InDelta(t, 0.017333, *out.Energy, 1e-6)
	assert.InDelta(t, r.EnergyLow.Joules()/510_000, *out.EnergyLow, 1e-12)
	assert.InDelta(t, r.EnergyHigh.Joules()/510_000, *out.EnergyHigh, 1e-12)
	assert.InDelta(t, float64(r.Emissions)/510_000, *out.Emissions, 1e-12)
	assert.InDelta(t, 8840/3.6e6*0.36/510_000, *out.Cost, 1e-15)
	assert.InDelta(t, *out.EnergyLow / *out.Energy, *out.CostLow / *out.Cost, 1e-9)
	assert.InDelta(t, *out.EnergyHigh / *out.Energy, *out.CostHigh / *out.Cost, 1e-9)
	assert.Equal(t, start.Format(time.RFC3339), out.FirstAt.Format(time.RFC3339))
	assert.Equal(t, 100*time.Second, out.LastAt.Sub(out.FirstAt))
	assert.EqualValues(t, 200_000, worked(t, r, "input_token").Count)
	cached := worked(t, r, "cached_token")
	assert.EqualValues(t, 50_000, cached.Count)
	assert.Nil(t, cached.Energy, "they take next to nothing")
	req := worked(t, r, "request")
	assert.EqualValues(t, 1550, req.Count, "aborted ones are not served")
	assert.EqualValues(t, 3, req.Aborted)
	assert.InDelta(t, 8840.0/1550, *req.Energy, 1e-9, "their energy is in it all the same")
	assert.Empty(t, texts(r, footprint.WorkInvalid))
	readsBack(t, r)
}

// readsBack checks that a report with work reads back as it was written.
func readsBack(t *testing.T, r footprint.Report) {
	t.Helper()
	b, err := json.Marshal(r)
	require.NoError(t, err)
	var back footprint.Report
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, r.Work, back.Work)
	assert.Equal(t, r.Activity, back.Activity)
}

// No work is a result: energy, and no figure for each of none.
func TestNoWorkIsAResult(t *testing.T) {
	var a footprint.Account
	a.Add(at(0, joules(pkg, 0)))
	a.Count(0, counter("output_token", 0))
	a.Add(at(10, joules(pkg, 500)))
	a.Count(0, counter("output_token", 0))
	r := a.Report()
	w := worked(t, r, "output_token")
	assert.Zero(t, w.Count)
	assert.Nil(t, w.Energy)
	assert.Nil(t, w.EnergyHigh)
	assert.Nil(t, w.Emissions)
	assert.Equal(t, footprint.CountExact, w.Bound)
	require.NotNil(t, r.Activity)
	assert.Equal(t, 500*energy.Joule, r.Activity.Idle.Energy)
	assert.Zero(t, r.Activity.Busy.Energy)
}

// The bounds of a count widen those of the figures, crosswise.
func TestBoundsOfACount(t *testing.T) {
	account := func(c footprint.Count) (footprint.Report, footprint.Work) {
		var a footprint.Account
		a.Add(at(0, joules(pkg, 0)))
		a.Add(at(10, joules(pkg, 1000)))
		a.Count(0, c)
		r := a.Report()
		return r, worked(t, r, c.Unit)
	}
	lower := counter("output_token", 100)
	lower.Lower = true
	r, w := account(lower)
	assert.Equal(t, footprint.CountLower, w.Bound)
	assert.Nil(t, w.High)
	assert.Nil(t, w.EnergyLow, "more tokens would make each cost less, without a bound")
	assert.InDelta(t, r.EnergyHigh.Joules()/100, *w.EnergyHigh, 1e-9)

	reset := counter("output_token", 100)
	reset.Resets = 2
	r, w = account(reset)
	assert.Equal(t, footprint.CountLower, w.Bound)
	assert.Equal(t, 2, w.Resets)
	assert.Contains(t, texts(r, footprint.WorkPartial), "vllm:x_total was reset 2 times: output_token is a lower bound")

	flight := counter("output_token", 100)
	flight.Before, flight.After = 20, 30
	r, w = account(flight)
	assert.Equal(t, footprint.CountEstimate, w.Bound)
	assert.Equal(t, []float64{80, 130}, []float64{w.Low, *w.High})
	assert.InDelta(t, r.EnergyLow.Joules()/130, *w.EnergyLow, 1e-9)
	assert.InDelta(t, r.EnergyHigh.Joules()/80, *w.EnergyHigh, 1e-9)
	assert.Nil(t, w.CostLow, "no price was given")
}

func texts(r footprint.Report, code string) (all []string) {
	for _, w := range r.Warnings {
		if w.Code == code {
			all = append(all, w.Text)
		}
	}
	return all
}

// Busy and idle windows, and what is in none, add up to the run; a window that spans
// samples and one that ends between two of them are as exact as an edge.
func TestBusyAndIdleAddUpToTheRun(t *testing.T) {
	var a footprint.Account
	a.Add(at(0, joules(pkg, 0)))
	a.Add(at(2, joules(pkg, 100)))
	a.Count(0, counter("output_token", 0)) // the engine is ready after 2 s
	for i := 3; i <= 20; i++ {
		j := 100 + 50*float64(min(i, 12)-2) // 50 W until 12 s, then 10 W
		if i > 12 {
			j += 10 * float64(i-12)
		}
		a.Add(at(float64(i), joules(pkg, j)))
		if i%5 == 2 {
			n := 0.0
			if i <= 12 {
				n = 7
			}
			a.Count(0, counter("output_token", n))
		}
	}
	r := a.Report()
	act := r.Activity
	require.NotNil(t, act)
	assert.Equal(t, 500*energy.Joule, act.Busy.Energy)
	assert.Equal(t, 10.0, act.Busy.DurationS)
	assert.Equal(t, 50*energy.Joule, act.Idle.Energy)
	assert.Equal(t, 5.0, act.Idle.DurationS)
	assert.Equal(t, r.Energy, act.Busy.Energy+act.Idle.Energy+act.Unseen.Energy)
	assert.InDelta(t, r.DurationS, act.Busy.DurationS+act.Idle.DurationS+act.Unseen.DurationS, 1e-9)
	assert.InDelta(t, float64(r.Emissions), float64(act.Busy.Emissions+act.Idle.Emissions+act.Unseen.Emissions), 1e-12)
	assert.LessOrEqual(t, act.Busy.EnergyLow, act.Busy.Energy)
	assert.GreaterOrEqual(t, *act.Busy.EnergyHigh, act.Busy.Energy)
	readsBack(t, r)

	// Events tell of no time.
	var b footprint.Account
	b.Add(at(0, joules(pkg, 0)))
	b.Add(at(1, joules(pkg, 1)))
	b.Count(0, footprint.Count{Unit: "sample", N: 3, How: footprint.ByEvent})
	b.Count(0, footprint.Count{Unit: "sample", N: 3, How: footprint.ByEvent})
	assert.Nil(t, b.Report().Activity)
	assert.EqualValues(t, 6, worked(t, b.Report(), "sample").Count)
}

// What is no count changes nothing, and the report says so; the units are bounded.
func TestCountsThatAreNone(t *testing.T) {
	var a footprint.Account
	a.Count(0, counter("request", 5)) // before the first sample: nothing to count by
	a.Add(at(0, joules(pkg, 0)))
	for _, c := range []footprint.Count{
		counter("", 1), counter("Token", 1), counter("a b", 1), counter("request", -1),
		counter("request", math.NaN()), counter("request", math.Inf(1)), {Unit: "request", N: 1}, {Unit: "request", N: 1, How: "guess"},
	} {
		a.Count(0, c)
	}
	assert.Empty(t, a.Report().Work)
	assert.Contains(t, texts(a.Report(), footprint.WorkInvalid)[0], "(8 times)")
	for i := range 100 {
		a.Count(0, counter("u"+string(rune('a'+i%26))+string(rune('a'+i/26)), 1))
	}
	assert.Len(t, a.Report().Work, 32)
	two := footprint.Count{Unit: "uaa", N: 9, How: footprint.ByEvent}
	a.Count(0, two)
	assert.Len(t, a.Report().Work, 32)
}

// A unit that is counted in two ways is not counted twice.
func TestAUnitCountedInTwoWays(t *testing.T) {
	var a footprint.Account
	a.Add(at(0, joules(pkg, 0)))
	a.Count(0, footprint.Count{Unit: "request", N: 9, How: footprint.ByEvent}, counter("request", 10))
	r := a.Report()
	require.Len(t, r.Work, 2)
	require.Len(t, r.Counted(), 1)
	assert.EqualValues(t, 10, r.Counted()[0].Count)
	assert.Contains(t, texts(r, footprint.WorkInvalid), "request is counted in two ways (counter, event): the first one is recorded")
}

func TestWorkIsReplayed(t *testing.T) {
	var a footprint.Account
	var b bytes.Buffer
	rec, err := footprint.Record(&b, &a)
	require.NoError(t, err)
	for i := range 4 {
		s := at(float64(i), joules(pkg, 10*float64(i)))
		a.Add(s)
		require.NoError(t, rec.Add(s))
		c := []footprint.Count{counter("output_token", float64(i%2))}
		a.Count(200*time.Millisecond, c...)
		require.NoError(t, rec.Count(200*time.Millisecond, c))
	}
	a.End.Status = footprint.Completed
	require.NoError(t, rec.End(a.End))
	again, err := footprint.Replay(&b)
	require.NoError(t, err)
	assert.Equal(t, a.Report().Work, again.Work)
	assert.Equal(t, a.Report().Activity, again.Activity)
}

func TestParseUnit(t *testing.T) {
	for in, want := range map[string]string{
		"output_token": "output_token", "output_tokens": "output_token", "requests": "request", "images": "images", "mm2": "mm2",
	} {
		got, err := footprint.ParseUnit(in)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, in := range []string{"", "2x", "_a", "a-b", "Ü", "tokens per s", "a\n", string(bytes.Repeat([]byte("a"), 41))} {
		_, err := footprint.ParseUnit(in)
		assert.Error(t, err, in)
	}
}

func TestParsePrice(t *testing.T) {
	for in, want := range map[string]footprint.Price{
		"0.3": {PerKWh: 0.3}, "0.30EUR": {PerKWh: 0.3, Currency: "EUR"}, "$0.12": {PerKWh: 0.12, Currency: "$"}, " 25 SEK ": {PerKWh: 25, Currency: "SEK"},
	} {
		got, err := footprint.ParsePrice(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got)
	}
	for _, in := range []string{"", "EUR", "0", "-1", "NaN", "0.3 per kWh", "$0.3EUR", "1e999", "0.3kWh"} {
		_, err := footprint.ParsePrice(in)
		assert.Error(t, err, in)
	}
}
