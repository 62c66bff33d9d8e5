package rapl

import (
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/machinetest"
)

func TestOpenErrors(t *testing.T) {
	zone := func(energyUJ, name string) fs.FS {
		return fstest.MapFS{
			"sys/class/powercap/intel-rapl:0/name":      {Data: []byte(name)},
			"sys/class/powercap/intel-rapl:0/energy_uj": {Data: []byte(energyUJ)},
		}
	}
	parse := func(text string) fs.FS {
		m, err := machinetest.Parse([]byte(text))
		require.NoError(t, err)
		return m
	}
	for want, tt := range map[string]struct {
		root fs.FS
		is   error
	}{
		"rapl: sys/class/powercap: energy source not available: the kernel offers no powercap tree":  {fstest.MapFS{}, energy.ErrUnavailable},
		"rapl: sys/class/powercap: energy source not available: no zones in it":                      {parse("-- sys/class/powercap/dtpm/enabled --\n"), energy.ErrUnavailable},
		"rapl: sys/class/powercap: energy source not available: no zone of a processor in it":        {zone("1\n", "board\n"), energy.ErrUnavailable},
		"rapl: sys/class/powercap/intel-rapl:0: masked by a container runtime (and 2 more zones)":    {load(t, "masked"), ErrMasked},
		"rapl: open sys/class/powercap/intel-rapl:0/energy_uj: permission denied (and 4 more zones)": {load(t, "denied"), fs.ErrPermission},
		"rapl: read sys/class/powercap/intel-rapl:0/energy_uj: not a number":                         {zone("1e9\n", "package-0\n"), ErrNotNumber},
		"rapl: readdir sys/class/powercap: permission denied":                                        {parse("-- sys/class/powercap/a --\n-- ERRORS --\nsys/class/powercap EACCES\n"), fs.ErrPermission},
		"rapl: read sys/class/powercap/intel-rapl:0/energy_uj: " + syscall.ENODATA.Error():           {parse("-- sys/class/powercap/intel-rapl:0/name --\npackage-0\n-- sys/class/powercap/intel-rapl:0/energy_uj --\n1\n-- ERRORS --\nsys/class/powercap/intel-rapl:0/energy_uj ENODATA\n"), syscall.ENODATA},
		"rapl: open sys/class/powercap/intel-rapl:0/name: permission denied":                         {parse("-- sys/class/powercap/intel-rapl:0/name --\npackage-0\n-- ERRORS --\nsys/class/powercap/intel-rapl:0 EACCES\n"), fs.ErrPermission},
		"rapl: sys/class/powercap/intel-rapl:7: masked by a container runtime":                       {parse("-- LINKS --\nsys/class/powercap/intel-rapl:7 -> ../../nowhere\n"), ErrMasked},
	} {
		meter, err := Open(tt.root)
		assert.Nil(t, meter)
		if runtime.GOOS != "windows" || !strings.Contains(want, "denied") {
			assert.EqualError(t, err, want)
		}
		assert.ErrorIs(t, err, tt.is)
		for _, other := range []error{energy.ErrUnavailable, ErrMasked, fs.ErrPermission, ErrNotNumber} {
			if other != tt.is {
				assert.NotErrorIs(t, err, other, "each cause is told from the others")
			}
		}
	}
}

func TestInspect(t *testing.T) {
	for name, want := range map[string]string{
		"client": `
class intel-rapl:0   package-0 counted package-0
class intel-rapl:0:0 core inside core-0
class intel-rapl:0:1 uncore inside uncore-0`,
		"psys": `
class intel-rapl:0   package-0 counted package-0
class intel-rapl:0:0 dram counted dram-0
class intel-rapl:2   package-1 counted package-1
class intel-rapl:2:0 dram counted dram-1
class intel-rapl:a   package-10 counted package-10
class intel-rapl:a:0 dram counted dram-10
class intel-rapl:1   psys cross-check psys`,
		"masked": `
class intel-rapl:0    masked  !
class intel-rapl:0:0  masked  !
class intel-rapl:0:1  masked  !`,
		"denied": `
class intel-rapl:0   package-0 refused package-0 !
class intel-rapl:0:0 core refused core-0 !
class intel-rapl:0:1 uncore refused uncore-0 !
class intel-rapl:0:2 dram refused dram-0 !
class intel-rapl:1   psys refused psys !`,
		"mmio": `
class intel-rapl:0      package-0 counted package-0
class intel-rapl-mmio:0 package-0 twin package-0 = intel-rapl:0
class intel-rapl:0:0    core inside core-0
class intel-rapl:0:1    dram counted dram-0
class dtpm:0            pkg unknown`,
		"trouble": `
class intel-rapl:0   package-0 counted package-0
class intel-rapl:0:0 dram counted dram-0
class intel-rapl:1   package-1 counted package-1
class intel-rapl:1:0 dram garbage dram-1 !`,
	} {
		m := load(t, name)
		zones, err := Inspect(m)
		var got, wanted []string
		failed := false
		for _, z := range zones {
			line := "class " + strings.TrimPrefix(z.Path, classDir+"/") + " " + z.Name + " " + string(z.Status) + " " + z.Component.ID
			if z.Of != "" {
				line += " = " + strings.TrimPrefix(z.Of, classDir+"/")
			}
			if z.Err != nil {
				line, failed = line+" !", true
			}
			got = append(got, strings.Join(strings.Fields(line), " "))
		}
		for line := range strings.Lines(want[1:]) {
			wanted = append(wanted, strings.Join(strings.Fields(line), " "))
		}
		assert.Equal(t, wanted, got, name)
		assert.Equal(t, failed, err != nil, name)
		assert.Zero(t, m.Held(), name)
	}
}

// tree makes a root of plain directories; names are by directory.
func tree(dir string, names map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for at, name := range names {
		m[dir+"/"+at+"/name"] = &fstest.MapFile{Data: []byte(name + "\n")}
		m[dir+"/"+at+"/energy_uj"] = &fstest.MapFile{Data: []byte(fmt.Sprintf("%d\n", 1000+1e9*int(at[len(at)-1])))}
	}
	return m
}

func TestTrees(t *testing.T) {
	for what, tt := range map[string]struct {
		root fs.FS
		want string
	}{
		"the class directory alone, flat and nested": {tree(classDir, map[string]string{
			"intel-rapl:0": "package-0 ", "intel-rapl:0:0": "dram", "intel-rapl:0/intel-rapl:0:0": "dram",
			"intel-rapl:0/intel-rapl:0:1": "core",
		}), "package-0 core-0 dram-0"},
		"the device tree alone": {tree(deviceDir, map[string]string{
			"intel-rapl/intel-rapl:0": "package-0", "intel-rapl/intel-rapl:0/intel-rapl:0:0": "dram",
		}), "package-0 dram-0"},
		"dies": {tree(classDir, map[string]string{
			"intel-rapl:0": "package-0-die-0", "intel-rapl:1": "package-0-die-1", "intel-rapl:2": "package-1-die-0",
			"intel-rapl:1:0": "dram", "intel-rapl:1:1": "core",
		}), "package-0-die-0 package-0-die-1 core-0-die-1 dram-0-die-1 package-1-die-0"},
		"psys alone and in each socket": {tree(classDir, map[string]string{
			"intel-rapl:0": "psys", "intel-rapl:1": "psys-1",
		}), "psys psys-1"},
		"another control type": {tree(classDir, map[string]string{
			"arm-scmi:0": "package-3", "intel-rapl:0": "package-0", "intel-rapl-mmio:0": "package-3",
		}), "package-0 package-3"},
		"names that mean nothing": {tree(classDir, map[string]string{
			"intel-rapl:0": "package-0", "intel-rapl:1": "package-", "intel-rapl:2": "package-01", "intel-rapl:3": "package-x-die-1",
			"intel-rapl:4": "package-1-die-", "intel-rapl:5": "dram", "intel-rapl:6": "psys-", "intel-rapl:7": "psysx",
			"intel-rapl:0:0": "cache", "intel-rapl:8": "", "intel-rapl:9": "package--1",
		}), "package-0"},
	} {
		meter, err := Open(tt.root)
		require.NoError(t, err, what)
		list, err := meter.Read(t.Context(), nil)
		require.NoError(t, err, what)
		var got []string
		for _, r := range list {
			got = append(got, r.Component.ID)
		}
		assert.Equal(t, tt.want, strings.Join(got, " "), what)
		require.NoError(t, meter.Close())
	}
}
