package carbon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
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

// heeding is a meter that heeds its context, as ours do.
type heeding struct{ watts }

func (h *heeding) Read(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
	if err := ctx.Err(); err != nil {
		return to, fmt.Errorf("heeding: %w", err)
	}
	return h.watts.Read(ctx, to)
}

// How a run ends does not depend on which goroutine sees it first.
func TestCancelThenStop(t *testing.T) {
	got := map[footprint.Status]int{}
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		tracker, err := carbon.Start(ctx, carbon.Config{Meters: []energy.Meter{&heeding{watts{power: 100 * energy.Watt}}}, Host: bare, Every: 10 * time.Millisecond})
		require.NoError(t, err)
		e := tracker.Epoch()
		time.Sleep(2 * time.Millisecond)
		go func() { // keeps the counters busy
			for range 8 {
				tracker.Task("other").End()
			}
		}()
		cancel()
		e.End()
		r, err := tracker.Stop()
		require.NoError(t, err)
		got[r.Status]++
		assert.NotContains(t, codes(r), footprint.ReadFault, "a reading never has the run's context")
	}
	assert.Equal(t, map[footprint.Status]int{footprint.Interrupted: 200}, got)
}

func TestEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		work carbon.Work
		do   func(t *carbon.Tracker, cancel func())
		want footprint.Status
	}{
		"stop":                 {nil, func(*carbon.Tracker, func()) {}, footprint.Completed},
		"the context":          {nil, func(_ *carbon.Tracker, cancel func()) { cancel(); time.Sleep(time.Second) }, footprint.Interrupted},
		"the context, at once": {nil, func(_ *carbon.Tracker, cancel func()) { cancel() }, footprint.Interrupted},
		"stop, the context":    {nil, func(t *carbon.Tracker, cancel func()) { t.Stop(); cancel() }, footprint.Completed},
		"the work knows":       {work{}, func(_ *carbon.Tracker, cancel func()) { cancel() }, footprint.Failed},
		"a panic": {nil, func(t *carbon.Tracker, _ func()) {
			defer func() { recover() }()
			defer t.Stop()
			panic("the work")
		}, footprint.Failed},
		"a panic, through a function": {nil, func(t *carbon.Tracker, _ func()) {
			defer func() { recover() }()
			defer func() { t.Stop() }()
			panic("the work")
		}, footprint.Failed},
		"a panic after the context": {nil, func(t *carbon.Tracker, cancel func()) {
			defer func() { recover() }()
			defer func() { t.Stop() }()
			cancel()
			panic("the work")
		}, footprint.Interrupted},
		"a panic that was over": {nil, func(t *carbon.Tracker, _ func()) {
			func() {
				defer func() { recover() }()
				panic("caught")
			}()
			t.Stop()
		}, footprint.Completed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				tracker, err := carbon.Start(ctx, carbon.Config{Meters: []energy.Meter{&watts{}}, Host: bare, Work: tt.work})
				require.NoError(t, err)
				tt.do(tracker, cancel)
				r, err := tracker.Stop()
				require.NoError(t, err)
				assert.Equal(t, tt.want, r.Status)
			})
		})
	}
}

// A panic goes on through a deferred Stop, and a run within a deferred function
// has its own end.
func TestAPanicGoesOn(t *testing.T) {
	var inner footprint.Report
	assert.PanicsWithValue(t, "the work", func() {
		defer func() {
			tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{&watts{}}, Host: bare})
			require.NoError(t, err)
			inner, _ = tracker.Stop()
		}()
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{&watts{}}, Host: bare})
		require.NoError(t, err)
		defer tracker.Stop()
		panic("the work")
	})
	assert.Equal(t, footprint.Completed, inner.Status, "it began while the panic was underway")
}

func TestANilTrackerDoesNothing(t *testing.T) {
	var tracker *carbon.Tracker
	tracker.Start(t.Context())
	require.NoError(t, tracker.Ready(t.Context()))
	e := tracker.Epoch()
	e.Task("inner").End()
	e.End()
	_, ok := tracker.EpochOf(3, 10).End().Used()
	assert.False(t, ok)
	tracker.Task("outer").Task("inner").End()
	tracker.Mark(footprint.Mark{Edge: footprint.EpochStart}, time.Now())
	_, ok = tracker.Predict()
	assert.False(t, ok)
	assert.Zero(t, tracker.Report())
	r, err := tracker.Stop()
	require.NoError(t, err)
	assert.Zero(t, r)
}

// deaf is a grid whose forecast heeds no context.
type deaf struct{ cheap }

func (*deaf) Forecast(context.Context, regions.Query, time.Time) ([]regions.Intensity, error) {
	time.Sleep(2 * time.Second)
	return nil, nil
}

// A forecast that does not answer is no meter that hangs: all is read and closed.
func TestAForecastThatIsDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var recording bytes.Buffer
		m := &watts{power: 10 * energy.Watt}
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Region: "XX", Grid: &deaf{}, Meters: []energy.Meter{m}, Host: bare, Sinks: []carbon.Sink{carbon.Samples(&recording)},
			Run: footprint.Run{Epochs: 2},
		})
		require.NoError(t, err)
		tracker.Epoch().End()
		time.Sleep(1500 * time.Millisecond)
		begun := time.Now()
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Zero(t, time.Since(begun))
		assert.NotContains(t, codes(r), footprint.ReadFault)
		assert.Equal(t, 1, m.closed)
		assert.Contains(t, recording.String(), `"end"`)
		time.Sleep(2 * time.Second) // let its goroutine go
	})
}

// A meter that hangs at its first reading holds up neither Start nor the others,
// and is closed when it comes back.
func TestAMeterThatHangsFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := &watts{block: make(chan struct{})}, &watts{power: 10 * energy.Watt}
		var recording bytes.Buffer
		begun := time.Now()
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Meters: []energy.Meter{bad, good}, Host: bare, Sinks: []carbon.Sink{carbon.Samples(&recording)},
		})
		require.NoError(t, err)
		assert.LessOrEqual(t, time.Since(begun), 50*time.Millisecond)
		time.Sleep(10 * time.Second)
		begun = time.Now()
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Zero(t, time.Since(begun), "it is known not to answer")
		assert.InDelta(t, 100, r.Energy.Joules(), 0.3)
		assert.Contains(t, codes(r), footprint.ReadFault)
		assert.Contains(t, recording.String(), `"end"`)
		assert.Equal(t, []int{0, 1}, []int{bad.closed, good.closed})
		close(bad.block)
		synctest.Wait()
		assert.Equal(t, 1, bad.closed)
	})
}

// One that hangs at the end is waited for no longer than is said.
func TestAMeterThatHangsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &watts{power: 10 * energy.Watt, block: make(chan struct{}), after: 10*time.Second + 1}
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{m}, Host: bare})
		require.NoError(t, err)
		time.Sleep(10*time.Second + time.Millisecond)
		begun := time.Now()
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, 100*time.Millisecond, time.Since(begun))
		assert.Equal(t, 100*energy.Joule, r.Energy)
		assert.Contains(t, codes(r), footprint.ReadFault)
		close(m.block)
		synctest.Wait()
		assert.Equal(t, 1, m.closed)
	})
}

// away is a grid that is slow, fails or answers what cannot be.
type away struct {
	after time.Duration
	in    regions.Intensity
	err   error
}

func (a away) Intensity(ctx context.Context, _ regions.Query) (regions.Intensity, error) {
	select {
	case <-ctx.Done():
		return regions.Intensity{}, ctx.Err()
	case <-time.After(a.after):
		return a.in, a.err
	}
}

func TestAGridThatFailsGivesWayToTheTable(t *testing.T) {
	nan := regions.Grams(0)
	nan /= nan
	live := regions.Intensity{Zone: "FR", Kind: regions.Live, Scope: regions.Lifecycle, PerKWh: 77, Source: "a test"}
	with := func(per regions.Grams) regions.Intensity { in := live; in.PerKWh = per; return in }
	marginal := live
	marginal.Marginal = true
	for name, tt := range map[string]struct {
		grid  away
		parts int
		text  string
	}{
		"fails":    {away{err: errors.New("503")}, 1, "503"},
		"is slow":  {away{after: 3 * time.Second, in: live}, 2, "not answered yet"},
		"NaN":      {away{in: with(nan)}, 1, "NaN"},
		"negative": {away{in: with(-1)}, 1, "-1 g/kWh"},
		"marginal": {away{in: marginal}, 1, "marginal"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				tracker, err := carbon.Start(t.Context(), carbon.Config{
					Region: "FR", Grid: tt.grid, Meters: []energy.Meter{&watts{power: energy.Kilowatt}}, Host: bare,
				})
				require.NoError(t, err)
				assert.LessOrEqual(t, time.Since(begun), 50*time.Millisecond)
				time.Sleep(10 * time.Second)
				r, err := tracker.Stop()
				require.NoError(t, err)
				require.Len(t, r.Intensity.Parts, tt.parts)
				assert.Less(t, r.Intensity.Parts[0].PerKWh, regions.Grams(77), "France of the table")
				var texts []string
				for _, w := range r.Warnings {
					if w.Code == footprint.IntensityStale {
						texts = append(texts, w.Text)
					}
				}
				assert.Contains(t, strings.Join(texts, "\n"), tt.text)
			})
		})
	}
	_, err := carbon.New(carbon.Config{Region: "FX", Grid: away{err: &regions.UnknownError{Zone: "FX"}}})
	assert.ErrorContains(t, err, "FX", "a place that is not there is a wrong Config")
}

// No tracker leaves a file open.
func TestFilesAreClosed(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("needs /proc")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which closes files too
	count := func() int { l, _ := os.ReadDir("/proc/self/fd"); return len(l) }
	before := count()
	for range 50 {
		tracker, err := carbon.Start(t.Context(), carbon.Config{})
		require.NoError(t, err)
		_, err = tracker.Stop()
		require.NoError(t, err)
		tracker, err = carbon.New(carbon.Config{})
		require.NoError(t, err)
		_, err = tracker.Stop()
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, count()-before, 5)
}

// slowClose is a meter whose driver takes long to let go.
type slowClose struct{ watts }

func (s *slowClose) Close() error {
	time.Sleep(time.Second)
	return s.watts.Close()
}

// timed is a sink that notes when it got its report.
type timed struct{ at time.Time }

func (s *timed) Report(context.Context, footprint.Report) error {
	s.at = time.Now()
	return nil
}

// The report does not wait for a driver to be closed, and Stop not for long.
func TestAMeterThatIsSlowToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := &slowClose{watts{power: 10 * energy.Watt}}, &timed{}
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{m}, Host: bare, Sinks: []carbon.Sink{s}})
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		begun := time.Now()
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, 100*energy.Joule, r.Energy)
		assert.Equal(t, begun, s.at)
		assert.Equal(t, 100*time.Millisecond, time.Since(begun))
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, 1, m.closed)
	})
}
