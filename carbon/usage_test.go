package carbon

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// What an epoch used can be printed, whatever becomes of the tracker.
func TestUsedIsFitToPrint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSteady(60 * energy.Watt)
		tracker, err := Start(t.Context(), Config{Region: "FR", Host: Host{Root: m}, Run: footprint.Run{Charge: footprint.ChargeMachine}})
		require.NoError(t, err)
		e := tracker.Epoch()
		_, ok := e.Used()
		assert.False(t, ok, "it goes on")
		time.Sleep(10 * time.Second)
		u, ok := e.End().Used()
		require.True(t, ok)
		assert.Regexp(t, `^6.9\d mg CO2e from 0.167 Wh in 10.0 s \(energy ± 0.\d %\)$`, fmt.Sprint(u))

		again, ok := e.End().End().Used()
		assert.True(t, ok)
		assert.Equal(t, u, again, "a second end changes nothing")
		open := tracker.Task("open")
		inner := open.Task("inner")
		_, err = tracker.Stop()
		require.NoError(t, err)
		_, ok = open.End().Used()
		assert.False(t, ok, "the run ended first")
		_, ok = inner.Used()
		assert.False(t, ok)
		_, ok = tracker.Epoch().End().Used()
		assert.False(t, ok, "there are none after the end")
		kept, ok := e.Used()
		assert.True(t, ok)
		assert.Equal(t, u, kept, "it is there after the run, too")
	})
}

// Nothing of a tracker that is nil does anything, nor of what comes of it.
func TestANilTrackerDoesNothing(t *testing.T) {
	var tracker *Tracker
	tracker.Start(t.Context())
	e := tracker.EpochOf(3, 10)
	require.Nil(t, e)
	inner := e.Task("x")
	require.Nil(t, inner)
	u, ok := inner.End().Used()
	assert.False(t, ok)
	assert.NotPanics(t, func() { _ = fmt.Sprint(u, e, inner) })
	tracker.Mark(footprint.Mark{Edge: footprint.EpochEnd}, time.Now())
	_, ok = tracker.Predict()
	assert.False(t, ok)
	_ = tracker.Report()
	_ = tracker.Ready(t.Context())
	r, err := tracker.Stop()
	require.NoError(t, err)
	assert.NotPanics(t, func() { _ = fmt.Sprint(r) })
}
