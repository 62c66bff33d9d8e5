package proc

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func raw(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

const firecracker = `processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 207
model name	: Intel(R) Xeon(R) Processor @ 2.60GHz
stepping	: 2
cpu MHz		: 2600.000
physical id	: 0
siblings	: 2
cpu cores	: 1
flags		: fpu vme sse4_2 x2apic hypervisor lahf_lm

processor	: 1
vendor_id	: GenuineIntel
cpu family	: 6
model		: 207
model name	: Intel(R) Xeon(R) Processor @ 2.60GHz
stepping	: 2
physical id	: 0
siblings	: 2
cpu cores	: 1
flags		: fpu vme sse4_2 x2apic hypervisor lahf_lm
`

func TestCPUInfo(t *testing.T) {
	arm := "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n\nprocessor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"
	two := "processor: 0\nvendor_id: AuthenticAMD\ncpu family: 23\nmodel: 49\nphysical id: 3\nsiblings: 4\ncpu cores: 2\nmodel name: AMD EPYC 7742 64-Core Processor\nflags: fpu\n\nprocessor: 1\nphysical id: 1\nmodel name: another\n"
	for _, c := range []struct {
		name string
		root fstest.MapFS
		want CPU
	}{
		{"guest with a generic name", fstest.MapFS{"proc/cpuinfo": raw(firecracker)},
			CPU{Vendor: "GenuineIntel", Family: 6, Model: 207, Stepping: 2, Brand: "Intel(R) Xeon(R) Processor @ 2.60GHz", BaseMHz: 2600,
				Threads: 2, Cores: 1, Siblings: 2, Packages: []int{0}, Virtual: true}},
		{"sockets keep their ids", fstest.MapFS{"proc/cpuinfo": raw(two)},
			CPU{Vendor: "AuthenticAMD", Family: 23, Model: 49, Brand: "AMD EPYC 7742 64-Core Processor",
				Threads: 2, Cores: 2, Siblings: 4, Packages: []int{1, 3}}},
		{"ARM guest known by its firmware", fstest.MapFS{"proc/cpuinfo": raw(arm),
			"sys/class/dmi/id/sys_vendor":                              raw("Amazon EC2\n"),
			"sys/class/dmi/id/product_name":                            raw("m6g.large\n"),
			"sys/devices/system/cpu/cpu0/topology/physical_package_id": raw("0\n"),
			"sys/devices/system/cpu/cpu1/topology/physical_package_id": raw("36\n")},
			CPU{Implementer: 0x41, Part: 0xd0c, Threads: 2, Packages: []int{0, 36}, Virtual: true, Maker: "Amazon EC2", Product: "m6g.large"}},
		{"bare machine of a cloud", fstest.MapFS{"proc/cpuinfo": raw(arm),
			"sys/class/dmi/id/sys_vendor":   raw("Amazon EC2\n"),
			"sys/class/dmi/id/product_name": raw("m6g.metal\n")},
			CPU{Implementer: 0x41, Part: 0xd0c, Threads: 2, Packages: []int{0}, Maker: "Amazon EC2", Product: "m6g.metal"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := CPUInfo(c.root)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestCPUInfoWithoutProcessor(t *testing.T) {
	_, err := CPUInfo(fstest.MapFS{"proc/cpuinfo": raw("nothing here\n")})
	assert.ErrorContains(t, err, "proc/cpuinfo")
}

func TestBrandMHz(t *testing.T) {
	for brand, want := range map[string]float64{
		"Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz": 2500,
		"Genuine Intel(R) CPU T2300 @ 1.66GHz":           1660,
		"Intel(R) Pentium(R) III CPU @ 866MHz":           866,
		"AMD EPYC 7763 64-Core Processor":                0,
		"liar @ -5GHz":                                   0,
		"liar @ 1e300GHz":                                0,
	} {
		assert.InDelta(t, want, brandMHz(brand), 1e-6, brand)
	}
}

func TestHost(t *testing.T) {
	h := ReadHost(fstest.MapFS{
		"proc/sys/kernel/hostname":  raw("node7\n"),
		"proc/sys/kernel/osrelease": raw("6.12.9-amd64\n"),
	})
	assert.Equal(t, Host{Name: "node7", OS: "linux", Kernel: "6.12.9-amd64"}, h)
}

func TestClock(t *testing.T) {
	const dir = "sys/devices/system/cpu/"
	root := fstest.MapFS{
		dir + "cpu0/cpufreq/scaling_cur_freq": raw("1200000\n"),
		dir + "cpu1/cpufreq/scaling_cur_freq": raw("1800000\n"),
		dir + "cpu0/cpufreq/base_frequency":   raw("3000000\n"),
		"proc/cpuinfo":                        raw("cpu MHz\t\t: 1500.500\ncpu MHz : 2500.1\ncpu MHz : 99"),
	}
	cpu := CPU{Threads: 2, BaseMHz: 2000}
	read := func() float64 {
		c, err := OpenClock(root, cpu)
		require.NoError(t, err)
		defer c.Close()
		r, err := c.Ratio()
		require.NoError(t, err)
		assert.Zero(t, testing.AllocsPerRun(100, func() { c.Ratio() }))
		return r
	}
	assert.InDelta(t, 0.5, read(), 1e-9, "the driver's own base first")
	delete(root, dir+"cpu0/cpufreq/base_frequency")
	root[dir+"cpu0/acpi_cppc/nominal_freq"] = raw("2500\n")
	assert.InDelta(t, 0.6, read(), 1e-9, "then ACPI's")
	delete(root, dir+"cpu0/acpi_cppc/nominal_freq")
	assert.InDelta(t, 0.75, read(), 1e-9, "then the brand's")
	delete(root, dir+"cpu0/cpufreq/scaling_cur_freq")
	delete(root, dir+"cpu1/cpufreq/scaling_cur_freq")
	assert.InDelta(t, 1.0, read(), 1e-9, "cpuinfo where there is no cpufreq, whole lines only")

	for _, none := range []CPU{{Threads: 2}, {Threads: 2, BaseMHz: 2000, Virtual: true}} {
		_, err := OpenClock(root, none)
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
}

func FuzzParseCPU(f *testing.F) {
	f.Add([]byte(firecracker))
	f.Add([]byte("processor\t: 0\nCPU implementer\t: 0x41\nphysical id: -1\n"))
	f.Add([]byte("processor:0\nmodel: 99999999999999999999\nmodel name: @ @GHz\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := parseCPU(b)
		if c.Threads < 0 || c.Family < 0 || c.Model < 0 || c.Stepping < 0 || c.Sockets() < 1 {
			t.Fatalf("%+v", c)
		}
		if c.BaseMHz != 0 && (c.BaseMHz < 100 || c.BaseMHz > 10_000) {
			t.Fatalf("%v MHz", c.BaseMHz)
		}
		sum, n := sumMHz(b)
		if sum < 0 || n < 0 {
			t.Fatal(sum, n)
		}
	})
}

// closed is a root whose every file is forbidden.
type closed struct{}

func (closed) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestForbidden(t *testing.T) {
	_, err := CPUInfo(closed{})
	assert.ErrorIs(t, err, fs.ErrPermission)
	_, err = OpenStat(closed{})
	assert.ErrorIs(t, err, fs.ErrPermission)
	_, err = OpenMemory(closed{})
	assert.ErrorIs(t, err, fs.ErrPermission)
	_, err = OpenTree(closed{}, 1)
	assert.ErrorIs(t, err, fs.ErrPermission)
	assert.Equal(t, 1, strings.Count(err.Error(), "proc"+"ess 1"))
	assert.False(t, errors.Is(err, fs.ErrNotExist))
}
