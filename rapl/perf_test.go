package rapl

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/energy/energytest"
	"github.com/carbonctl/carbonctl/internal/machinetest"
)

// totals reads a machine to its end.
func totals(t *testing.T, m *machinetest.Machine) map[string]energy.Reading {
	t.Helper()
	var last map[string]energy.Reading
	_, _, _ = run(t, m, func(_ time.Duration, list []energy.Reading, _ error) { last = byID(list) })
	return last
}

// Both ways to one counter tell the same, up to the kernel's rounding of its
// unit, and the record says which was used.
func TestPerfAndPowercapAgree(t *testing.T) {
	const file = "../testdata/machines/both.txtar"
	zones := totals(t, machinetest.Load(t, file))
	closed := machinetest.Load(t, file)
	deny(t, closed)
	events := totals(t, closed)
	require.Len(t, events, 2)
	for id, a := range zones {
		b := events[id]
		assert.Contains(t, a.Component.Name, "(powercap)")
		assert.Contains(t, b.Component.Name, "(perf)")
		a.Component.Name, b.Component.Name = "", ""
		assert.Equal(t, a.Component, b.Component, "else they are one component")
		assert.Positive(t, a.Total)
		assert.InEpsilon(t, float64(b.Total), float64(a.Total), 2.6e-6+1e-6, id)
	}
}

// deny makes every energy_uj of a machine unreadable from its start.
func deny(t *testing.T, m *machinetest.Machine) {
	t.Helper()
	err := fs.WalkDir(m, deviceDir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "energy_uj" {
			m.Fail(name, syscall.EACCES)
		}
		return err
	})
	require.NoError(t, err)
}

// An event that counts backwards, since nobody read it while half its register
// went by, is right all the same.
func TestPerfCountsBackwards(t *testing.T) {
	for _, unit := range []uint{14, 16} {
		// What the kernel adds for e joules in one go.
		added := func(joules uint64) uint64 {
			units := uint32(joules << unit)
			return uint64(int64(int32(units))) << (32 - unit)
		}
		assert.Greater(t, added(150_000>>(2*(unit-14)/2)), uint64(1)<<63, "it does count backwards")
		var count, sum uint64
		for _, joules := range []uint64{100, 40_000, 50_000, 60_000, 1, 65_000} {
			was := microjoules(count)
			count += added(joules)
			sum += joules
			got := (microjoules(count) + uint64(perfRange) - was) % uint64(perfRange)
			assert.Equal(t, joules*1e6, got, "2^-%d J, %d J", unit, joules)
			assert.Equal(t, sum*1e6%uint64(perfRange), microjoules(count))
		}
	}
}

func TestMicrojoules(t *testing.T) {
	for _, count := range []uint64{0, 1, 1 << 32, 1<<32 - 1, 1<<48 - 1, 1 << 48, math.MaxUint64, 0xdeadbeefcafe} {
		want := new(big.Int).SetUint64(count & (1<<48 - 1))
		want.Mul(want, big.NewInt(1e6)).Rsh(want, 32)
		assert.Equal(t, want.Uint64(), microjoules(count))
		assert.Less(t, microjoules(count), uint64(perfRange))
	}
}

// After a sleep the kernel's sum means nothing: what it shows is not believed.
func TestPerfAfterSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := load(t, "perf")
		s := scripted(m)
		slept := time.Duration(0)
		s.slept = func() (low, high time.Duration) { return slept, slept }
		meter, _, err := open(m, s)
		require.NoError(t, err)
		read(4, t, meter)
		time.Sleep(time.Second)
		m.At(time.Second)
		assert.Equal(t, 90*energy.Joule, byID(read(4, t, meter))["package-0"].Total)
		time.Sleep(time.Second)
		slept = time.Hour
		m.At(9 * time.Second)
		r := byID(read(4, t, meter))["package-0"]
		assert.Equal(t, 90*energy.Joule, r.Total)
		assert.Equal(t, energy.Limit(r.MaxPower, time.Second), r.Missed)
		assert.Equal(t, time.Hour, r.Slept)
		assert.EqualValues(t, 1, r.Resets)
		time.Sleep(time.Second)
		m.At(10 * time.Second)
		assert.Equal(t, 180*energy.Joule, byID(read(4, t, meter))["package-0"].Total)
		require.NoError(t, meter.Close())
	})
}

// What keeps events from being opened, each told as what it is.
func TestPerfErrors(t *testing.T) {
	m := load(t, "perf")
	events, err := pmu(m, system{})
	assert.Empty(t, events)
	assert.EqualError(t, err, "sys/bus/event_source/devices/power: energy source not available: not of the kernel that runs here")
	_, err = pmu(fstest.MapFS{}, scripted(m))
	assert.EqualError(t, err, "sys/bus/event_source/devices/power: energy source not available: no such PMU")
	assert.ErrorIs(t, err, energy.ErrUnavailable)

	s := scripted(m)
	s.open = func(uint32, uint64, int) (eventFile, error) { return nil, syscall.EACCES }
	meter, zones, err := open(m, s)
	assert.Nil(t, meter)
	assert.ErrorIs(t, err, fs.ErrPermission)
	assert.EqualError(t, err, "rapl: open sys/class/powercap/intel-rapl:0/energy_uj: permission denied (and 3 more zones)")
	n := 0
	for _, z := range zones {
		if z.control == perfControl {
			assert.Equal(t, Refused, z.Status)
			assert.ErrorContains(t, z.Err, "on cpu ")
			n++
		}
	}
	assert.Equal(t, 4, n)

	const power = "-- sys/bus/event_source/devices/power/"
	for _, tt := range []struct{ what, text, want string }{
		{"type", power + "type --\n-1\n", "not a number"},
		{"type too large", power + "type --\n4294967296\n", "not a number"},
		{"mask", power + "type --\n9\n" + power + "cpumask --\n0-\n", "not a number"},
		{"no mask", power + "type --\n9\n", "cpumask"},
		{"no topology", power + "type --\n9\n" + power + "cpumask --\n0\n", "physical_package_id"},
	} {
		m, err := machinetest.Parse([]byte(tt.text))
		require.NoError(t, err, tt.what)
		_, err = pmu(m, scripted(m))
		assert.ErrorContains(t, err, tt.want, tt.what)
	}
	const cpu = power + "type --\n9\n" + power + "cpumask --\n0\n-- sys/devices/system/cpu/cpu0/topology/physical_package_id --\n0\n"
	const event = power + "events/energy-pkg --\nevent=0x02\n" + power + "events/energy-pkg.unit --\nJoules\n"
	for _, tt := range []struct {
		text, want string
		status     Status
	}{
		{cpu + power + "events/energy-pkg --\numask=0x02\n", "not a number", Garbage},
		{cpu + power + "events/energy-pkg --\nevent=0x02\n", "energy-pkg.unit", Failed},
		{cpu + strings.Replace(event, "Joules", "Watts", 1), `"Watts": a step that is not 2^-32 J`, Failed},
		{cpu + event + power + "events/energy-pkg.scale --\n1e-9\n", `"1e-9": a step that is not 2^-32 J`, Failed},
	} {
		m, err := machinetest.Parse([]byte(tt.text))
		require.NoError(t, err)
		events, err := pmu(m, scripted(m))
		require.NoError(t, err)
		require.Len(t, events, 1)
		assert.Equal(t, tt.status, events[0].Status)
		assert.ErrorContains(t, events[0].Err, tt.want)
		meter, _, err := open(m, scripted(m))
		assert.Nil(t, meter)
		assert.ErrorContains(t, err, tt.want)
	}
}

// Container runtimes hide the zones and not perf; then nothing is missing.
func TestPerfInsteadOfMasked(t *testing.T) {
	text := "-- LINKS --\nsys/class/powercap/intel-rapl:0 -> ../../nowhere\n-- PERF/9/2/3 --\n0\n-- proc/cpuinfo --\nvendor_id : GenuineIntel\n"
	for name, content := range map[string]string{
		"type": "9", "cpumask": "3", "events/energy-pkg": "event=0x02", "events/energy-pkg.unit": "Joules", "events/energy-pkg.scale": "2.3283064365386962890625e-10",
	} {
		text += "-- " + pmuDir + "/" + name + " --\n" + content + "\n"
	}
	m, err := machinetest.Parse([]byte(text + "-- sys/devices/system/cpu/cpu3/topology/physical_package_id --\n4\n"))
	require.NoError(t, err)
	meter, zones, err := open(m, scripted(m))
	require.NoError(t, err)
	assert.Equal(t, "package-4", read(1, t, meter)[0].Component.ID)
	var got []Status
	for _, z := range zones {
		got = append(got, z.Status)
	}
	assert.ElementsMatch(t, []Status{Masked, Counted}, got)
}

func TestPerfConform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count uint64
		energytest.Conform(t, func(t *testing.T) energy.Meter {
			m := load(t, "perf")
			s := system{open: func(uint32, uint64, int) (eventFile, error) { return counting{&count}, nil }}
			meter, _, err := open(m, s)
			require.NoError(t, err)
			return meter
		}, func() {
			time.Sleep(time.Second)
			count += 70 << 32
		})
	})
}

type counting struct{ n *uint64 }

func (c counting) Count() (uint64, error) { return *c.n, nil }
func (c counting) Close() error           { return nil }

func TestParseEvent(t *testing.T) {
	for text, want := range map[string]uint64{"event=0x02\n": 2, "event=0xff": 255, "event=7": 7, "event=0": 0} {
		got, ok := parseEvent(text)
		assert.True(t, ok, "%q", text)
		assert.Equal(t, want, got, "%q", text)
	}
	for _, text := range []string{"", "event", "event=", "event=0x100", "event=-1", "event=1_0", "event=2,umask=1", "config=2", "event=0x"} {
		_, ok := parseEvent(text)
		assert.False(t, ok, "%q", text)
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add("event=0x02\n")
	f.Add("event=0x100")
	f.Add("event=0b1")
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := parseEvent(s); ok {
			again, ok := parseEvent(fmt.Sprintf("event=0x%02x\n", n))
			assert.True(t, ok)
			assert.Equal(t, n, again)
			assert.Less(t, n, uint64(256))
		}
	})
}

func TestParseCPUs(t *testing.T) {
	for text, want := range map[string][]int{"0": {0}, "0\n": {0}, "0,8": {0, 8}, "0-3": {0, 1, 2, 3}, "1-2,64\n": {1, 2, 64}, "65535": {65535}} {
		got, ok := parseCPUs(text)
		assert.True(t, ok, "%q", text)
		assert.Equal(t, want, got, "%q", text)
	}
	for _, text := range []string{"", "\n", "-", "0-", "-1", "3-1", "0,0", "1,0", "0,", "a", "0-65536", "0-4294967295", "00", "0 1"} {
		_, ok := parseCPUs(text)
		assert.False(t, ok, "%q", text)
	}
}

func FuzzParseCPUs(f *testing.F) {
	for _, s := range []string{"0", "0,8\n", "0-3,64", "0-65535", "9-8", "1,,2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cpus, ok := parseCPUs(s)
		if !ok {
			return
		}
		assert.True(t, slices.IsSorted(cpus))
		var list []string
		for _, c := range cpus {
			list = append(list, strconv.Itoa(c))
		}
		again, ok := parseCPUs(strings.Join(list, ","))
		assert.True(t, ok)
		assert.Equal(t, cpus, again)
	})
}

// A held event that fails is Held, and the others go on.
func TestPerfReadFails(t *testing.T) {
	m := load(t, "perf")
	meter, _, err := open(m, scripted(m))
	require.NoError(t, err)
	m.Fail("PERF/18/2/0", syscall.EIO)
	list, err := meter.Read(t.Context(), nil)
	assert.True(t, errors.Is(err, syscall.EIO))
	assert.ErrorContains(t, err, "read sys/bus/event_source/devices/power/events/energy-pkg")
	assert.Equal(t, energy.Held, list[0].State)
	assert.NotEqual(t, energy.Held, list[1].State)
}
