package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/internal/machinetest"
	"github.com/carbonctl/carbonctl/rapl"
)

// A loaded host has a package counter that draws 10 W idle and 50 W at full load, and two
// threads whose busy time follows the load.
type loaded struct {
	*machinetest.Live
	files fstest.MapFS

	mu    sync.Mutex
	since time.Time
	ticks float64
	busy  float64
}

// set changes how busy the host is from now on.
func (l *loaded) set(busy float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ticks += time.Since(l.since).Seconds() * 200 * l.busy
	l.since, l.busy = time.Now(), busy
}

// statFile is /proc/stat of a loaded host.
type statFile struct {
	fs.File
	host *loaded
}

func (f statFile) ReadAt(b []byte, _ int64) (int, error) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	ticks := f.host.ticks + time.Since(f.host.since).Seconds()*200*f.host.busy
	return copy(b, fmt.Sprintf("cpu %d 0 0 0\n", int(ticks))), io.EOF
}

func (l *loaded) Open(name string) (fs.File, error) {
	if name == "proc/stat" {
		f, err := l.files.Open(name)
		return statFile{f, l}, err
	}
	if strings.HasPrefix(name, "proc/") {
		return l.files.Open(name)
	}
	return l.Live.Open(name)
}

func (l *loaded) ReadFile(name string) ([]byte, error) {
	if strings.HasPrefix(name, "proc/") {
		return l.files.ReadFile(name)
	}
	return l.Live.ReadFile(name)
}

func newLoaded() (*loaded, *machinetest.Counter, estimate.Load) {
	l := &loaded{Live: machinetest.NewLive(), since: time.Now(), files: fstest.MapFS{
		"proc/cpuinfo": {Data: []byte("processor: 0\nvendor_id: GenuineIntel\nmodel name: Example 5\nphysical id: 0\nsiblings: 2\ncpu cores: 1\n\nprocessor: 1\nphysical id: 0\n")},
		"proc/stat":    {Data: []byte("cpu 0 0 0 0\n")},
	}}
	c := l.Add(&machinetest.Counter{Dir: "sys/class/powercap/intel-rapl:0", Name: "package-0", Unit: 61, Max: energy.Joules(262143), Start: energy.Joules(262000)})
	c.SetPower(energy.Watts(10))
	set := func(busy float64) {
		l.set(busy)
		c.SetPower(energy.Watts(10 + 40*(1-(1-busy)*(1-busy))))
	}
	return l, c, func(ctx context.Context, _ estimate.Mix, part float64) {
		set(part)
		<-ctx.Done()
		set(0)
	}
}

// RAPL counters that follow the load calibrate the model, also where they start again at 0
// meanwhile; one that stands still does not.
func TestMeasureByRAPL(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			host, counter, load := newLoaded()
			if stuck {
				counter.Stick()
			}
			counters, err := rapl.Open(host)
			require.NoError(t, err)
			defer counters.Close()
			c, err := estimate.Measure(t.Context(), host, counters, load, time.Minute)
			if stuck {
				assert.ErrorContains(t, err, "package-0")
				assert.Nil(t, c)
				return
			}
			require.NoError(t, err)
			assert.InDelta(t, 10, c.CPU.IdleWatts, 0.3)
			assert.InDelta(t, 50, c.CPU.FullWatts, 0.3)
			assert.Equal(t, []string{"package-0"}, c.Counters)
		})
	}
}

// Every mix can be worked at without an end, by a few threads or with little memory.
func TestBurst(t *testing.T) {
	for _, mix := range []estimate.Mix{estimate.IntegerMix, estimate.FloatMix, estimate.MemoryMix} {
		for _, size := range []int{1, 1 << 20, 5<<20 + 1} {
			once := burst(mix, size)
			for range 20 {
				once()
			}
			assert.Zero(t, testing.AllocsPerRun(2, once), mix)
		}
	}
}

// A load for a part of the time works for that part, and ends with its context.
func TestLoadPart(t *testing.T) {
	for _, part := range []float64{0.25, 0.5, 1} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			worked, began := time.Duration(0), time.Now()
			do(ctx, func() { time.Sleep(time.Millisecond); worked += time.Millisecond }, part)
			assert.InDelta(t, part*10, worked.Seconds(), 0.05)
			assert.InDelta(t, 10, time.Since(began).Seconds(), 0.05)
		})
	}
}

// All threads of a load are gone when it returns.
func TestLoadEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, mix := range []estimate.Mix{estimate.IntegerMix, estimate.FloatMix, estimate.MemoryMix} {
		loadOf(2, 0)(ctx, mix, 1)
	}
}

func TestCalibratedText(t *testing.T) {
	c := &estimate.Calibration{Machine: estimate.CalibratedMachine{CPU: "Example 5", Threads: 8}, Counters: []string{"package-0", "dram-0"},
		CPU: estimate.PowerFit{IdleWatts: 4.25, FullWatts: 91.26, Band: 1.25}}
	assert.Equal(t, `calibrated: Example 5, 8 threads
  CPU        4.25 W idle, 91.3 W at full load (÷ and × 1.25)
  memory     no counter: modelled as before
  counters   package-0, dram-0
  written    /x/c.json
  use        CARBONCTL_CALIBRATION=/x/c.json, or calibration in config.toml
`, calibrated(c, "/x/c.json"))
	c.Memory = &estimate.PowerFit{IdleWatts: 1, FullWatts: 2.5, Band: 1.4}
	assert.Contains(t, calibrated(c, "c"), "\n  memory     1 W idle, 2.5 W at full load (÷ and × 1.40)\n")
}
