package carbon

import (
	"context"
	"io"
	"io/fs"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// steady is a machine whose package draws the same power all the time.
type steady struct {
	fstest.MapFS
	power   energy.Power
	modulus energy.Energy
	since   time.Time
	last    time.Time
	gap     time.Duration // the longest between two reads
}

const steadyZone = "sys/class/powercap/intel-rapl:0/"

func newSteady(power energy.Power) *steady {
	return &steady{
		MapFS: fstest.MapFS{
			steadyZone + "name":                        {Data: []byte("package-0\n")},
			steadyZone + "energy_uj":                   {},
			steadyZone + "max_energy_range_uj":         {Data: []byte("65532610987\n")},
			steadyZone + "constraint_0_power_limit_uw": {Data: []byte("333333334\n")},
		},
		power: power, modulus: 65532610987 + 15, since: time.Now(), last: time.Now(),
	}
}

func (s *steady) Open(name string) (fs.File, error) {
	f, err := s.MapFS.Open(name)
	if err == nil && name == steadyZone+"energy_uj" {
		return &steadyFile{f, s}, nil
	}
	return f, err
}

type steadyFile struct {
	fs.File
	s *steady
}

func (f *steadyFile) ReadAt(b []byte, _ int64) (int, error) {
	now := time.Now()
	f.s.gap, f.s.last = max(f.s.gap, now.Sub(f.s.last)), now
	text := strconv.FormatInt(int64(f.s.power.Over(now.Sub(f.s.since))%f.s.modulus), 10) + "\n"
	return copy(b, text), io.EOF
}

// A counter that wraps every 131 s is read in time, whatever interval was asked
// for, and an hour is exact. The recording of it gives the same totals again.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSteady(500 * energy.Watt)
		var last energy.Reading
		var redo energy.Redo
		tracker, err := New(Config{Every: time.Hour, Host: Host{Root: m}})
		require.NoError(t, err)
		assert.Equal(t, 32*time.Second, tracker.every)
		for _, meter := range tracker.meters {
			if k, ok := meter.(energy.KeepAliver); ok {
				tracker.meters = []energy.Meter{tap{k.(energy.Meter), func(r energy.Reading) {
					last = r
					assert.Equal(t, r, redo.Add(r))
				}}}
			}
		}
		tracker.Start(t.Context())
		time.Sleep(time.Hour)
		report, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, 1800*1000*energy.Joule, last.Total)
		assert.Equal(t, last.Total, report.MachineEnergy)
		assert.EqualValues(t, 27, last.Wraps)
		assert.Zero(t, last.Gaps+last.Resets)
		assert.Zero(t, last.Missed)
		assert.LessOrEqual(t, m.gap, 32*time.Second)
		assert.NotContains(t, codes(report), footprint.CounterAmbiguous)
	})
}

// A stall of 200 s is too long: the counter may have wrapped twice. It is
// marked, and the bounds hold the truth.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSteady(480 * energy.Watt)
		meters, _ := findMeters(m, m, nil)
		var stall atomic.Bool
		meters[0] = tap{meters[0], func(energy.Reading) {
			if stall.CompareAndSwap(true, false) {
				time.Sleep(200 * time.Second)
			}
		}}
		tracker, err := Start(t.Context(), Config{Every: 10 * time.Second, Meters: meters, Host: Host{Root: m}})
		require.NoError(t, err)
		time.Sleep(55 * time.Second)
		stall.Store(true)
		time.Sleep(300 * time.Second)
		synctest.Wait()
		report, err := tracker.Stop()
		require.NoError(t, err)
		truth := (480 * energy.Watt).Over(355 * time.Second)
		assert.Contains(t, codes(report), footprint.CounterAmbiguous)
		assert.Less(t, report.EnergyLow, truth)
		assert.Greater(t, *report.EnergyHigh, truth)
		assert.Less(t, *report.EnergyHigh, truth+66*1000*energy.Joule, "by no more than one wrap and the margin")
	})
}

func codes(r footprint.Report) (list []string) {
	for _, w := range r.Warnings {
		list = append(list, w.Code)
	}
	return list
}

// tap shows each reading to a function.
type tap struct {
	energy.Meter
	see func(energy.Reading)
}

func (p tap) Read(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
	list, err := p.Meter.Read(ctx, to)
	for _, r := range list[len(to):] {
		p.see(r)
	}
	return list, err
}

// Beside goroutines that keep all CPUs busy the last reading is taken, and no
// epoch loses its end.
func TestStopInABusyProgram(t *testing.T) {
	var stop atomic.Bool
	defer stop.Store(true)
	for range 16 {
		go func() {
			for !stop.Load() { // it never yields
			}
		}()
	}
	m := newSteady(60 * energy.Watt)
	for range 5 {
		tracker, err := Start(t.Context(), Config{Host: Host{Root: m}, Run: footprint.Run{Epochs: 1}})
		require.NoError(t, err)
		e := tracker.Epoch()
		time.Sleep(time.Millisecond)
		e.End()
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.NotContains(t, codes(r), footprint.ReadFault)
		assert.NotContains(t, codes(r), footprint.EpochOpen)
	}
}
