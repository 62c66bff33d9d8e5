package carbon_test

import (
	"context"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// growing is a counter that adds a joule at each reading, and that hangs when told to.
type growing struct {
	reads int
	hang  chan struct{}
}

func (g *growing) Read(_ context.Context, to []energy.Reading) ([]energy.Reading, error) {
	if g.hang != nil {
		<-g.hang
	}
	pkg := energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Source: "test", Scope: "package", BandLow: 1, BandHigh: 1}
	g.reads++
	return append(to, energy.Reading{Component: pkg, Total: energy.Energy(g.reads-1) * energy.Joule}), nil
}

func (g *growing) Close() error { return nil }

func TestFreshReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meter := &growing{}
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Region: "FR", Meters: []energy.Meter{meter}, Host: carbon.Host{Root: fstest.MapFS{}}, Every: time.Hour,
		})
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		assert.Zero(t, tracker.Report().Energy, "the next reading is due in an hour")
		assert.Equal(t, energy.Joule, tracker.Fresh(time.Second).Energy)
		time.Sleep(time.Second / 2)
		assert.Equal(t, energy.Joule, tracker.Fresh(time.Second).Energy, "that is fresh enough")
		assert.Equal(t, 2*energy.Joule, tracker.Fresh(0).Energy)

		time.Sleep(time.Minute)
		meter.hang = make(chan struct{})
		begun := time.Now()
		assert.Equal(t, 2*energy.Joule, tracker.Fresh(time.Second).Energy, "a meter that hangs is waited for 100 ms")
		assert.LessOrEqual(t, time.Since(begun), 100*time.Millisecond)
		close(meter.hang)
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, r.Energy, tracker.Fresh(0).Energy, "nothing is read after the end")
	})
	assert.Equal(t, footprint.Report{}, (*carbon.Tracker)(nil).Fresh(0))
}
