package carbon

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/machinetest"
)

// twoPackages is a machine with two packages of 10 W each for ten seconds, and
// with what is given besides.
func twoPackages(t *testing.T, sockets int, flags, more string) *machinetest.Machine {
	t.Helper()
	var b strings.Builder
	for z := range 2 {
		dir := fmt.Sprintf("-- sys/class/powercap/intel-rapl:%d/", z)
		fmt.Fprintf(&b, "%sname --\npackage-%d\n%senergy_uj --\n5000000000\n%smax_energy_range_uj --\n262143328850\n", dir, z, dir, dir)
	}
	b.WriteString("-- proc/cpuinfo --\n")
	for cpu := range 4 {
		fmt.Fprintf(&b, "processor : %d\nvendor_id : GenuineIntel\ncpu family : 6\nmodel : 85\nmodel name : Intel(R) Xeon(R) Gold 5222 CPU @ 3.80GHz\nstepping : 7\n"+
			"physical id : %d\nsiblings : %d\ncore id : %d\ncpu cores : %d\nflags : fpu %s\n\n", cpu, cpu*sockets/4, 4/sockets, cpu, 4/sockets, flags)
	}
	b.WriteString("-- proc/stat --\ncpu  4000 0 4000 400000 0 0 0 0 0 0\n-- proc/meminfo --\nMemTotal: 16000000 kB\nMemAvailable: 15000000 kB\n" + more)
	b.WriteString("-- MOVES --\n")
	for s := 1; s <= 10; s++ {
		for z := range 2 {
			if z == 0 || !strings.Contains(more, "EIO") || s > 1 {
				fmt.Fprintf(&b, "%d sys/class/powercap/intel-rapl:%d/energy_uj %d\n", s*1000, z, 5000000000+s*10000000)
			}
		}
	}
	m, err := machinetest.Parse([]byte(b.String()))
	require.NoError(t, err)
	return m
}

func trackTen(t *testing.T, m *machinetest.Machine) (r footprint.Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tracker, err := New(Config{Host: Host{Root: m}})
		require.NoError(t, err)
		tracker.Start(t.Context())
		for s := 1; s <= 10; s++ {
			time.Sleep(time.Second - time.Millisecond)
			m.At(time.Duration(s) * time.Second)
			time.Sleep(time.Millisecond)
		}
		r, err = tracker.Stop()
		require.NoError(t, err)
	})
	return r
}

// Of two packages the one that is closed to us is modelled, whatever the topology
// shows: a guest's is made up.
func TestOneOfTwoPackagesIsClosed(t *testing.T) {
	const closed = "-- ERRORS --\nsys/class/powercap/intel-rapl:1/energy_uj EACCES\n"
	for _, tt := range []struct {
		what    string
		sockets int
		flags   string
	}{{"two sockets", 2, ""}, {"one socket", 1, ""}, {"a guest with one", 1, "hypervisor"}, {"a guest with two", 2, "hypervisor"}} {
		r := trackTen(t, twoPackages(t, tt.sockets, tt.flags, closed))
		got := map[string]energy.Basis{}
		for _, c := range r.Components {
			if c.Kind == energy.CPU {
				got[c.ID] = c.Basis
				require.NotNil(t, c.Energy, "%s: %s", tt.what, c.ID)
				assert.Positive(t, *c.Energy, "%s: %s", tt.what, c.ID)
				assert.InDelta(t, 1, c.Coverage, 0.01, "%s: %s", tt.what, c.ID)
			}
		}
		assert.Equal(t, map[string]energy.Basis{"package-0": energy.Measured, "package-1": energy.Modelled}, got, tt.what)
		assert.Contains(t, codes(r), footprint.NoPermission)
	}
}

// A counter that fails for a moment when it is opened is read as soon as it can
// be; only the time before that is modelled.
func TestACounterThatFailsForAMoment(t *testing.T) {
	r := trackTen(t, twoPackages(t, 2, "", "-- ERRORS --\nsys/class/powercap/intel-rapl:1/energy_uj EIO\n"))
	got := map[string]energy.Energy{}
	for _, c := range r.Components {
		if c.Kind == energy.CPU {
			require.NotNil(t, c.Energy, c.ID)
			got[string(c.Basis)+" "+c.ID] = *c.Energy
			if c.ID == "package-1" {
				assert.Less(t, c.Coverage, 1.0)
			}
		}
	}
	assert.Equal(t, 100*energy.Joule, got["measured package-0"])
	assert.Equal(t, 80*energy.Joule, got["measured package-1"], "from the second second on")
	assert.Positive(t, got["modelled package-1"])
	assert.Contains(t, codes(r), footprint.ReadFault)
}
