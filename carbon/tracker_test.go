package carbon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/energy/energytest"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

var pkg = energy.Component{
	Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Name: "package 0",
	Source: "fake", Scope: "package", BandLow: 1, BandHigh: 1,
}

// watts is a meter of constant power.
type watts struct {
	power  energy.Power
	start  time.Time
	closed int
	block  chan struct{} // where set, reads wait for it once after is over
	after  time.Duration
	err    error
}

func (w *watts) Read(_ context.Context, to []energy.Reading) ([]energy.Reading, error) {
	now := time.Now()
	if w.start.IsZero() {
		w.start = now
	}
	if w.block != nil && now.Sub(w.start) >= w.after {
		<-w.block
	}
	return append(to, energy.Reading{
		Component: pkg, Time: now, Total: w.power.Over(now.Sub(w.start)), MaxPower: 200 * energy.Watt,
	}), w.err
}

func (w *watts) Close() error { w.closed++; return nil }

// work is a process of which everything is known.
type work struct{ cpu time.Duration }

func (w work) Used() carbon.Used {
	return carbon.Used{CPU: w.cpu, KnowsCPU: true, KnowsMemory: true}
}

func (w work) Ended() (footprint.Status, *int, string) {
	code := 137
	return footprint.Failed, &code, "KILL"
}

// bare is a machine without anything to measure.
var bare = carbon.Host{Root: fstest.MapFS{}}

func codes(r footprint.Report) (c []string) {
	for _, w := range r.Warnings {
		c = append(c, w.Code)
	}
	return c
}

func TestStartStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // also fails if a goroutine is left
		m := &watts{power: 10 * energy.Watt}
		tracker, err := carbon.Start(t.Context(), carbon.Config{Region: "FR", Meters: []energy.Meter{m}, Host: bare})
		require.NoError(t, err)
		time.Sleep(90*time.Second + 500*time.Millisecond)
		assert.Equal(t, 900*energy.Joule, tracker.Report().Energy, "up to the latest reading")
		assert.Equal(t, footprint.Running, tracker.Report().Status)

		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, 905*energy.Joule, r.Energy, "the last part counts")
		assert.Equal(t, 90.5, r.DurationS)
		assert.Equal(t, footprint.Completed, r.Status)
		assert.Equal(t, "FR", r.Region.Zone)
		assert.Equal(t, "config", r.Region.How)
		assert.Len(t, r.RunID, 36)
		assert.Equal(t, 1, m.closed)

		time.Sleep(time.Hour)
		again, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, r, again)
		assert.Equal(t, 1, m.closed)
		tracker.Start(t.Context())
		assert.Equal(t, 905*energy.Joule, tracker.Report().Energy, "a start after the end does nothing")
	})
}

func TestStopWithoutStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, err := carbon.New(carbon.Config{Meters: []energy.Meter{&watts{}}, Host: bare})
		require.NoError(t, err)
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Zero(t, r.Energy)
		assert.Zero(t, r.DurationS)
	})
}

func TestContextEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		sink := &sink{}
		tracker, err := carbon.Start(ctx, carbon.Config{
			Meters: []energy.Meter{&watts{power: energy.Watt}}, Host: bare, Sinks: []carbon.Sink{sink},
		})
		require.NoError(t, err)
		time.Sleep(2500 * time.Millisecond)
		cancel()
		synctest.Wait()
		assert.Len(t, sink.got, 1, "the sinks get it although nobody calls Stop")
		time.Sleep(time.Minute)
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, footprint.Interrupted, r.Status)
		assert.Equal(t, energy.Joules(2.5), r.Energy)
		assert.Len(t, sink.got, 1)
	})
}

func TestAMeterThatHangsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &watts{power: energy.Watt, block: make(chan struct{}), after: 5 * time.Second}
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{m}, Host: bare})
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		begun := time.Now()
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Zero(t, time.Since(begun), "it is known to hang")
		assert.Equal(t, 4*energy.Joule, r.Energy)
		assert.Contains(t, codes(r), footprint.ReadFault)
		close(m.block) // let the goroutine go
	})
}

type sink struct {
	got []footprint.Report
	err error
}

func (s *sink) Report(_ context.Context, r footprint.Report) error {
	s.got = append(s.got, r)
	return s.err
}

func TestSinksThatFailAreToldAndOthersGoOn(t *testing.T) {
	bad, good := &sink{err: errors.New("no room")}, &sink{}
	tracker, err := carbon.Start(t.Context(), carbon.Config{
		Meters: []energy.Meter{&watts{}}, Host: bare, Sinks: []carbon.Sink{bad, good},
	})
	require.NoError(t, err)
	r, err := tracker.Stop()
	assert.ErrorContains(t, err, "no room")
	assert.Contains(t, codes(r), footprint.SinkFailed)
	assert.Len(t, good.got, 1)
}

func TestWorkSaysHowItEnded(t *testing.T) {
	tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{&watts{}}, Host: bare, Work: work{}})
	require.NoError(t, err)
	r, _ := tracker.Stop()
	assert.Equal(t, footprint.Failed, r.Status)
	assert.Equal(t, 137, *r.ExitCode)
	require.NotNil(t, r.Signal)
	assert.Equal(t, "KILL", *r.Signal)
}

func TestWrongConfig(t *testing.T) {
	for want, c := range map[string]carbon.Config{
		"nearest":         {Region: "Germny"},
		"from 1 to 100":   {PUE: 0.5},
		"PUE NaN":         {PUE: math.NaN()},
		"less than":       {Every: time.Millisecond},
		"-1s between":     {Every: -time.Second},
		`charge "nobody"`: {Run: footprint.Run{Charge: "nobody"}},
	} {
		_, err := carbon.New(c)
		assert.ErrorContains(t, err, want)
	}
}

func TestNothingToMeasureIsNoError(t *testing.T) {
	tracker, err := carbon.Start(t.Context(), carbon.Config{Host: bare})
	require.NoError(t, err)
	r, err := tracker.Stop()
	require.NoError(t, err)
	assert.Contains(t, codes(r), footprint.NothingCounted)
	assert.Equal(t, footprint.RegionAssumed, r.Warnings[0].Code)
	assert.Nil(t, r.MeasuredShare)
	assert.Equal(t, "default", r.Region.How)
}

func TestThisMachine(t *testing.T) {
	tracker, err := carbon.Start(t.Context(), carbon.Config{Region: "SE"})
	require.NoError(t, err)
	for x := 0.0; tracker.Report().DurationS == 0 && x < 1e8; x++ {
		_ = math.Sqrt(x) // keep a core busy until the first tick, or for a while
	}
	r, err := tracker.Stop()
	require.NoError(t, err)
	assert.Positive(t, r.Energy, "there is a counter or a model on every machine: %v", r.Warnings)
	assert.Positive(t, r.Emissions)
	assert.NotNil(t, r.ProcessEnergy)
	assert.LessOrEqual(t, *r.ProcessEnergy, r.MachineEnergy)
	assert.NotEmpty(t, r.Host.Name)
	assert.Positive(t, r.Host.CPUThreads)
}

func TestErrorsOfMetersAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &watts{power: energy.Watt, err: errors.New("zone 1: input/output error")}
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{m}, Host: bare})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, 60*energy.Joule, r.Energy)
		assert.Equal(t, 1, strings.Count(fmt.Sprint(codes(r)), footprint.ReadFault))
	})
}

func TestSamplesReplayToTheSameReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Region: "FR", PUE: 1.2, Meters: []energy.Meter{&watts{power: 7 * energy.Watt}},
			Host: bare, Sinks: []carbon.Sink{carbon.Samples(&buf)},
		})
		require.NoError(t, err)
		time.Sleep(10500 * time.Millisecond)
		r, err := tracker.Stop()
		require.NoError(t, err)
		again, err := footprint.Replay(&buf)
		require.NoError(t, err)
		want, _ := json.Marshal(r)
		got, _ := json.Marshal(again)
		assert.Equal(t, string(want), string(got))
	})
}

type broken struct{ after int }

func (b *broken) Write(p []byte) (int, error) {
	if b.after--; b.after < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

func TestSamplesThatCannotBeWrittenDoNotStopTheRun(t *testing.T) {
	for after := range 4 {
		synctest.Test(t, func(t *testing.T) {
			tracker, err := carbon.Start(t.Context(), carbon.Config{
				Meters: []energy.Meter{&watts{power: energy.Watt}},
				Host:   bare, Sinks: []carbon.Sink{carbon.Samples(&broken{after})},
			})
			require.NoError(t, err)
			time.Sleep(10 * time.Second)
			r, err := tracker.Stop()
			require.NoError(t, err)
			assert.Equal(t, 10*energy.Joule, r.Energy)
			assert.Contains(t, codes(r), footprint.NotRecorded)
		})
	}
}

func TestOwnIntensity(t *testing.T) {
	own, err := regions.Fixed(123, nil)
	require.NoError(t, err)
	tracker, err := carbon.Start(t.Context(), carbon.Config{Grid: own, Meters: []energy.Meter{&watts{}}, Host: bare})
	require.NoError(t, err)
	r, _ := tracker.Stop()
	assert.Equal(t, regions.Grams(123), r.Intensity.PerKWh)
	assert.Equal(t, regions.Own, r.Intensity.Kind)
	assert.NotContains(t, codes(r), footprint.RegionAssumed)
}

// TestAProgramThatNeverStops runs this test binary as a program that starts a
// tracker and then ends in a way that no defer sees.
func TestAProgramThatNeverStops(t *testing.T) {
	if how := os.Getenv("CARBON_TEST_END"); how != "" {
		if _, err := carbon.Start(context.Background(), carbon.Config{}); err != nil {
			os.Exit(9)
		}
		if how == "panic" {
			panic("on purpose")
		}
		os.Exit(7)
	}
	for how, code := range map[string]int{"exit": 7, "panic": 2} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=TestAProgramThatNeverStops")
		cmd.Env = append(os.Environ(), "CARBON_TEST_END="+how)
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Run(), &exit)
		assert.Equal(t, code, exit.ExitCode())
	}
}

func TestScriptedMeter(t *testing.T) {
	// The report keeps what a meter could still read next to its error.
	m := &energytest.Meter{Steps: []energytest.Step{
		{Readings: []energy.Reading{{Component: pkg}}},
		{Readings: []energy.Reading{{Component: pkg, Total: 5 * energy.Joule}}, Err: errors.New("another zone failed")},
	}}
	tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{m}, Host: bare})
	require.NoError(t, err)
	r, err := tracker.Stop()
	require.NoError(t, err)
	assert.Equal(t, 5*energy.Joule, r.Energy)
	assert.True(t, m.Closed)
}

// hourly is a grid whose intensity changes with the hour.
type hourly struct{ until time.Time }

func (h *hourly) Intensity(_ context.Context, q regions.Query) (regions.Intensity, error) {
	if q.Time.After(h.until) {
		return regions.Intensity{}, errors.New("503")
	}
	return regions.Intensity{Zone: "XX", Kind: regions.Live, PerKWh: regions.Grams(100 * (1 + q.Time.UTC().Hour()))}, nil
}

func TestAGridThatChangesIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock begins at midnight UTC
		grid := &hourly{until: time.Now().Add(2*time.Hour + time.Minute)}
		tracker, err := carbon.Start(t.Context(), carbon.Config{
			Region: "XX", Grid: grid, Meters: []energy.Meter{&watts{power: 1000 * energy.Watt}}, Host: bare, Every: time.Minute,
		})
		require.NoError(t, err)
		time.Sleep(3 * time.Hour)
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.InDelta(t, 100+200+300, float64(r.Emissions), 5, "1 kWh in each of three hours, most of the last at the figure before")
		assert.Len(t, r.Intensity.Parts, 3)
		assert.Contains(t, codes(r), footprint.IntensityStale)
	})
}

// looking marks an epoch that it learns of with the second reading.
type looking struct {
	work
	tracker *carbon.Tracker
	began   time.Time
}

func (l *looking) Look() {
	if l.tracker == nil || time.Since(l.began) < time.Second {
		return
	}
	l.tracker.Mark(footprint.Mark{Edge: footprint.EpochStart}, l.began.Add(200*time.Millisecond))
	l.tracker.Mark(footprint.Mark{Edge: footprint.EpochEnd}, l.began.Add(700*time.Millisecond))
	l.tracker = nil
}

func TestAnEpochThatIsFoundLaterLiesBetweenItsReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &looking{began: time.Now()}
		tracker, err := carbon.New(carbon.Config{Work: w, Meters: []energy.Meter{&watts{power: 10 * energy.Watt}}, Host: bare})
		require.NoError(t, err)
		w.tracker = tracker
		tracker.Start(t.Context())
		time.Sleep(2500 * time.Millisecond)
		r, _ := tracker.Stop()
		require.Len(t, r.Epochs, 1)
		assert.InDelta(t, 5, r.Epochs[0].Energy.Joules(), 0.01)
	})
}
