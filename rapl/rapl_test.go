package rapl

import (
	"context"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/energy/energytest"
	"github.com/carbonctl/carbonctl/internal/machinetest"
)

const (
	step    = 500 * time.Millisecond // between two moves of the machines
	devices = "sys/devices/virtual/powercap/intel-rapl/"
)

func load(t testing.TB, name string) *machinetest.Machine {
	t.Helper()
	return machinetest.Load(t, "../testdata/machines/"+name+".txtar")
}

// play opens a machine and reads it after each step up to its end.
func play(t *testing.T, m *machinetest.Machine, root fs.FS, each func(at time.Duration, list []energy.Reading, err error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		meter, err := Open(root)
		require.NotNil(t, meter, "%v", err)
		end := m.End()
		for at := time.Duration(0); at <= end; at += step {
			m.At(at)
			list, err := meter.Read(t.Context(), nil)
			each(at, list, err)
			time.Sleep(step)
		}
		assert.NoError(t, meter.Close())
		assert.Zero(t, m.Held(), "files left open")
	})
}

func byID(list []energy.Reading) map[string]energy.Reading {
	m := map[string]energy.Reading{}
	for _, r := range list {
		m[r.Component.ID] = r
	}
	return m
}

// What a machine has drawn when its script ends, to the microjoule.
func TestTotals(t *testing.T) {
	for name, want := range map[string]map[string]energy.Energy{
		"client": {"package-0": 400, "core-0": 310, "uncore-0": 24},
		"server": {"package-0": 900, "dram-0": 200, "package-1": 600, "dram-1": 100},
		"psys": {"package-0": 2000, "dram-0": 300, "package-1": 2000, "dram-1": 300,
			"package-10": 2000, "dram-10": 300, "psys": 9000},
		"mmio": {"package-0": 60, "core-0": 40, "dram-0": 10},
	} {
		t.Run(name, func(t *testing.T) {
			m := load(t, name)
			got := map[string]energy.Energy{}
			var last []energy.Reading
			play(t, m, m, func(at time.Duration, list []energy.Reading, err error) {
				assert.NoError(t, err)
				last = list
				for _, r := range list {
					assert.Equal(t, energy.OK, r.State, "%s at %v", r.Component.ID, at)
					got[r.Component.ID] = r.Total / energy.Joule
					assert.Zero(t, r.Total%energy.Joule%(energy.Joule/2), "%s at %v: %v", r.Component.ID, at, r.Total)
				}
			})
			assert.Equal(t, want, got)
			for _, r := range last {
				wraps := uint32(0)
				if name == "client" && r.Component.ID == "package-0" || name == "server" && r.Component.ID == "dram-1" {
					wraps = 1
				}
				assert.Equal(t, wraps, r.Wraps, r.Component.ID)
				assert.Zero(t, r.Gaps+r.Resets, r.Component.ID)
				assert.Zero(t, r.Missed, r.Component.ID)
			}
			twins := 0
			if name == "mmio" {
				twins = 1
			}
			assert.Equal(t, len(want)+twins, m.Opens("energy_uj"), "each way to a counter is opened once")
		})
	}
}

// Totals add packages and memory, and nothing that is in them or around them.
func TestComponents(t *testing.T) {
	type short struct{ kind, id, within, scope string }
	got := map[string][]short{}
	for _, name := range []string{"client", "server", "psys"} {
		m := load(t, name)
		meter, err := Open(m)
		require.NoError(t, err)
		list, err := meter.Read(t.Context(), nil)
		require.NoError(t, err)
		for _, r := range list {
			c := r.Component
			got[name] = append(got[name], short{string(c.Kind), c.ID, c.Within, c.Scope})
		}
		require.NoError(t, meter.Close())
	}
	assert.Equal(t, map[string][]short{
		"client": {
			{"cpu", "package-0", "", "package"},
			{"cpu", "core-0", "package-0", "core"},
			{"cpu", "uncore-0", "package-0", "uncore"},
		},
		"server": {
			{"cpu", "package-0", "", "package"}, {"memory", "dram-0", "", "dram"},
			{"cpu", "package-1", "", "package"}, {"memory", "dram-1", "", "dram"},
		},
		"psys": {
			{"cpu", "package-0", "", "package"}, {"memory", "dram-0", "", "dram"},
			{"cpu", "package-1", "", "package"}, {"memory", "dram-1", "", "dram"},
			{"cpu", "package-10", "", "package"}, {"memory", "dram-10", "", "dram"},
			{"platform", "psys", "", "platform"},
		},
	}, got)
}

// What does not come from the counter itself.
func TestFacts(t *testing.T) {
	for _, tt := range []struct {
		machine, id string
		rng         uint64
		power       energy.Power
		edge        energy.Energy
	}{
		{"client", "package-0", 262143328911, energy.Watts(117), 61 + 117000},
		{"client", "core-0", 262143328911, energy.Watts(117), 61 + 117000}, // no limit of its own
		{"server", "package-1", 262143328911, energy.Watts(189), 61 + 189000},
		{"server", "dram-1", 65712999628, energy.Watts(100), 15 + 100000},
		{"psys", "psys", 4294967296000000, energy.Watts(1000), 1e6 + 1e6},
	} {
		var r energy.Reading
		synctest.Test(t, func(t *testing.T) { // a read takes no time
			meter, err := Open(load(t, tt.machine))
			require.NoError(t, err)
			list, _ := meter.Read(t.Context(), nil)
			r = byID(list)[tt.id]
			require.NoError(t, meter.Close())
		})
		assert.Equal(t, tt.rng, r.Range, tt.id)
		assert.Equal(t, tt.power, r.MaxPower, tt.id)
		assert.Equal(t, tt.edge, r.Edge, tt.id)
	}
}

// One zone that fails takes nothing from the others, nor from its own later
// energy; one that is gone is found again; one that stands still is told.
func TestTrouble(t *testing.T) {
	m := load(t, "trouble")
	meter, err := Open(m)
	assert.ErrorIs(t, err, ErrNotNumber)
	assert.EqualError(t, err, "rapl: read sys/class/powercap/intel-rapl:1:0/energy_uj: not a number")
	require.NoError(t, meter.Close())

	states := map[string]string{}
	var last map[string]energy.Reading
	play(t, m, m, func(at time.Duration, list []energy.Reading, err error) {
		for _, r := range list {
			states[r.Component.ID] += strings.ToUpper(r.State.String()[:1])
		}
		last = byID(list)
		switch {
		case at == 2*time.Second || at == 2500*time.Millisecond:
			assert.ErrorIs(t, err, syscall.EIO)
			assert.EqualError(t, err, "rapl: read sys/class/powercap/intel-rapl:0/energy_uj: "+syscall.EIO.Error())
		case at >= 4*time.Second && at < 6*time.Second:
			assert.ErrorIs(t, err, syscall.ENODEV)
			assert.ErrorContains(t, err, "intel-rapl:1/energy_uj")
		default:
			assert.NoError(t, err, "at %v", at)
		}
	})
	assert.Equal(t, map[string]string{
		"package-0": "OOOOHHOOOOOOOOOOOOOOO",
		"dram-0":    "ODDDDDDDDDDDDDDDDDDDD",
		"package-1": "OOOOOOOOLLLLOOOOOOOOO",
	}, states)
	p0, p1 := last["package-0"], last["package-1"]
	assert.Equal(t, 20*45*energy.Joule, p0.Total)
	assert.Equal(t, uint32(2), p0.Gaps)
	assert.Zero(t, p0.Missed)
	assert.Equal(t, (7+8)*30*energy.Joule, p1.Total)
	assert.Equal(t, uint32(1), p1.Resets)
	assert.Zero(t, p1.Wraps)
	assert.Equal(t, energy.Limit(energy.Watts(189), 2500*time.Millisecond), p1.Missed,
		"from the last reading before it went to the first after")
}

// Without a range every fall is a reset: credited from 0, and marked.
func TestNoRange(t *testing.T) {
	m := load(t, "norange")
	var last map[string]energy.Reading
	play(t, m, m, func(at time.Duration, list []energy.Reading, err error) {
		assert.NoError(t, err)
		last = byID(list)
		for _, r := range list {
			assert.Zero(t, r.Range, r.Component.ID)
		}
	})
	p := last["package-0"]
	assert.Equal(t, (7*20+5)*energy.Joule, p.Total)
	assert.Equal(t, uint32(1), p.Resets)
	assert.Equal(t, uint32(1), p.Gaps)
	assert.Positive(t, p.Missed)
	assert.Equal(t, 8*energy.Joule, last["dram-0"].Total)
}

// The memory-mapped way to a counter stands in when the register cannot be read.
func TestTwinFallback(t *testing.T) {
	const msr = devices + "intel-rapl:0/energy_uj"
	text, err := os.ReadFile("../testdata/machines/mmio.txtar")
	require.NoError(t, err)
	for _, errno := range []string{"EACCES", "EIO", "ENOENT"} {
		m, err := machinetest.Parse([]byte(string(text) + "-- ERRORS --\n" + msr + " " + errno + "\n"))
		require.NoError(t, err)
		var last map[string]energy.Reading
		play(t, m, m, func(_ time.Duration, list []energy.Reading, err error) {
			assert.NoError(t, err)
			last = byID(list)
		})
		assert.Len(t, last, 3)
		assert.Equal(t, 60*energy.Joule, last["package-0"].Total)
		assert.Equal(t, uint64(52311990210+60e6), last["package-0"].Raw, "that of intel-rapl-mmio:0")
	}
}

// bare hides the io.ReaderAt of files.
type bare struct{ fs.FS }

func (b bare) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if d, ok := f.(fs.ReadDirFile); ok {
		return d, nil
	}
	return struct{ fs.File }{f}, nil
}

func TestWithoutReaderAt(t *testing.T) {
	m := load(t, "client")
	var last map[string]energy.Reading
	play(t, m, bare{m}, func(_ time.Duration, list []energy.Reading, err error) {
		assert.NoError(t, err)
		last = byID(list)
	})
	assert.Equal(t, 400*energy.Joule, last["package-0"].Total)
	assert.Equal(t, 3*(1+1+21), m.Opens("energy_uj"), "probed, read as origin, and once a tick")
}

// The same on real files, held open while they change in place.
func TestOnDisk(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a zone's name has a colon, which no file may have there")
	}
	m := load(t, "server")
	dir := t.TempDir()
	require.NoError(t, m.WriteTo(dir))
	synctest.Test(t, func(t *testing.T) {
		meter, _, err := open(os.DirFS(dir), scripted(m))
		require.NoError(t, err)
		_, err = meter.Read(t.Context(), nil)
		require.NoError(t, err)
		for at := step; at <= 10*time.Second; at += step {
			time.Sleep(step)
			require.NoError(t, m.Play(dir, at))
			list, err := meter.Read(t.Context(), nil)
			require.NoError(t, err)
			assert.Equal(t, 10*energy.Watt.Over(at), byID(list)["dram-1"].Total)
			assert.Equal(t, 90*energy.Watt.Over(at), byID(list)["package-0"].Total)
		}
		require.NoError(t, meter.Close())
	})
}

func TestConform(t *testing.T) {
	for _, name := range []string{"client", "server", "psys", "mmio"} {
		synctest.Test(t, func(t *testing.T) {
			var m *machinetest.Machine
			var at time.Duration
			open := func(t *testing.T) energy.Meter {
				m, at = load(t, name), 0
				m.At(2500 * time.Millisecond) // the graphics are on
				at = 2500 * time.Millisecond
				meter, err := Open(m)
				require.NoError(t, err)
				return meter
			}
			energytest.Conform(t, open, func() {
				time.Sleep(step)
				at += step
				m.At(at)
			})
		})
	}
}

// A jump that no processor can make is held back, and named.
func TestImplausible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := machinetest.Parse([]byte(
			"-- sys/class/powercap/intel-rapl:0/name --\npackage-0\n-- sys/class/powercap/intel-rapl:0/energy_uj --\n1000\n" +
				"-- MOVES --\n1000 sys/class/powercap/intel-rapl:0/energy_uj 1000000001000\n2000 sys/class/powercap/intel-rapl:0/energy_uj 2001000\n"))
		require.NoError(t, err)
		meter, err := Open(m)
		require.NoError(t, err)
		_, err = meter.Read(t.Context(), nil)
		require.NoError(t, err)
		time.Sleep(time.Second)
		m.At(time.Second)
		list, err := meter.Read(t.Context(), nil)
		assert.EqualError(t, err, "rapl: read sys/class/powercap/intel-rapl:0/energy_uj: 1000000001000 after 1000 within 1s: implausible")
		assert.ErrorIs(t, err, ErrImplausible)
		assert.Equal(t, energy.Refused, list[0].State)
		assert.EqualValues(t, 1000000001000, list[0].Raw)
		assert.Zero(t, list[0].Total)
		time.Sleep(time.Second)
		m.At(2 * time.Second)
		list, err = meter.Read(t.Context(), list[:0])
		assert.NoError(t, err)
		assert.Equal(t, 2*energy.Joule, list[0].Total)
		assert.Equal(t, uint32(1), list[0].Gaps)
	})
}

// A counter in whole joules may stand still for ten seconds, others for ten
// milliseconds, and all are alive again as soon as they move.
func TestDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := load(t, "psys")
		meter, err := Open(m)
		require.NoError(t, err)
		state := func() string {
			list, err := meter.Read(t.Context(), nil)
			require.NoError(t, err)
			return byID(list)["package-0"].State.String() + " " + byID(list)["psys"].State.String()
		}
		time.Sleep(time.Second)
		assert.Equal(t, "ok ok", state(), "the first is where it starts")
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, "ok ok", state())
		time.Sleep(time.Millisecond)
		assert.Equal(t, "dead ok", state())
		time.Sleep(9990 * time.Millisecond)
		assert.Equal(t, "dead dead", state())
		time.Sleep(10 * time.Second)
		m.At(10 * time.Second)
		assert.Equal(t, "ok ok", state())
		require.NoError(t, meter.Close())
	})
}

func TestReadCancelled(t *testing.T) {
	meter, err := Open(load(t, "client"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	list, err := meter.Read(ctx, nil)
	assert.Empty(t, list)
	assert.ErrorIs(t, err, context.Canceled)
}

// read reads n counters, some of which may fail.
func read(n int, t *testing.T, m *Meter) []energy.Reading {
	t.Helper()
	list, _ := m.Read(t.Context(), nil) // what fails is what the test makes fail
	require.Len(t, list, n)
	return list
}
