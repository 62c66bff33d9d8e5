package estimate

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/proc"
)

// zone is a package of powercap with its limits in W.
func zone(root fstest.MapFS, at, name string, long, short, tdp int) {
	dir := "sys/class/powercap/" + at + "/"
	root[dir+"name"] = file(name + "\n")
	for n, c := range []struct {
		name  string
		watts int
	}{{"long_term", long}, {"short_term", short}} {
		root[fmt.Sprintf("%sconstraint_%d_name", dir, n)] = file(c.name + "\n")
		root[fmt.Sprintf("%sconstraint_%d_power_limit_uw", dir, n)] = file(fmt.Sprintf("%d000000\n", c.watts))
	}
	root[dir+"constraint_0_max_power_uw"] = file(fmt.Sprintf("%d000000\n", tdp))
}

func TestReadLimits(t *testing.T) {
	root := fstest.MapFS{}
	assert.Zero(t, readLimits(root))
	root["sys/class/powercap/intel-rapl/enabled"] = file("1\n")
	assert.Zero(t, readLimits(root))
	zone(root, "intel-rapl:0", "package-0", 65, 117, 65)
	zone(root, "intel-rapl:0:0", "core", 1, 1, 1)
	zone(root, "intel-rapl:1", "package-1", 2, 2, 2)
	assert.Equal(t, limits{tdp: 65, long: 65, short: 117, known: true}, readLimits(root))
	zone(root, "intel-rapl-mmio:0", "package-0", 28, 64, 0)
	assert.Equal(t, limits{tdp: 65, long: 28, short: 64, known: true}, readLimits(root), "the lower of both acts")
	zone(root, "intel-rapl-mmio:0", "package-0", 0, 0, 0)
	assert.Equal(t, limits{tdp: 65, long: 65, short: 117, known: true}, readLimits(root), "0 is none")

	lifted := fstest.MapFS{}
	zone(lifted, "intel-rapl:0", "package-0", 4090, 4090, 125)
	assert.True(t, readLimits(lifted).lifted())
	assert.Equal(t, 125.0, readLimits(lifted).tdp)

	// A limit that is absent shifts the numbers: the names count.
	shifted := fstest.MapFS{}
	zone(shifted, "intel-rapl:0", "package-0", 1, 1, 1)
	const dir = "sys/class/powercap/intel-rapl:0/constraint_"
	shifted[dir+"0_name"], shifted[dir+"1_name"] = file("short_term"), file("peak_power")
	assert.Equal(t, limits{short: 1}, readLimits(shifted))
	shifted[dir+"0_power_limit_uw"] = file("garbage")
	assert.Zero(t, readLimits(shifted))
}

func desktopOf(brand string, cores, threads int) proc.CPU {
	return shaped(proc.CPU{Brand: brand}, 1, cores, threads, false)
}

func TestClient(t *testing.T) {
	set := func(long, short float64) limits { return limits{long: long, short: short, known: true} }
	for _, c := range []struct {
		brand            string
		cores, threads   int
		l                limits
		idle, full, band float64
	}{
		// Limits not known: what is published.
		{"13th Gen Intel(R) Core(TM) i9-13900K", 24, 32, limits{}, 7, 253, 2},
		{"13th Gen Intel(R) Core(TM) i5-13600K", 14, 20, limits{}, 7, 0.85 * 181, 2},
		{"13th Gen Intel(R) Core(TM) i5-13500", 14, 20, limits{}, 7, 92.2, 1.5},
		{"12th Gen Intel(R) Core(TM) i5-12400", 6, 12, limits{}, 7, 80.4, 1.5},
		{"Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", 6, 12, limits{}, 7, 58.5, 2},
		{"13th Gen Intel(R) Core(TM) i7-13700H", 14, 20, limits{}, 3.6, 71.9, 2},
		{"Intel(R) N100", 4, 4, limits{}, 1, 10, 2},
		{"Intel(R) N150", 4, 4, limits{}, 1, 10, 2},
		{"AMD Ryzen 9 7950X 16-Core Processor", 16, 32, limits{}, 22, 230, 1.5},
		{"AMD Ryzen 5 5600X 6-Core Processor", 6, 12, limits{}, 22, 88, 1.5},
		{"AMD Ryzen 7 1700X Eight-Core Processor", 8, 16, limits{}, 7, 85.5, 1.5},
		{"AMD Ryzen AI 9 HX 370 w/ Radeon 890M", 12, 24, limits{}, 2.24, 38.9, 2},
		{"Apple M2", 8, 8, limits{}, 1, 20, 1.6},
		{"Apple M4 Pro", 14, 14, limits{}, 1, 25.6, 1.6},
		// As the firmware has set them.
		{"13th Gen Intel(R) Core(TM) i9-13900K", 24, 32, set(125, 253), 7, 125, 1.35},
		{"13th Gen Intel(R) Core(TM) i9-13900K", 24, 32, set(253, 253), 7, 253, 1.35},
		{"13th Gen Intel(R) Core(TM) i9-13900K", 24, 32, set(4090, 4090), 7, 1.22 * 253, 1.9},
		{"13th Gen Intel(R) Core(TM) i9-13900K", 24, 32, set(0, 0), 7, 1.22 * 253, 1.9},
		{"13th Gen Intel(R) Core(TM) i5-13600K", 14, 20, set(181, 181), 7, 0.85 * 181, 1.35},
		{"13th Gen Intel(R) Core(TM) i7-13700H", 14, 20, set(45, 115), 3.6, 45, 1.35},
		{"Intel(R) N100", 4, 4, set(15, 25), 1, 15, 1.35},
		{"Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", 6, 12, set(65, 81), 7, 65, 1.35},
		// A limit that no such model can fill is none.
		{"Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", 4, 8, set(900, 900), 1.2, 1.22 * 13.5, 1.9},
		{"Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", 4, 8, set(44, 44), 1.2, 0.85 * 44, 1.35},
	} {
		m := recognise(desktopOf(c.brand, c.cores, c.threads), c.l)
		name := fmt.Sprintf("%s %+v", c.brand, c.l)
		assert.Equal(t, BySKU, m.How, name)
		assert.InEpsilon(t, c.idle, m.Idle.Watts(), 0.01, name)
		assert.InEpsilon(t, c.full, m.Max.Watts(), 0.005, name)
		assert.Equal(t, c.band, m.Band, name)
		assert.GreaterOrEqual(t, m.IdleBand, m.Band, name)
		if want := c.l.long; c.l.lifted() || !c.l.known || c.l.long == 900 {
			assert.Zero(t, m.Limit, name)
		} else {
			assert.Equal(t, want, m.Limit.Watts(), name)
			assert.LessOrEqual(t, m.Max.Watts(), want, "never above the limit")
		}
	}
}

// A CPU in no table tells its TDP itself; a guest is told nothing of the host's limits.
func TestRegister(t *testing.T) {
	l := limits{tdp: 125, long: 125, short: 188, known: true}
	m := recognise(shaped(intel(999, 1, "Intel(R) Core(TM) Ultra 9 999K"), 1, 24, 24, false), l)
	assert.Equal(t, ByRegister, m.How)
	assert.Equal(t, 125.0, m.TDP.Watts())
	assert.Equal(t, 125.0, m.Max.Watts())
	m = recognise(shaped(intel(999, 1, "Intel(R) Xeon(R) 7999P"), 2, 64, 128, false), limits{tdp: 400, long: 400, known: true})
	assert.Equal(t, ByRegister, m.How)
	assert.LessOrEqual(t, m.Max.Watts(), 800.0)
	assert.Greater(t, m.Max.Watts(), 600.0)
	assert.Equal(t, 2.0, m.Band)
	m = recognise(shaped(intel(999, 1, "Intel(R) Xeon(R) 7999P"), 2, 64, 128, true), limits{tdp: 400, long: 400, known: true})
	assert.Equal(t, Unknown, m.How)
}

// A client CPU in no table is taken for the usual one of its kind, with a wide band.
func TestByClass(t *testing.T) {
	for brand, full := range map[string]float64{
		"Intel(R) Core(TM) Ultra 5 999U":       28.7,
		"Intel(R) Core(TM) Ultra 5 999V":       25.1,
		"Intel(R) Core(TM) Ultra 5 999H":       71.9,
		"Intel(R) Core(TM) Ultra 7 999K":       199.75,
		"12th Gen Intel(R) Core(TM) i5-12999U": 28.7,
		"Intel(R) Core(TM) i5-19400":           92.2,
		"Intel(R) Core(TM) i5-19400T":          52.3,
		"Intel(R) Core(TM) i5-9999":            58.5,
		"Intel(R) Core(TM) i7-999":             58.5,
		"Intel(R) Core(TM)2 Duo CPU E9999":     58.5,
		"Intel(R) Core(TM) 3 N999":             10,
		"AMD Ryzen 5 9999 6-Core Processor":    88,
		"AMD Ryzen 7 PRO 9999U w/ Radeon 999M": 19.4,
		"AMD Ryzen 9 9999HX w/ Radeon 999M":    64.2,
	} {
		m := recognise(desktopOf(brand, 8, 12), limits{})
		assert.Equal(t, ByClass, m.How, brand)
		assert.InEpsilon(t, full, m.Max.Watts(), 0.01, brand)
		assert.Equal(t, 2.5, m.Band, brand)
		assert.Contains(t, codes(m), "cpu-unknown", brand)
		guest := desktopOf(brand, 2, 4)
		guest.Virtual = true
		assert.Equal(t, 14.0, recognise(guest, limits{}).Max.Watts(), "a guest is charged by its threads")
	}
}

// No CPU of the tables draws more at full load than it is held to.
func TestNoneAboveItsLimit(t *testing.T) {
	n := 0
	for row := range strings.Lines(cpus) {
		k, _, _ := strings.Cut(row, ",")
		s, ok := lookup(cpus, k)
		require.True(t, ok)
		m := recognise(shaped(proc.CPU{Brand: k}, 1, max(1, s.cores), max(1, s.threads), false), limits{})
		if m.How != BySKU || !m.WholeBoard && m.SKUThreads > m.Threads {
			continue
		}
		n++
		most := max(s.tdp, s.turbo, socketPower*s.tdp, smallFull)
		assert.LessOrEqual(t, m.Max.Watts(), most+1e-6, k)
		assert.LessOrEqual(t, m.Idle.Watts(), m.Max.Watts()/2+1e-6, k)
		assert.Positive(t, m.Idle.Watts(), k)
	}
	assert.Greater(t, n, 3000)
	m := recognise(shaped(intel(173, 1, "Intel(R) Xeon(R) 6980P"), 1, 128, 256, false), limits{})
	assert.Equal(t, 500.0, m.Max.Watts())
	m = recognise(shaped(intel(85, 7, "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz"), 2, 20, 40, false), limits{tdp: 125, long: 80, known: true})
	assert.Equal(t, 160.0, m.Max.Watts(), "a limit below the TDP")
}

func TestBoards(t *testing.T) {
	for product, want := range map[string][2]float64{
		"Raspberry Pi 4 Model B Rev 1.4":       {2.7, 6.4},
		"Raspberry Pi 400 Rev 1.0":             {2.7, 6.4},
		"Raspberry Pi 5 Model B Rev 1.0":       {2.7, 12.7},
		"Raspberry Pi 500 Rev 1.0":             {2.7, 11},
		"Raspberry Pi Zero 2 W Rev 1.0":        {0.8, 2.1},
		"Raspberry Pi Compute Module 4 Rev 1.": {2.2, 5.2},
	} {
		root := machine("processor: 0\nCPU implementer: 0x41\nCPU part: 0xd08\n\nprocessor: 1\n\nprocessor: 2\n\nprocessor: 3\n")
		root["proc/device-tree/model"] = file(product + "\x00")
		m, err := Open(root)
		require.NoError(t, err)
		model := m.Model()
		assert.Equal(t, want, [2]float64{model.Idle.Watts(), model.Max.Watts()}, product)
		assert.True(t, model.WholeBoard)
		assert.Zero(t, model.MemoryGiB, "it is in the board's figure")
		assert.Contains(t, codes(model), "whole-board")
		assert.NotContains(t, codes(model), "memory-unknown")
		readings, err := m.Read(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, readings, 1)
		require.NoError(t, m.Close())
	}
	hidden := proc.CPU{Implementer: 0x41, Part: 0xd08, Threads: 4}
	assert.Equal(t, 6.4, recognise(hidden, limits{}).Max.Watts(), "a container on a Pi 4")
	hidden.Virtual = true
	assert.Equal(t, Unknown, recognise(hidden, limits{}).How, "a guest on Graviton")
}

func TestRange(t *testing.T) {
	m := recognise(desktopOf("13th Gen Intel(R) Core(TM) i9-13900K", 24, 32), limits{long: 253, short: 253, known: true})
	low, at, high := m.Range(0, 1)
	assert.InDelta(t, 7/1.8, low.Watts(), 1e-6)
	assert.InDelta(t, 7, at.Watts(), 1e-6)
	assert.InDelta(t, 7*1.8, high.Watts(), 1e-6)
	low, at, high = m.Range(1, 1)
	assert.InDelta(t, 7/1.8+246/1.35, low.Watts(), 1e-5)
	assert.InDelta(t, 253, at.Watts(), 1e-6)
	assert.InDelta(t, 7*1.8+246*1.35, high.Watts(), 1e-5)
}

// What the CPU gives of itself decides what is said of it.
func TestSaysWhatIsMissing(t *testing.T) {
	text := func(c proc.CPU) string {
		for _, n := range recognise(c, limits{}).Notes {
			if n.Code == "cpu-generic" {
				return n.Text
			}
		}
		return ""
	}
	assert.Equal(t, "the CPU does not give its model: using the figures of the EPYC 9654", text(shaped(amd(25, 17, "AMD EPYC"), 1, 2, 2, true)))
	assert.Equal(t, "no TDP and threads known for the AMD EPYC 9B99: using the figures of the EPYC 9654", text(shaped(amd(25, 17, "AMD EPYC 9B99"), 1, 2, 2, true)))
}

// Whatever the kernel's files hold, a package draws something within reason.
func FuzzLimits(f *testing.F) {
	f.Add("long_term", "125000000", "short_term", "253000000", "125000000")
	f.Add("short_term", "4090000000", "peak_power", "0", "")
	f.Add("long_term", "18446744073709551615", "long_term", "-1", "1e9")
	f.Fuzz(func(t *testing.T, name0, limit0, name1, limit1, tdp string) {
		const dir = "sys/class/powercap/intel-rapl:0/"
		root := fstest.MapFS{
			dir + "name":                        file("package-0"),
			dir + "constraint_0_name":           file(name0),
			dir + "constraint_0_power_limit_uw": file(limit0),
			dir + "constraint_0_max_power_uw":   file(tdp),
			dir + "constraint_1_name":           file(name1),
			dir + "constraint_1_power_limit_uw": file(limit1),
		}
		l := readLimits(root)
		for _, brand := range []string{"Intel(R) Core(TM) i9-13900K", "Intel(R) Xeon(R) 6980P", "Intel(R) Core(TM) i5-99999"} {
			m := recognise(shaped(intel(999, 1, brand), 1, 24, 32, false), l)
			if w := m.Max.Watts(); !(w >= 0.9 && w < 700) || m.Idle > m.Max || m.Idle <= 0 || m.Band < 1 {
				t.Fatalf("%s %+v: %v to %v", brand, l, m.Idle, m.Max)
			}
		}
	})
}
