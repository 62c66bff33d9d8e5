package rapl

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/machinetest"
)

// A counter whose zone fails goes on by way of its twin, which counts from
// elsewhere, and back again when that one fails: nothing is lost, and it is told.
func TestTwinTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := load(t, "twinfails")
		meter, _, err := open(m, scripted(m))
		require.NoError(t, err)
		first := read(1, t, meter)[0]
		move := func(at int) (energy.Reading, error) {
			time.Sleep(time.Second)
			m.At(time.Duration(at) * time.Second)
			list, err := meter.Read(t.Context(), nil)
			return list[0], err
		}
		for at := 1; at < 5; at++ {
			_, err = move(at)
			require.NoError(t, err)
		}
		r, err := move(5)
		assert.ErrorIs(t, err, ErrSwitched)
		assert.ErrorIs(t, err, syscall.EIO)
		assert.EqualError(t, err, "rapl: read sys/class/powercap/intel-rapl:0/energy_uj: "+syscall.EIO.Error()+": failed, and its twin is read instead")
		assert.Equal(t, energy.OK, r.State)
		assert.Equal(t, 60*energy.Joule, r.Total)
		assert.Equal(t, first.Component, r.Component)
		assert.Greater(t, r.Edge, first.Edge)
		r, err = move(6)
		assert.NoError(t, err, "it is told once")
		assert.Equal(t, 72*energy.Joule, r.Total)
		assert.Zero(t, r.Gaps+r.Resets)
		assert.EqualValues(t, 0, r.Missed)
		m.Fail(classDir+"/intel-rapl-mmio:0/energy_uj", syscall.EIO)
		list, err := meter.Read(t.Context(), nil)
		r = list[0]
		assert.Error(t, err)
		assert.NotErrorIs(t, err, ErrSwitched)
		assert.Equal(t, energy.Held, r.State)
		assert.Equal(t, 72*energy.Joule, r.Total)
		require.NoError(t, meter.Close())
		assert.Zero(t, m.Held())
	})
}

// Two dies that once happen to be as far are two; two that show the same at
// three times are one, and one that only some of them mirror keeps its name.
func TestMirrors(t *testing.T) {
	zones := func(values ...int) fstest.MapFS {
		m := fstest.MapFS{}
		for i, v := range values {
			d := fmt.Sprintf("%s/intel-rapl:%x/", classDir, i)
			m[d+"name"] = &fstest.MapFile{Data: fmt.Appendf(nil, "package-0-die-%d\n", i)}
			m[d+"energy_uj"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%d\n", v)}
			m[d+"max_energy_range_uj"] = &fstest.MapFile{Data: []byte("65532610987\n")}
		}
		return m
	}
	ids := func(m *Meter) string {
		var s []string
		for _, c := range m.counters {
			s = append(s, c.component.ID)
		}
		return strings.Join(s, " ")
	}
	for want, values := range map[string][]int{
		"package-0":                       {5e9, 5e9, 5e9},
		"package-0-die-0 package-0-die-1": {5e9, 7e9},
		"package-0-die-0 package-0-die-2": {5e9, 5e9, 7e9, 7e9},
		"package-0-die-0":                 {5e9},
	} {
		meter, err := Open(zones(values...))
		require.NoError(t, err)
		assert.Equal(t, want, ids(meter))
	}
	// across the end of the range, and a little late
	meter, err := Open(zones(65532610987-100, 100))
	require.NoError(t, err)
	assert.Equal(t, "package-0", ids(meter))

	synctest.Test(t, func(t *testing.T) {
		text := ""
		for i := range 2 {
			d := fmt.Sprintf("-- %s/intel-rapl:%d/", classDir, i)
			text += d + fmt.Sprintf("name --\npackage-0-die-%d\n", i) + d + "energy_uj --\n5000000000\n"
		}
		// 9 J on between the second look and the third: these are two
		m, err := machinetest.Parse([]byte(text + "-- MOVES --\n3 " + classDir + "/intel-rapl:1/energy_uj 5009000000\n"))
		require.NoError(t, err)
		go func() {
			time.Sleep(3 * time.Millisecond)
			m.At(3 * time.Millisecond)
		}()
		meter, err := Open(m)
		require.NoError(t, err)
		assert.Equal(t, "package-0-die-0 package-0-die-1", ids(meter))
	})
}

// When the die that is read is unregistered, one that mirrors it is read.
func TestMirrorTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := load(t, "mirrored")
		meter, _, err := open(m, scripted(m))
		require.NoError(t, err)
		read(2, t, meter)
		time.Sleep(time.Second)
		m.At(time.Second)
		m.Fail(classDir+"/intel-rapl:0/energy_uj", syscall.ENODEV)
		list, err := meter.Read(t.Context(), nil)
		assert.ErrorIs(t, err, ErrSwitched)
		assert.Equal(t, energy.OK, list[0].State)
		assert.Equal(t, 250*energy.Joule, list[0].Total)
		assert.Equal(t, "package-0", list[0].Component.ID)
	})
}

// Watch tells the dead from the living; what may rest, or has not had the time
// to show itself, is given the benefit of the doubt.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := load(t, "psysdead")
		go func() {
			time.Sleep(20 * time.Millisecond)
			m.At(time.Second)
		}()
		zones, err := watch(t.Context(), m, scripted(m), 50*time.Millisecond)
		require.NoError(t, err)
		got := map[string]Status{}
		for _, z := range zones {
			got[z.Component.ID] = z.Status
		}
		assert.Equal(t, map[string]Status{"package-0": Counted, "dram-0": Counted, "psys": Dead}, got)
		assert.Zero(t, m.Held())

		zones, err = Watch(t.Context(), load(t, "client"), 50*time.Millisecond)
		require.NoError(t, err)
		assert.Equal(t, []Status{Dead, Dead, Inside}, []Status{zones[0].Status, zones[1].Status, zones[2].Status})

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		before := time.Now()
		zones, err = Watch(ctx, load(t, "client"), time.Hour)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Len(t, zones, 3)
		assert.Zero(t, time.Since(before))
		zones, err = Watch(t.Context(), load(t, "denied"), time.Hour)
		assert.ErrorIs(t, err, fs.ErrPermission)
		assert.Len(t, zones, 5)
	})
}

func TestKeepAlive(t *testing.T) {
	for _, tt := range []struct {
		text string
		want time.Duration
	}{
		{"max_energy_range_uj --\n65532610987\n-- sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw --\n333333334\n", 32 * time.Second},  // 500 W, and somebody may raise it
		{"max_energy_range_uj --\n262143328850\n-- sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw --\n65000000\n", 327 * time.Second}, // 100 W, raised to 800 W
		{"max_energy_range_uj --\n262143328850\n", 131 * time.Second},
		{"max_energy_range_uj --\nnone\n", 32 * time.Second},
		{"max_energy_range_uj --\n4999999\n", 32 * time.Second}, // no counter has such a range
	} {
		m, err := machinetest.Parse([]byte("-- sys/class/powercap/intel-rapl:0/name --\npackage-0\n-- sys/class/powercap/intel-rapl:0/energy_uj --\n1\n-- sys/class/powercap/intel-rapl:0/" + tt.text))
		require.NoError(t, err)
		meter, err := Open(m)
		require.NoError(t, err)
		assert.Equal(t, tt.want, meter.KeepAlive(), tt.text)
	}
}

// A range that a counter passes was none.
func TestRangeThatIsPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const zone = "sys/class/powercap/intel-rapl:0/"
		m, err := machinetest.Parse([]byte("-- " + zone + "name --\npackage-0\n-- " + zone + "energy_uj --\n10000000000\n-- " + zone + "max_energy_range_uj --\n10000000100\n-- MOVES --\n1 " + zone + "energy_uj 10050000000\n2 " + zone + "energy_uj 10100000000\n"))
		require.NoError(t, err)
		meter, err := Open(m)
		require.NoError(t, err)
		for i := range 3 {
			m.At(time.Duration(i) * time.Millisecond)
			r := read(1, t, meter)[0]
			assert.Equal(t, energy.Energy(i)*50*energy.Joule, r.Total)
			assert.Equal(t, i == 0, r.Range > 0)
			time.Sleep(time.Second)
		}
	})
}

func TestVendor(t *testing.T) {
	for text, want := range map[string]string{
		"processor\t: 0\nvendor_id\t: AuthenticAMD\n": "AuthenticAMD", "vendor_id: GenuineIntel": "GenuineIntel",
		"": "", "vendor_id": "", "model name : vendor_id : x\n": "", "vendor_id :\n": "",
	} {
		assert.Equal(t, want, vendor([]byte(text)), "%q", text)
	}
	assert.True(t, isAMD(load(t, "zen")))
	assert.False(t, isAMD(load(t, "client")))
	assert.False(t, isAMD(fstest.MapFS{}))
}

func FuzzVendor(f *testing.F) {
	f.Add([]byte("processor : 0\nvendor_id : AuthenticAMD\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := vendor(b)
		assert.Equal(t, strings.TrimSpace(v), v)
		assert.Contains(t, string(b), v)
	})
}

// Whatever the files of a zone hold, opening and reading it neither panics nor
// makes energy of nothing.
func FuzzZone(f *testing.F) {
	f.Add("package-0\n", "1000\n", "2000000\n", "262143328850\n", "65000000\n")
	f.Add("package-0-die-1", "", "1e9", "-1", "\x00")
	f.Add("psys", "18446744073709551616", "9223372036854775807", "9223372036854775807", "9223372036854775807")
	f.Add("core", "5", "4", "0", "0")
	f.Fuzz(func(t *testing.T, name, first, second, most, limit string) {
		const zone = classDir + "/intel-rapl:0/"
		m := fstest.MapFS{}
		for file, text := range map[string]string{"name": name, "energy_uj": first, "max_energy_range_uj": most, "constraint_0_power_limit_uw": limit} {
			m[zone+file] = &fstest.MapFile{Data: []byte(text)}
		}
		zones, err := Inspect(m)
		require.Len(t, zones, 1)
		meter, err2 := Open(m)
		assert.Equal(t, err == nil, err2 == nil)
		if meter == nil {
			require.Error(t, err)
			return
		}
		a, _ := meter.Read(t.Context(), nil)
		m[zone+"energy_uj"].Data = []byte(second)
		b, _ := meter.Read(t.Context(), nil)
		require.Len(t, b, 1)
		gone := b[0].Time.Sub(a[0].Time) + 2*time.Second
		assert.GreaterOrEqual(t, b[0].Total, a[0].Total)
		assert.LessOrEqual(t, b[0].Total-a[0].Total, energy.Limit(b[0].MaxPower, gone))
		assert.Positive(t, meter.KeepAlive())
		assert.NoError(t, meter.Close())
	})
}
