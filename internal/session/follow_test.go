package session

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// follows is a sink that follows the run.
type follows struct {
	mu    sync.Mutex
	at    []time.Time
	names []string
	err   func() error
}

func (*follows) Report(context.Context, footprint.Report) error { return nil }

func (f *follows) Checkpoint(r footprint.Report) error {
	f.mu.Lock()
	f.at, f.names = append(f.at, time.Now()), append(f.names, r.RunID)
	f.mu.Unlock()
	return f.err()
}

// hears is a sink that wants events too.
type hears struct {
	follows
	events int
	fail   error
}

func (h *hears) Event(footprint.Event) error { h.events++; return h.fail }
func (*hears) Every() time.Duration          { return time.Minute }

func TestWhatASinkFollows(t *testing.T) {
	_, isEvents := follow(&hears{}).sink().(carbon.EventSink)
	_, isCheckpoints := follow(&hears{}).sink().(carbon.Checkpointer)
	assert.True(t, isEvents && isCheckpoints)
	_, isEvents = follow(&follows{}).sink().(carbon.EventSink)
	assert.False(t, isEvents)
	assert.Nil(t, follow(carbon.Samples(nil)))
	_, isCheckpoints = follow(carbon.Events(nil)).sink().(carbon.Checkpointer)
	assert.False(t, isCheckpoints)
	assert.Equal(t, time.Minute, follow(&hears{}).sink().(interface{ Every() time.Duration }).Every())
	assert.Zero(t, follow(&follows{}).sink().(interface{ Every() time.Duration }).Every())
	done := follow(&follows{}).end() // of one that has never been called
	<-done
}

// Ten minutes of a dead service: it is asked ever less often, and nothing waits for it.
func TestADeadServiceIsAskedEverLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &follows{err: func() error {
			time.Sleep(deliver.Timeout)
			return &deliver.Error{Host: "h", Temporary: true}
		}}
		f := follow(s)
		to := f.sink().(carbon.Checkpointer)
		start := time.Now()
		for range 60 {
			before := time.Now()
			require.NoError(t, to.Checkpoint(footprint.Report{}))
			assert.Equal(t, before, time.Now(), "it does not wait")
			time.Sleep(10 * time.Second)
		}
		assert.Equal(t, 10*time.Minute, time.Since(start))
		assert.Less(t, len(s.at), 20)
		assert.Greater(t, len(s.at), 8)

		s.mu.Lock()
		s.err = func() error { return nil } // it is back
		n := len(s.at)
		s.mu.Unlock()
		time.Sleep(2 * maxPause)
		for range 5 {
			require.NoError(t, to.Checkpoint(footprint.Report{RunID: "r"}))
			synctest.Wait()
		}
		assert.Len(t, s.at, n+5)
		<-f.end()
		require.NoError(t, to.Checkpoint(footprint.Report{}))
		synctest.Wait()
		assert.Len(t, s.at, n+5, "it has ended")
	})
}

func TestAServiceSaysWhenItIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &follows{err: func() error { return &deliver.Error{Host: "h", Status: 429, Temporary: true, After: 5 * time.Minute} }}
		f := follow(s)
		to := f.sink().(carbon.Checkpointer)
		for range 60 {
			_ = to.Checkpoint(footprint.Report{})
			time.Sleep(10 * time.Second)
		}
		assert.Len(t, s.at, 2)
		<-f.end()
	})
}

// The same message would be refused again, and an event that is lost makes what follows
// wrong: the report at the end holds all.
func TestWhatIsRefusedIsLeftToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hears{fail: errors.New("full"), follows: follows{err: func() error { return &deliver.Error{Host: "h", Status: 401} }}}
		f := follow(h)
		to := f.sink().(interface {
			carbon.Checkpointer
			carbon.EventSink
		})
		for range 3 {
			require.NoError(t, to.Checkpoint(footprint.Report{}))
			require.NoError(t, to.Event(footprint.Event{}))
			time.Sleep(time.Hour)
		}
		<-f.end()
		assert.Len(t, h.at, 1)
		assert.Equal(t, 1, h.events)
	})
}

// A sink that hangs gets the newest report when it comes back, and no queue grows.
func TestASlowSinkGetsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hears{follows: follows{err: func() error { time.Sleep(time.Hour); return nil }}}
		f := follow(h)
		to := f.sink().(interface {
			carbon.Checkpointer
			carbon.EventSink
		})
		for _, id := range []string{"a", "b", "c", "d"} {
			_ = to.Checkpoint(footprint.Report{RunID: id})
			synctest.Wait()
		}
		for range 3 * maxEvents {
			require.NoError(t, to.Event(footprint.Event{}))
		}
		time.Sleep(90 * time.Minute)
		done := f.end()
		select {
		case <-done:
			t.Error("it has not returned")
		default:
		}
		time.Sleep(2 * time.Hour)
		<-done
		assert.Equal(t, "a", h.names[0])
		assert.LessOrEqual(t, h.events, maxEvents)
		if len(h.names) > 1 {
			assert.Equal(t, "d", h.names[1])
		}
	})
}
