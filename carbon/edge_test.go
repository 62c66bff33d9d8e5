package carbon

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// driver is a GPU whose driver takes its time for a call.
type driver struct {
	power energy.Power
	call  time.Duration
	since time.Time
	reads int
	asked []time.Time // who uses it
}

func (d *driver) Read(_ context.Context, to []energy.Reading) ([]energy.Reading, error) {
	d.reads++
	before := time.Now()
	time.Sleep(d.call)
	now := time.Now()
	return append(to, energy.Reading{
		Component: energy.Component{Kind: energy.GPU, ID: "GPU-1", Name: "a GPU", Source: "test", Scope: "gpu", Basis: energy.Measured, BandLow: 1, BandHigh: 1},
		Before:    before, Time: now, Total: d.power.Over(now.Sub(d.since)), MaxPower: 700 * energy.Watt,
	}), nil
}

func (d *driver) Use(_ context.Context, _ func(int) bool, to []energy.Use) ([]energy.Use, error) {
	d.asked = append(d.asked, time.Now())
	time.Sleep(d.call)
	return append(to, energy.Use{Kind: energy.GPU, ID: "GPU-1", Mine: float64(len(d.asked)), All: float64(len(d.asked)), Capacity: float64(len(d.asked)), Known: true}), nil
}

func (d *driver) Close() error { return nil }

// An edge costs the work nothing but the CPU's counters, however slow a driver
// is; the GPU's energy at the edge lies within the bounds.
func TestAnEdgeWaitsForNoDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSteady(60 * energy.Watt)
		meters, _ := findMeters(m, m, nil)
		gpu := &driver{power: 300 * energy.Watt, call: 4 * time.Millisecond, since: time.Now()}
		tracker, err := Start(t.Context(), Config{
			Meters: append(meters, gpu), Host: Host{Root: m}, Run: footprint.Run{Charge: footprint.ChargeMachine},
		})
		require.NoError(t, err)
		time.Sleep(333 * time.Millisecond)
		for range 5 {
			begun := time.Now()
			e := tracker.Epoch()
			assert.Zero(t, time.Since(begun))
			time.Sleep(600 * time.Millisecond)
			begun = time.Now()
			e.End()
			assert.Zero(t, time.Since(begun))
			used, ok := e.Used()
			require.True(t, ok)
			assert.Equal(t, 4*time.Millisecond, time.Since(begun), "what it used is known when the driver has answered")
			require.Len(t, used.Components, 2)
			assert.Equal(t, used.Energy, used.Components[0].Energy+used.Components[1].Energy)
			gpu := used.Components[1]
			assert.Equal(t, energy.GPU, gpu.Kind)
			truth := 300 * energy.Joule * 6 / 10
			assert.LessOrEqual(t, gpu.Low, truth)
			assert.GreaterOrEqual(t, *gpu.High, truth)
			assert.Less(t, (*gpu.High - gpu.Low).Joules(), 0.1*truth.Joules())
			time.Sleep(100 * time.Millisecond)
		}
		begun := time.Now()
		tracker.Report()
		assert.LessOrEqual(t, time.Since(begun), lastRead)
		r, err := tracker.Stop()
		require.NoError(t, err)
		require.Len(t, r.Epochs, 5)
		for _, e := range r.Epochs {
			assert.Equal(t, 0.6, e.DurationS)
			truth := (360 * energy.Watt).Over(600 * time.Millisecond)
			assert.InEpsilon(t, truth.Joules(), e.Energy.Joules(), 0.002)
			assert.LessOrEqual(t, e.EnergyLow, truth)
			assert.GreaterOrEqual(t, *e.EnergyHigh, truth)
		}
	})
}

// Short tasks in a row share the readings of a driver.
func TestAStormOfTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gpu := &driver{power: 300 * energy.Watt, call: 100 * time.Microsecond, since: time.Now()}
		tracker, err := Start(t.Context(), Config{Meters: []energy.Meter{gpu}, Host: Host{Root: newSteady(energy.Watt)}})
		require.NoError(t, err)
		for range 4000 {
			task := tracker.Task("short")
			time.Sleep(250 * time.Microsecond)
			task.End()
		}
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Len(t, r.Tasks, 2*footprint.HalfShown)
		assert.Equal(t, 3000, r.TasksOmitted)
		assert.LessOrEqual(t, gpu.reads, 110, "once in 10 ms")
	})
}

// Who uses a GPU is asked once a second, however often it is read.
func TestUsersAreAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gpu := &driver{power: 300 * energy.Watt, call: time.Millisecond, since: time.Now()}
		tracker, err := Start(t.Context(), Config{Meters: []energy.Meter{gpu}, Host: Host{Root: newSteady(energy.Watt)}, Every: 20 * time.Millisecond})
		require.NoError(t, err)
		for range 100 {
			tracker.Epoch()
			time.Sleep(100 * time.Millisecond)
		}
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Greater(t, gpu.reads, 500)
		assert.InDelta(t, 11, len(gpu.asked), 1)
		require.Len(t, r.Components, 1)
		assert.Equal(t, *r.Components[0].Energy, *r.Components[0].ProcessEnergy)
	})
}

// With a budget that calls back the end of an epoch waits for the reading, so that
// the next one is not begun in vain.
func TestABudgetWaitsForTheDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reached error
		gpu := &driver{power: 300 * energy.Watt, call: 5 * time.Millisecond, since: time.Now()}
		tracker, err := Start(t.Context(), Config{
			Meters: []energy.Meter{gpu}, Host: Host{Root: newSteady(energy.Watt)},
			Run: footprint.Run{Charge: footprint.ChargeMachine, Budget: &footprint.Budget{
				Limit: "1kJ", Energy: 1000 * energy.Joule, Action: "stop", Reached: func(why error) { reached = why },
			}},
		})
		require.NoError(t, err)
		n := 0
		for ; reached == nil; n++ {
			e := tracker.Epoch()
			time.Sleep(900 * time.Millisecond)
			e.End()
		}
		assert.Equal(t, 4, n, "the fourth passes 1 kJ")
		_, err = tracker.Stop()
		require.NoError(t, err)
	})
}
