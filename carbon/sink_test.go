package carbon_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
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

// keeper is a sink that takes checkpoints.
type keeper struct {
	sink
	start time.Time
	at    []time.Duration
	last  footprint.Report
	fail  error
	block chan struct{}
	mu    sync.Mutex
}

func (k *keeper) Checkpoint(r footprint.Report) error {
	k.mu.Lock()
	k.at = append(k.at, time.Since(k.start))
	k.last = r
	k.mu.Unlock()
	if k.block != nil {
		<-k.block
	}
	return k.fail
}

// seen gives what the keeper has got so far.
func (k *keeper) seen() ([]time.Duration, footprint.Report) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.at), k.last
}

type often struct{ keeper }

func (*often) Every() time.Duration { return 50 * time.Millisecond }

func tracked(t *testing.T, sinks ...carbon.Sink) *carbon.Tracker {
	t.Helper()
	tracker, err := carbon.Start(t.Context(), carbon.Config{
		Region: "FR", Meters: []energy.Meter{&watts{power: 10 * energy.Watt}}, Host: bare, Sinks: sinks,
	})
	require.NoError(t, err)
	return tracker
}

func TestCheckpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, quick := &keeper{start: time.Now()}, &often{keeper{start: time.Now()}}
		tracker := tracked(t, k, quick)
		time.Sleep(35*time.Second + time.Millisecond)
		synctest.Wait()
		at, last := k.seen()
		const s = time.Second
		for i := range at { // a reading may wait 10 ms for the one before
			at[i] = at[i].Truncate(100 * time.Millisecond)
		}
		assert.Equal(t, []time.Duration{0, s, 2 * s, 4 * s, 8 * s, 18 * s, 28 * s}, at)
		assert.Equal(t, footprint.Running, last.Status)
		assert.InDelta(t, 280, last.Energy.Joules(), 0.11)
		at, _ = quick.seen()
		assert.Len(t, at, 700)

		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Len(t, k.got, 1)
		assert.Equal(t, r.RunID, last.RunID)
		time.Sleep(time.Hour)
		at, _ = k.seen()
		assert.Len(t, at, 7)
	})
}

func TestCheckpointDoesNotGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{start: time.Now()}
		tracker := tracked(t, k)
		time.Sleep(2 * time.Second)
		_, last := k.seen()
		size := len(mustJSON(t, last))
		time.Sleep(20 * time.Hour)
		_, last = k.seen()
		assert.Less(t, len(mustJSON(t, last)), size+100)
		_, err := tracker.Stop()
		require.NoError(t, err)
	})
}

func mustJSON(t *testing.T, r footprint.Report) []byte {
	for _, p := range r.Power { // bounded by itself
		assert.LessOrEqual(t, len(p.Mean), 1000)
	}
	r.Power = nil
	b, err := json.Marshal(r)
	require.NoError(t, err)
	return b
}

func TestShortRunLeavesItsStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{start: time.Now()}
		tracker := tracked(t, k)
		time.Sleep(900 * time.Millisecond)
		_, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{0}, k.at)
		assert.Len(t, k.got, 1)
	})
}

// A checkpoint has a reading of its own, however far apart those of the run are.
func TestCheckpointsAreFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{start: time.Now()}
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Meters: []energy.Meter{&watts{power: 10 * energy.Watt}}, Host: bare, Sinks: []carbon.Sink{k}, Every: time.Hour,
		})
		require.NoError(t, err)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		_, last := k.seen()
		assert.Equal(t, 280*energy.Joule, last.Energy)
		_, err = tracker.Stop()
		require.NoError(t, err)
	})
}

func TestCheckpointThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{start: time.Now(), fail: errors.New("no space left on device")}
		tracker := tracked(t, k)
		time.Sleep(time.Minute)
		r, err := tracker.Stop()
		require.NoError(t, err, "the run is measured and recorded")
		assert.Len(t, k.at, 10, "it is tried again")
		n := 0
		for _, w := range r.Warnings {
			if w.Code == footprint.NotRecorded {
				n++
				assert.Contains(t, w.Text, "no space left on device")
			}
		}
		assert.Equal(t, 1, n, "and told once")
		assert.Len(t, k.got, 1)
	})
}

// A disk that hangs delays no reading, and the end by no more than is said.
func TestCheckpointThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, other := &keeper{start: time.Now(), block: make(chan struct{})}, &keeper{start: time.Now()}
		tracker := tracked(t, k, other)
		time.Sleep(90 * time.Second)
		synctest.Wait()
		assert.InDelta(t, 900, tracker.Report().Energy.Joules(), 10)
		at, _ := other.seen()
		assert.Len(t, at, 13)
		start := time.Now()
		_, err := tracker.Stop()
		assert.ErrorContains(t, err, "a checkpoint has not returned")
		assert.Equal(t, 10*time.Second, time.Since(start))
		assert.Empty(t, k.got)
		assert.Len(t, other.got, 1)
		close(k.block)
	})
}

func TestStopWithoutStartReportsToAKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{}
		tracker, err := carbon.New(carbon.Config{Meters: []energy.Meter{&watts{}}, Host: bare, Sinks: []carbon.Sink{k}})
		require.NoError(t, err)
		_, err = tracker.Stop()
		require.NoError(t, err)
		assert.Len(t, k.got, 1)
		assert.Empty(t, k.at)
	})
}

func TestSinksHaveADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := waiting{}
		tracker := tracked(t, s)
		_, err := tracker.Stop()
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// waiting is a sink that takes all the time it gets. Two of it can't be compared.
type waiting struct{ _ []int }

func (waiting) Report(ctx context.Context, _ footprint.Report) error {
	<-ctx.Done()
	return ctx.Err()
}

// listener is a sink that takes events, and may block or fail.
type listener struct {
	sink
	events []footprint.Event
	block  chan struct{}
	fail   error
}

func (l *listener) Event(e footprint.Event) error {
	if l.block != nil {
		<-l.block
	}
	l.events = append(l.events, e)
	return l.fail
}

func TestEventsAreTakenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		tracker := tracked(t, l)
		for range 3 {
			e := tracker.EpochOf(0, 3)
			time.Sleep(time.Second)
			e.Task("validate").End()
			e.End()
		}
		r, err := tracker.Stop()
		require.NoError(t, err)
		var kinds []footprint.EventKind
		for _, e := range l.events {
			kinds = append(kinds, e.Event)
		}
		assert.Equal(t, footprint.EventStart, kinds[0])
		assert.Equal(t, footprint.EventEnd, kinds[len(kinds)-1])
		assert.Equal(t, r.RunID, l.events[0].RunID)
		assert.Equal(t, []int{3, 3}, []int{count(kinds, footprint.EventEpoch), count(kinds, footprint.EventTask)})
		assert.Len(t, l.got, 1)
	})
}

func count(list []footprint.EventKind, kind footprint.EventKind) (n int) {
	for _, k := range list {
		if k == kind {
			n++
		}
	}
	return n
}

// A sink of events that blocks or fails costs its events, and nothing else.
func TestEventsThatAreNotTaken(t *testing.T) {
	for name, l := range map[string]*listener{
		"blocks": {block: make(chan struct{})}, "fails": {fail: errors.New("no space left on device")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if l.block != nil {
					l.block = make(chan struct{})
				}
				tracker := tracked(t, l)
				for range 600 {
					begun := time.Now()
					e := tracker.Epoch()
					e.Task("x").End()
					e.End()
					assert.Zero(t, time.Since(begun))
					time.Sleep(time.Second)
				}
				if l.block != nil {
					time.AfterFunc(time.Second, func() { close(l.block) })
				}
				r, err := tracker.Stop()
				require.NoError(t, err)
				assert.Equal(t, 6000*energy.Joule, r.Energy)
				assert.Contains(t, codes(r), footprint.NotRecorded)
				assert.Len(t, r.Epochs, 600)
			})
		})
	}
}
