package estimate

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
)

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		cpu        Chip
		how        How
		idle, full float64
		band       float64
	}{
		{Chip{Name: "Intel Core i9-13900K"}, BySKU, 7, 253, 2},
		{Chip{Name: "core i9-13900k", Sockets: 1, Cores: 24, Threads: 32}, BySKU, 7, 253, 2},
		{Chip{Name: "7763"}, BySKU, 61.6, 235, 1.7},
		{Chip{Name: "AMD EPYC 7763"}, BySKU, 61.6, 235, 1.7},
		{Chip{Name: "AMD EPYC 7763", Sockets: 2}, BySKU, 123.2, 470, 1.7},
		{Chip{Name: "Intel Xeon Platinum 8259CL", Threads: 16, Virtual: true}, BySKU, 8.4, 66.5, 2},
		{Chip{Name: "Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz", TDP: 240 * energy.Watt, Cores: 48, Threads: 96, Sockets: 2}, BySKU, 59.66, 471.9, 1.7},
		{Chip{Name: "Prototype", TDP: 150 * energy.Watt, Cores: 16, Threads: 32}, ByTDP, 16.5, 130.5, 2},
		{Chip{TDP: 150 * energy.Watt}, ByTDP, 16.5, 130.5, 2},
		{Chip{Name: "Raspberry Pi 4 Model B"}, BySKU, 2.7, 6.4, 1.4},
		{Chip{Name: "EPYC 4564P"}, BySKU, 22, 230, 1.5},
		{Chip{Name: "Intel Xeon w9-3495X"}, BySKU, 81.5, 379.5, 2},
		{Chip{Name: "Intel Core i9-10980XE"}, BySKU, 18.6, 147.2, 1.7},
		{Chip{Name: "Ampere Altra Q80-30"}, ByMicroarchitecture, 25.2, 199.4, 2},
		{Chip{Name: "altra q80-30", Threads: 8, Virtual: true}, ByMicroarchitecture, 2.52, 19.94, 2},
		{Chip{Name: "NVIDIA Grace"}, ByMicroarchitecture, 31.4, 248.4, 2},
		{Chip{Name: "Grace", Sockets: 2}, ByMicroarchitecture, 62.8, 496.8, 2},
		{Chip{Name: "Grace", TDP: 300 * energy.Watt}, ByTDP, 39.5, 300, 2},
		{Chip{Threads: 8}, Unknown, 4, 28, 2.5},
		{Chip{}, Unknown, 0.5, 3.5, 2.5},
	} {
		m := Describe(c.cpu)
		assert.Equal(t, c.how, m.How, c.cpu)
		assert.InEpsilon(t, c.idle, m.Idle.Watts(), 0.01, c.cpu)
		assert.InEpsilon(t, c.full, m.Max.Watts(), 0.01, c.cpu)
		assert.Equal(t, c.band, m.Band, c.cpu)
		assert.NotEmpty(t, m.Name)
	}
	clocked := Describe(Chip{Name: "AMD EPYC 7763", BaseMHz: 2450})
	assert.Equal(t, 1.6, clocked.Band)
	assert.Less(t, clocked.Power(1, 0.5), clocked.Power(1, 1))
}

func TestNames(t *testing.T) {
	assert.Equal(t, 64, CoresOf("7763"))
	assert.Equal(t, 24, CoresOf("Intel Core i9-13900K"))
	assert.Zero(t, CoresOf("Z80"))
	assert.Equal(t, 280.0, TDPOf("AMD EPYC 7763").Watts())
	assert.Zero(t, TDPOf(""))
	names := slices.Collect(CPUs())
	assert.Greater(t, len(names), 4500)
	assert.True(t, slices.IsSorted(names))
	assert.Contains(t, names, "core i9 13900k")
}

func FuzzDescribe(f *testing.F) {
	f.Add("Intel Core i9-13900K", 0.0, 0, 0, 0, false)
	f.Add("AMD EPYC 9654", 1e300, 1<<30, -4, 70, true)
	f.Add("n", math.NaN(), 1, 1, 1, false)
	f.Fuzz(func(t *testing.T, name string, tdp float64, cores, threads, sockets int, virtual bool) {
		if len(name) > 200 || sockets > 1000 || threads > 1e5 || cores > 1e5 {
			return
		}
		m := Describe(Chip{Name: name, TDP: energy.Watts(tdp), Cores: cores, Threads: threads, Sockets: sockets, Virtual: virtual})
		low, at, high := m.Range(0.5, 1)
		if low > at || at > high || at < 0 || m.Band < 1 || m.IdleBand < m.Band {
			t.Fatalf("%+v: %v %v %v", m, low, at, high)
		}
	})
}

func TestMemoryPower(t *testing.T) {
	low, at, high := MemoryPower(100, 0.5)
	assert.InDelta(t, 8, at.Watts(), 1e-6)
	assert.InDelta(t, 8/2.2, low.Watts(), 1e-5)
	assert.InDelta(t, 20, high.Watts(), 1e-6)
	_, at, _ = MemoryPower(math.Inf(1), 1)
	assert.Zero(t, at)
}
