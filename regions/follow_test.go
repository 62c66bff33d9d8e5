package regions

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slow answers after a while, for the hour before.
type slow struct {
	takes time.Duration
	lag   time.Duration
	asked atomic.Int32
	err   atomic.Pointer[error]
}

func (s *slow) Intensity(ctx context.Context, _ Query) (Intensity, error) {
	n := s.asked.Add(1)
	select {
	case <-ctx.Done():
		return Intensity{}, ctx.Err()
	case <-time.After(s.takes):
	}
	if err := s.err.Load(); err != nil {
		return Intensity{}, *err
	}
	from := time.Now().Add(-s.lag).Truncate(time.Hour)
	return Intensity{Zone: "FR", Kind: Live, PerKWh: Grams(n), From: from, To: from.Add(time.Hour)}, nil
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		live := &slow{takes: 3 * time.Second}
		f := Follow(live, Builtin())
		ask := func() Intensity {
			start := time.Now()
			in, err := f.Intensity(ctx, Query{Zone: "FR"})
			require.NoError(t, err)
			assert.Zero(t, time.Since(start), "no one waits")
			return in
		}
		in := ask()
		assert.Equal(t, AnnualAverage, in.Kind)
		assert.Equal(t, "instead of a live value: it has not answered yet", in.Instead)
		for range 10 {
			ask()
		}
		time.Sleep(4 * time.Second)
		in = ask()
		assert.Equal(t, Live, in.Kind)
		assert.Equal(t, Grams(1), in.PerKWh, "asked once")
		assert.Empty(t, in.Instead)
		assert.Zero(t, testing.AllocsPerRun(100, func() { ask() }))
		time.Sleep(time.Hour)
		assert.Equal(t, Grams(1), ask().PerKWh, "the old one stands while the new is asked for")
		time.Sleep(4 * time.Second)
		assert.Equal(t, Grams(2), ask().PerKWh)
		// The service goes down: the last figure stands for its grace, then the table.
		down := errors.New("status 500")
		live.err.Store(&down)
		time.Sleep(2*time.Hour + 30*time.Minute)
		assert.Equal(t, Grams(2), ask().PerKWh)
		time.Sleep(31 * time.Minute)
		in = ask()
		assert.Equal(t, AnnualAverage, in.Kind)
		assert.Equal(t, "instead of a live value: status 500", in.Instead)
		// It is asked every five minutes, not at every tick.
		time.Sleep(10 * time.Second)
		before := live.asked.Load()
		for range 600 {
			ask()
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, live.asked.Load()-before, int32(3))
		_, err := f.Intensity(ctx, Query{Zone: "nowhere"})
		var unknown *UnknownError
		assert.ErrorAs(t, err, &unknown)
		start := time.Now()
		require.NoError(t, f.Close())
		assert.Zero(t, time.Since(start), "what is being asked is given up")
		asked := live.asked.Load()
		time.Sleep(time.Hour)
		ask()
		synctest.Wait()
		assert.Equal(t, asked, live.asked.Load())
		require.NoError(t, f.Close())
	})
}

func TestFollowLagging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := &slow{lag: 90 * time.Minute}
		f := Follow(live, Builtin())
		defer f.Close()
		_, err := f.Intensity(context.Background(), Query{Zone: "FR"})
		require.NoError(t, err)
		synctest.Wait()
		in, err := f.Intensity(context.Background(), Query{Zone: "FR"})
		require.NoError(t, err)
		assert.Equal(t, Live, in.Kind, "a service that lags is still the better answer")
		assert.True(t, in.To.Before(time.Now()))
		in, err = f.Intensity(context.Background(), Query{Zone: "FR", Time: time.Now().Add(-48 * time.Hour)})
		require.NoError(t, err)
		assert.Equal(t, AnnualAverage, in.Kind)
		assert.Equal(t, "instead of a live value: its newest figure is too old", in.Instead)
	})
}

func TestFollowRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for want, odd := range map[string]Intensity{
			"marginal":                           {Marginal: true, From: time.Now(), To: time.Now().Add(time.Hour)},
			"its figure has no time of validity": {PerKWh: 5},
		} {
			f := Follow(answers{in: odd}, Builtin())
			_, err := f.Intensity(context.Background(), Query{Zone: "FR"})
			require.NoError(t, err)
			synctest.Wait()
			in, err := f.Intensity(context.Background(), Query{Zone: "FR"})
			require.NoError(t, err)
			assert.Contains(t, in.Instead, want)
			require.NoError(t, f.Close())
		}
		f := Follow(&slow{}, Builtin())
		require.NoError(t, f.Close())
		in, err := f.Intensity(context.Background(), Query{Zone: "FR"})
		require.NoError(t, err)
		assert.Equal(t, "instead of a live value: no longer polled", in.Instead)
	})
}

func TestFollowConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := &slow{takes: time.Second}
		f := Follow(live, Builtin())
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for range 50 {
					_, err := f.Intensity(context.Background(), Query{Zone: "FR"})
					assert.NoError(t, err)
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		require.NoError(t, f.Close())
		assert.LessOrEqual(t, live.asked.Load(), int32(2))
	})
}

var (
	_ Provider   = (*Follower)(nil)
	_ Forecaster = (*Table)(nil)
)

// scoped is a provider that has not answered and knows what it will count.
type scoped struct{ slow }

func (*scoped) Scope() Scope { return Direct }

func TestWhatStandsInIsOfTheSameScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := &scoped{slow{takes: time.Second}}
		failed := errors.New("down")
		live.err.Store(&failed)
		f := Follow(live, Builtin())
		defer f.Close()
		for name, p := range map[string]Provider{"Follow": f, "Else": Else(live, Builtin())} {
			in, err := p.Intensity(t.Context(), Query{Zone: "FR"})
			require.NoError(t, err, name)
			assert.Equal(t, Direct, in.Scope, name)
			in, err = p.Intensity(t.Context(), Query{Zone: "FR", Scope: Lifecycle})
			require.NoError(t, err, name)
			assert.Equal(t, Lifecycle, in.Scope, "%s: that was asked for", name)
			assert.Equal(t, Direct, ScopeOf(p), name)
		}
	})
}
