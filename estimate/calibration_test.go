package estimate

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// A plant is a machine whose counter and busy time follow the load that it is given.
type plant struct {
	root        fstest.MapFS
	idle, other float64         // W; other work's part of the threads' time
	full        map[Mix]float64 // W
	limit       float64         // of the threads' time
	memory      float64         // W at full load, besides 2 W; 0: no counter
	state       energy.State
	missed      energy.Energy

	mu           sync.Mutex
	mix          Mix
	part         float64
	since        time.Time
	cpu, ram     float64 // J so far
	ticks        float64
	underLoadFor map[Mix]time.Duration
}

func newPlant() *plant {
	return &plant{root: machine(server), idle: 40, limit: 1, memory: 6,
		full:  map[Mix]float64{IdleMix: 40, IntegerMix: 200, FloatMix: 200, MemoryMix: 200},
		since: time.Now(), mix: IdleMix, underLoadFor: map[Mix]time.Duration{}}
}

// pass lets the time until now pass under the load so far.
func (p *plant) pass() {
	now := time.Now()
	d := now.Sub(p.since).Seconds()
	p.since = now
	u := min(p.part+p.other, p.limit)
	p.cpu += d * (p.idle + (max(p.full[p.mix], p.idle)-p.idle)*(1-(1-u)*(1-u)))
	p.ram += d * (2 + (p.memory-2)*u)
	p.ticks += d * u * 2 * 100
	p.underLoadFor[p.mix] += time.Duration(d * float64(time.Second))
	busy(p.root, fmt.Sprint(int64(math.Round(p.ticks))))
}

func (p *plant) load(ctx context.Context, mix Mix, part float64) {
	set := func(mix Mix, part float64) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pass()
		p.mix, p.part = mix, part
	}
	set(mix, part)
	<-ctx.Done()
	set(IdleMix, 0)
}

func (p *plant) Read(_ context.Context, to []energy.Reading) ([]energy.Reading, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass()
	add := func(kind energy.Kind, id, within string, joules float64) {
		to = append(to, energy.Reading{Component: energy.Component{Kind: kind, ID: id, Within: within, Basis: energy.Measured},
			Time: time.Now(), Total: energy.Joules(joules), State: p.state, Missed: p.missed})
	}
	add(energy.CPU, "package-0", "", p.cpu/2)
	add(energy.CPU, "package-2", "", p.cpu/2)
	add(energy.CPU, "core-0", "package-0", p.cpu/3)
	add(energy.Platform, "psys", "", p.cpu*2)
	if p.memory > 0 {
		add(energy.Memory, "dram-0", "", p.ram)
	}
	return to, nil
}

func (p *plant) Close() error { return nil }

func (p *plant) measure(t *testing.T) (*Calibration, error) {
	return Measure(t.Context(), p.root, p, p.load, 70*time.Second)
}

// Where power follows the curve, its ends are found, and a band that is no narrower than
// what nobody tried allows.
func TestMeasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant()
		began := time.Now()
		c, err := p.measure(t)
		require.NoError(t, err)
		assert.Equal(t, 70*time.Second, time.Since(began))
		assert.InDelta(t, 40, c.CPU.IdleWatts, 0.05)
		assert.InDelta(t, 200, c.CPU.FullWatts, 0.05)
		assert.Equal(t, 1.25, c.CPU.Band)
		require.NotNil(t, c.Memory)
		assert.InDelta(t, 2, c.Memory.IdleWatts, 0.01)
		assert.InDelta(t, 6, c.Memory.FullWatts, 0.01)
		assert.Equal(t, []string{"package-0", "package-2", "dram-0"}, c.Counters)
		require.Len(t, c.Readings, 7)
		assert.Equal(t, IdleMix, c.Readings[0].Mix)
		for _, r := range c.Readings {
			assert.InDelta(t, r.Load, r.Busy, 0.01)
			assert.InDelta(t, 0, r.CPUResidual, 0.05)
			assert.InDelta(t, 7.5, r.Seconds, 0.001)
		}
		for _, mix := range []Mix{IntegerMix, FloatMix, MemoryMix} {
			assert.Equal(t, 20*time.Second, p.underLoadFor[mix].Round(time.Millisecond), mix)
		}
	})
}

// Whatever the mixes draw, each reading is inside the band; without a counter of memory
// its model stands.
func TestMeasureMixes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant()
		p.full[FloatMix], p.full[MemoryMix], p.memory = 290, 120, 0
		c, err := p.measure(t)
		require.NoError(t, err)
		assert.Nil(t, c.Memory)
		assert.Greater(t, c.CPU.Band, 1.4)
		for _, r := range c.Readings {
			at := r.CPUWatts - r.CPUResidual
			assert.LessOrEqual(t, r.CPUWatts, at*c.CPU.Band+0.01)
			assert.GreaterOrEqual(t, r.CPUWatts, at/c.CPU.Band-0.01)
		}
	})
}

func TestMeasureRefuses(t *testing.T) {
	for want, change := range map[string]func(*plant){
		"other work keeps 30 % of the CPUs busy":    func(p *plant) { p.other = 0.3 },
		"full load kept only 50 % of the 2 threads": func(p *plant) { p.limit = 0.5 },
		"they do not follow the load":               func(p *plant) { p.full = nil },
		"did not move under the load \"idle\"":      func(p *plant) { p.idle, p.full = 0, nil },
		"the readings lie too far from any line":    func(p *plant) { p.full[FloatMix], p.full[MemoryMix] = 2000, 60 },
		"the counter of package-0 is dead":          func(p *plant) { p.state = energy.Dead },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlant()
			change(p)
			_, err := p.measure(t)
			assert.ErrorContains(t, err, want)
			if p.other > 0 {
				assert.Empty(t, p.underLoadFor[IntegerMix], "told before any load")
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		model, err := Open(machine(server))
		require.NoError(t, err)
		defer model.Close()
		_, err = Measure(t.Context(), machine(server), model, newPlant().load, time.Minute)
		assert.ErrorIs(t, err, ErrUncounted, "a model is no counter")
	})
}

// Who ends it gets no calibration, and no load is left running.
func TestMeasureEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		c, err := Measure(ctx, p.root, p, p.load, 70*time.Second)
		assert.Nil(t, c)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, IdleMix, p.mix)
	})
}

// calibration is one of the machine "server".
func calibration(t *testing.T) (c *Calibration) {
	m, err := Open(machine(server))
	require.NoError(t, err)
	defer m.Close()
	return &Calibration{Version: 1, Date: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Machine: m.machine(),
		CPU: PowerFit{30, 130, 1.25}, Memory: &PowerFit{1, 3, 1.4}}
}

func write(t *testing.T, c *Calibration) string {
	b, err := json.Marshal(c)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "c.json")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

// A file is used as it was written: power, band, name and source are its.
func TestCalibrate(t *testing.T) {
	path := write(t, calibration(t))
	synctest.Test(t, func(t *testing.T) {
		c, err := ReadCalibration(path)
		require.NoError(t, err)
		root := machine(server)
		m, err := Open(root)
		require.NoError(t, err)
		defer m.Close()
		require.NoError(t, m.Calibrate(c))
		_, err = m.Read(t.Context(), nil)
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		busy(root, "1000") // half of two threads
		got, err := m.Read(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, got, 4)
		assert.InDelta(t, 10*(30+75)/2., got[0].Total.Joules(), 1e-3)
		assert.InDelta(t, 10*(1+1)/2., got[2].Total.Joules(), 1e-3)
		assert.Equal(t, energy.Watts(130*1.25/2), got[0].MaxPower)
		assert.Equal(t, energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Modelled, Source: "calibration",
			Name: "Intel Xeon Gold 6230, package 0, calibrated 2026-03-01", Scope: "package", BandLow: 0.8, BandHigh: 1.25}, got[0].Component)
		assert.Equal(t, 1.4, got[2].Component.BandHigh)
		assert.Equal(t, ByCalibration, m.Model().How)
	})
}

// Whatever is not as it was calibrated is named, and the model stands as it was.
func TestCalibrateRefuses(t *testing.T) {
	for want, change := range map[string]func(*CalibratedMachine){
		"CPU Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz, here Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz": func(c *CalibratedMachine) { c.CPU = "Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz" },
		"threads 80, here 2":               func(c *CalibratedMachine) { c.Threads = 80 },
		"sockets 4, here 2":                func(c *CalibratedMachine) { c.Sockets = 4 },
		"virtual machine true, here false": func(c *CalibratedMachine) { c.Virtual = true },
		"memory (GiB) 8, here 4":           func(c *CalibratedMachine) { c.MemoryGiB = 8 },
		"long-term limit (W) 100, here 65": func(c *CalibratedMachine) { c.Limits = &PowerLimits{100, 90} },
		"short-term limit (W) 0, here 90":  func(c *CalibratedMachine) { c.Limits = &PowerLimits{65, 0} },
		"":                                 func(c *CalibratedMachine) { c.MemoryGiB *= 1.01 },
	} {
		c := calibration(t)
		change(&c.Machine)
		root := machine(server)
		const zone = "sys/class/powercap/intel-rapl:0/"
		for name, text := range map[string]string{"name": "package-0", "constraint_0_name": "long_term", "constraint_1_name": "short_term",
			"constraint_0_power_limit_uw": "65000000", "constraint_1_power_limit_uw": "90000000"} {
			root[zone+name] = file(text)
		}
		m, err := Open(root)
		require.NoError(t, err)
		defer m.Close()
		before := m.Model()
		err = m.Calibrate(c)
		if want == "" {
			assert.NoError(t, err)
			continue
		}
		assert.ErrorIs(t, err, ErrCalibration)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\n")
		assert.NotContains(t, err.Error(), ";", "only that")
		assert.Equal(t, before, m.Model())
	}
}

func TestReadCalibrationRefuses(t *testing.T) {
	for want, change := range map[string]func(*Calibration){
		"version":           func(c *Calibration) { c.Version = 2 },
		"threads":           func(c *Calibration) { c.Machine.Threads = 0 },
		"cpu: invalid band": func(c *Calibration) { c.CPU.Band = 1.1 },
		"memory: invalid":   func(c *Calibration) { c.Memory.FullWatts = 0.5 },
		"130.1 W idle":      func(c *Calibration) { c.CPU.IdleWatts = 130.1 },
	} {
		c := calibration(t)
		change(c)
		path := write(t, c)
		_, err := ReadCalibration(path)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, path)
	}
	_, err := ReadCalibration(filepath.Join(t.TempDir(), "gone.json"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// Whatever a file holds, what is taken from it is power within bounds.
func FuzzCalibration(f *testing.F) {
	f.Add(`{"version":1,"date":"2026-03-01T12:00:00Z","machine":{"cpu":"x","threads":2},"cpu":{"idle_w":1,"full_w":2,"band":1.25}}`)
	f.Add(`{"version":1,"cpu":{"idle_w":-1}}`)
	f.Add(strings.Repeat("[", 100))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCalibration([]byte(text))
		if err != nil {
			return
		}
		for _, p := range []*PowerFit{&c.CPU, c.Memory} {
			if p != nil {
				assert.True(t, 0 <= p.IdleWatts && p.IdleWatts <= p.FullWatts && p.FullWatts <= mostWatts)
				assert.True(t, p.Band >= leastBand && p.Band <= mostBand)
			}
		}
	})
}
