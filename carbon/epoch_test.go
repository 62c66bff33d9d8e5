package carbon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

func TestEpochsAreExactAtTheirEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var trace bytes.Buffer
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Region: "FR", Meters: []energy.Meter{&watts{power: 10 * energy.Watt}}, Host: bare, Sinks: []carbon.Sink{carbon.Samples(&trace)},
			Run: footprint.Run{Epochs: 4, Charge: footprint.ChargeMachine},
		})
		require.NoError(t, err)
		_, ok := tracker.Predict()
		assert.False(t, ok)
		time.Sleep(1234 * time.Millisecond) // between the readings of each second
		for range 2 {
			e := tracker.Epoch()
			time.Sleep(3 * time.Second)
			check := e.Task("validate")
			time.Sleep(567 * time.Millisecond)
			check.End()
			e.End()
		}
		p, ok := tracker.Predict()
		require.True(t, ok)
		assert.Equal(t, 2, p.AfterEpochs)
		assert.InDelta(t, 1.234+4*3.567, p.DurationS.Expected, 1e-6)
		time.Sleep(time.Second)
		r, err := tracker.Stop()
		require.NoError(t, err)
		require.Len(t, r.Epochs, 2)
		for _, e := range r.Epochs {
			assert.Equal(t, 35_670*energy.Millijoule, e.Energy)
			assert.Equal(t, 3.567, e.DurationS)
			assert.True(t, e.Ended)
		}
		require.Len(t, r.Tasks, 2)
		assert.Equal(t, 5670*energy.Millijoule, r.Tasks[0].Energy)
		assert.Equal(t, "epoch 1", *r.Tasks[0].Within)
		assert.Equal(t, r.Energy, r.Epochs[0].Energy+r.Epochs[1].Energy+r.Between.Energy)
		assert.Equal(t, 1.234+2*3.567+1, r.DurationS, "the run's clock goes on")

		again, err := footprint.Replay(&trace)
		require.NoError(t, err)
		want, _ := json.Marshal(r)
		got, _ := json.Marshal(again)
		assert.Equal(t, string(want), string(got))
	})
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestEveryEpochIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var csv bytes.Buffer
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{&watts{power: 10 * energy.Watt}}, Host: bare, Sinks: []carbon.Sink{carbon.Epochs(&csv)}})
		require.NoError(t, err)
		for range 1200 {
			e := tracker.Epoch()
			time.Sleep(time.Second)
			e.End()
		}
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, 200, r.EpochsOmitted)
		lines := bytes.Split(bytes.TrimSpace(csv.Bytes()), []byte("\n"))
		require.Len(t, lines, 1201)
		assert.Equal(t, "index,name,started_at,duration_s,energy_joules,energy_low_joules,energy_high_joules,emissions_g,coverage,predicted_total_g,metrics", string(lines[0]))
		assert.Regexp(t, `^600,,2000-01-01T00:09:59.000Z,1,10.000000,10.000000,10.000000,0.0\d+,1,,$`, string(lines[600]))

		tracker, err = carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{&watts{power: energy.Watt}}, Host: bare, Sinks: []carbon.Sink{carbon.Epochs(full{})}})
		require.NoError(t, err)
		tracker.Epoch().End()
		r, err = tracker.Stop()
		require.NoError(t, err)
		assert.Contains(t, codes(r), footprint.NotRecorded)
		assert.Len(t, r.Epochs, 1)
	})
}

func TestMarksFromManyGoroutines(t *testing.T) {
	tracker, err := carbon.Start(t.Context(), carbon.Config{
		Meters: []energy.Meter{&watts{power: 10 * energy.Watt}}, Host: bare,
	})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				a := tracker.Task(fmt.Sprint("worker ", i))
				a.Task("inner").End()
				a.End()
				tracker.Predict()
			}
		})
	}
	wg.Wait()
	r, err := tracker.Stop()
	require.NoError(t, err)
	assert.Len(t, r.Tasks, 800)
	for _, x := range r.Tasks {
		assert.True(t, x.Ended)
		assert.GreaterOrEqual(t, r.Energy, x.Energy)
	}
	assert.NotContains(t, codes(r), footprint.EpochUnmatched)
}

func TestAMeterThatHangsHoldsNoEpochUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &watts{power: 10 * energy.Watt, block: make(chan struct{}), after: 5 * time.Second}
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{m}, Host: bare})
		require.NoError(t, err)
		time.Sleep(4500 * time.Millisecond)
		begin := time.Now()
		first := tracker.Epoch()
		assert.Zero(t, time.Since(begin))
		time.Sleep(1500 * time.Millisecond) // the reading at 5 s hangs
		begin = time.Now()
		first.End()
		assert.Zero(t, time.Since(begin), "nobody waits for it")
		begin = time.Now()
		tracker.Epoch().End()
		assert.Zero(t, time.Since(begin))
		time.Sleep(3800 * time.Millisecond)
		close(m.block) // at 10 s
		synctest.Wait()
		time.Sleep(2 * time.Second)
		begin = time.Now()
		tracker.Epoch().End()
		assert.Zero(t, time.Since(begin))
		r, err := tracker.Stop()
		require.NoError(t, err)
		require.Len(t, r.Epochs, 3, "nothing is lost")
		assert.Equal(t, 1.5, r.Epochs[0].DurationS)
		assert.GreaterOrEqual(t, *r.Epochs[0].EnergyHigh, 15*energy.Joule)
		assert.LessOrEqual(t, r.Epochs[0].EnergyLow, 15*energy.Joule)
	})
}

func TestAnEdgeSeenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Meters: []energy.Meter{&watts{power: 10 * energy.Watt}}, Host: bare,
		})
		require.NoError(t, err)
		tracker.Mark(footprint.Mark{Edge: footprint.EpochStart, Of: 5}, time.Now())
		time.Sleep(10 * time.Second)
		tracker.Mark(footprint.Mark{Edge: footprint.EpochEnd}, time.Now().Add(-100*time.Millisecond))
		synctest.Wait()
		r, err := tracker.Stop()
		require.NoError(t, err)
		e := r.Epochs[0]
		assert.Equal(t, 9.9, e.DurationS)
		assert.InDelta(t, 99.5, e.Energy.Joules(), 0.5, "99 J where the reading before is earlier than the edge")
		// 200 W for 100 ms, or all of the 10 J since the reading before it.
		assert.Contains(t, []energy.Energy{80 * energy.Joule, 90 * energy.Joule}, e.EnergyLow)
		assert.Equal(t, 5, r.Prediction.OfEpochs)
	})
}

func TestEpochsOutsideOfTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, err := carbon.New(carbon.Config{Meters: []energy.Meter{&watts{power: 10 * energy.Watt}}, Host: bare})
		require.NoError(t, err)
		early := tracker.Epoch()
		time.Sleep(time.Minute)
		tracker.Start(t.Context())
		time.Sleep(5 * time.Second)
		early.End()
		early.End()
		r, err := tracker.Stop()
		require.NoError(t, err)
		tracker.Epoch().End()
		tracker.Task("late").End()
		require.Len(t, r.Epochs, 1)
		assert.Equal(t, 5.0, r.Epochs[0].DurationS, "it begins with the run")
		assert.Equal(t, r.Energy, r.Epochs[0].Energy)
		assert.Contains(t, codes(r), footprint.EpochUnmatched, "it ended twice")
	})
}

func TestABudgetCancelsBeforeTheNextEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Meters: []energy.Meter{&watts{power: 10 * energy.Watt}}, Host: bare,
			Run: footprint.Run{Epochs: 1000, Charge: footprint.ChargeMachine, Budget: &footprint.Budget{
				Limit: "1kJ", Energy: 1000 * energy.Joule, Predicted: true, Action: "stop", Reached: cancel,
			}},
		})
		require.NoError(t, err)
		n := 0
		for ctx.Err() == nil {
			e := tracker.Epoch()
			time.Sleep(7 * time.Second)
			e.End()
			n++
		}
		r, err := tracker.Stop()
		require.NoError(t, err)
		var reached *footprint.BudgetError
		require.True(t, errors.As(context.Cause(ctx), &reached))
		assert.LessOrEqual(t, r.Energy, 1000*energy.Joule)
		assert.Greater(t, n, 11, "of 14 that would fit")
		assert.Equal(t, "predicted", r.Budget.Basis)
		assert.NotNil(t, r.Budget.TrippedAt)
		assert.Equal(t, footprint.Completed, r.Status)
	})
}

// cheap knows that the grid will be cleaner from some time on.
type cheap struct {
	asked int
	block bool
}

func (*cheap) Intensity(context.Context, regions.Query) (regions.Intensity, error) {
	return regions.Intensity{Zone: "XX", Kind: regions.Live, PerKWh: 400, Source: "a test"}, nil
}

func (c *cheap) Forecast(ctx context.Context, q regions.Query, until time.Time) ([]regions.Intensity, error) {
	c.asked++
	if c.block {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []regions.Intensity{{Kind: regions.Forecast, PerKWh: 100, From: q.Time, To: until}}, nil
}

func TestPredictionsUseTheForecast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grid := &cheap{}
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Region: "XX", Grid: grid, Meters: []energy.Meter{&watts{power: 1000 * energy.Watt}}, Host: bare,
			Run: footprint.Run{Epochs: 3, Charge: footprint.ChargeMachine},
		})
		require.NoError(t, err)
		time.Sleep(time.Hour + 500*time.Millisecond) // between two readings
		assert.Zero(t, grid.asked, "a run without epochs asks nobody")
		for range 2 {
			e := tracker.Epoch()
			time.Sleep(30 * time.Minute)
			e.End()
		}
		p, ok := tracker.Predict()
		require.True(t, ok)
		// 2 h at 1 kW and 400 g/kWh, and half an hour at 100.
		assert.InDelta(t, 800+50, float64(p.Emissions.Expected), 0.1)
		_, err = tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, 1, grid.asked, "once in an hour with epochs")
	})
}

func TestAForecastThatHangsHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Region: "XX", Grid: &cheap{block: true}, Meters: []energy.Meter{&watts{power: energy.Watt}}, Host: bare,
			Run: footprint.Run{Epochs: 3},
		})
		require.NoError(t, err)
		begin := time.Now()
		tracker.Epoch().End()
		_, err = tracker.Stop()
		require.NoError(t, err)
		assert.Zero(t, time.Since(begin))
	})
}

func BenchmarkEpoch(b *testing.B) {
	tracker, err := carbon.Start(b.Context(), carbon.Config{Run: footprint.Run{Epochs: 1 << 30}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tracker.Epoch().End()
	}
	_, _ = tracker.Stop()
}
