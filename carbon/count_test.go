package carbon_test

import (
	"bytes"
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// Joules per token are exact to one token and one tick of the counter: 100 W for 30 s, and
// 512 tokens every 100 ms, from several goroutines, with the last just before Stop.
func TestJoulesPerTokenAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept bytes.Buffer
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Meters: []energy.Meter{&watts{power: 100 * energy.Watt}}, Host: bare, Sinks: []carbon.Sink{carbon.Samples(&kept)},
		})
		require.NoError(t, err)
		tracker.Count("output_token", 0)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 300 {
					time.Sleep(100 * time.Millisecond)
					tracker.Count("output_tokens", 128)
				}
			})
		}
		wg.Wait()
		r, err := tracker.Stop()
		require.NoError(t, err)
		tracker.Count("output_token", 1_000_000) // after the run
		require.Len(t, r.Work, 1)
		w := r.Work[0]
		assert.EqualValues(t, 4*300*128, w.Count)
		assert.Equal(t, footprint.ByProgram, w.How)
		assert.Equal(t, 3000*energy.Joule, r.Energy)
		assert.Equal(t, 3000.0/(4*300*128), *w.Energy)
		assert.Nil(t, r.Activity, "the program counts; when it worked is not known")

		again, err := footprint.Replay(&kept)
		require.NoError(t, err)
		assert.Equal(t, r.Work, again.Work)
	})
}

// A report in between has what was counted before it.
func TestReportHasWhatWasCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{&watts{power: 100 * energy.Watt}}, Host: bare, Every: time.Hour})
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		tracker.Count("request", 5)
		r := tracker.Report()
		require.Len(t, r.Work, 1)
		assert.Equal(t, 1000*energy.Joule, r.Energy)
		assert.Equal(t, 200.0, *r.Work[0].Energy)
		_, err = tracker.Stop()
		require.NoError(t, err)
	})
}

// engine is work with counters of its own; its last look comes after the last reading.
type engine struct{ work }

func (engine) Ended() (footprint.Status, *int, string) { return footprint.Completed, nil, "" }

func (engine) Counted() []footprint.Count {
	time.Sleep(20 * time.Millisecond)
	return []footprint.Count{{Unit: "request", N: 2, How: footprint.ByCounter}}
}

// Looks at a counter make windows, each at its own instant; the last look costs the run
// no energy.
func TestLooksAtACounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept bytes.Buffer
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Meters: []energy.Meter{&watts{power: 100 * energy.Watt}}, Host: bare, Work: engine{}, Sinks: []carbon.Sink{carbon.Samples(&kept)},
		})
		require.NoError(t, err)
		look := func(n float64) {
			tracker.Counted(time.Now(), footprint.Count{Unit: "request", N: n, How: footprint.ByCounter, Source: "x"})
		}
		look(0)
		time.Sleep(3500 * time.Millisecond) // between two readings
		look(8)
		time.Sleep(3500 * time.Millisecond)
		look(0)
		time.Sleep(3 * time.Second)
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, 1000*energy.Joule, r.Energy)
		assert.EqualValues(t, 10, r.Work[0].Count)
		assert.InDelta(t, 650, r.Activity.Busy.Energy.Joules(), 0.001)
		assert.InDelta(t, 350, r.Activity.Idle.Energy.Joules(), 0.001)
		assert.Equal(t, r.Energy, r.Activity.Busy.Energy+r.Activity.Idle.Energy+r.Activity.Unseen.Energy)
		again, err := footprint.Replay(&kept)
		require.NoError(t, err)
		assert.Equal(t, r.Work, again.Work)
		assert.Equal(t, r.Activity, again.Activity)
	})
}

// Whatever a program counts, the run goes on: units that are none, below 0, too many.
func TestCountTakesAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var none *carbon.Tracker
		none.Count("request", 1)
		none.Counted(time.Now(), footprint.Count{})
		tracker, err := carbon.New(carbon.Config{Meters: []energy.Meter{&watts{power: 100 * energy.Watt}}, Host: bare})
		require.NoError(t, err)
		tracker.Count("request", 1) // before Start
		tracker.Start(context.Background())
		tracker.Count("request", -1)
		tracker.Count("no unit", 1)
		for i := range 300 {
			tracker.Count("u"+string(rune('a'+i%26))+string(rune('a'+i/26)), 1)
		}
		time.Sleep(time.Second)
		r, err := tracker.Stop()
		require.NoError(t, err)
		require.NotEmpty(t, r.Work)
		assert.Equal(t, "request", r.Work[0].Unit)
		assert.EqualValues(t, 1, r.Work[0].Count)
		assert.Len(t, r.Work, 32)
		assert.Contains(t, codes(r), footprint.WorkInvalid)
	})
}

func BenchmarkCount(b *testing.B) {
	tracker, err := carbon.Start(b.Context(), carbon.Config{Meters: []energy.Meter{&watts{power: 100 * energy.Watt}}, Host: bare})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tracker.Count("output_token", 1)
	}
	_, _ = tracker.Stop()
}

// Results stand beside the energy of their epoch.
func TestMetricsOfAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{&watts{power: 100 * energy.Watt}}, Host: bare})
		require.NoError(t, err)
		e := tracker.Epoch()
		e.Metric("loss", 0.5)
		e.Metric("loss", 0.25)
		e.Metric("no good", 1)
		e.Metric("nan", math.NaN())
		e.Task("validate").Metric("loss", 9)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() { e.Metric("m"+string(rune('a'+i%26))+string(rune('a'+i/26)), 1) })
		}
		wg.Wait()
		time.Sleep(time.Second)
		e.End()
		e.Metric("loss", 7) // too late
		(*carbon.Stretch)(nil).Metric("loss", 1)
		r, err := tracker.Stop()
		require.NoError(t, err)
		require.Len(t, r.Epochs, 1)
		assert.Len(t, r.Epochs[0].Metrics, footprint.MaxMetrics)
		assert.Equal(t, 0.25, r.Epochs[0].Metrics["loss"])
		assert.NotContains(t, r.Epochs[0].Metrics, "no good")
	})
}
