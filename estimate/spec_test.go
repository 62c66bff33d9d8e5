package estimate

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
)

func TestForCPU(t *testing.T) {
	for _, c := range []struct {
		cpu        CPU
		how        How
		idle, full float64
		band       float64
	}{
		{CPU{Name: "Intel Core i9-13900K"}, BySKU, 7, 253, 2},
		{CPU{Name: "core i9-13900k", Sockets: 1, Cores: 24, Threads: 32}, BySKU, 7, 253, 2},
		{CPU{Name: "AMD EPYC 7763"}, BySKU, 61.6, 235, 1.7},
		{CPU{Name: "AMD EPYC 7763", Sockets: 2}, BySKU, 123.2, 470, 1.7},
		{CPU{Name: "Intel Xeon Platinum 8259CL", Threads: 16, Virtual: true}, BySKU, 8.4, 66.5, 2},
		{CPU{Name: "Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz", TDP: 240 * energy.Watt, Cores: 24, Threads: 48, Sockets: 2}, BySKU, 59.66, 471.9, 1.7},
		{CPU{Name: "Prototype", TDP: 150 * energy.Watt, Cores: 16, Threads: 32}, ByTDP, 16.5, 130.5, 2},
		{CPU{TDP: 150 * energy.Watt}, ByTDP, 16.5, 130.5, 2},
		{CPU{Threads: 8}, Unknown, 4, 28, 2.5},
		{CPU{}, Unknown, 0.5, 3.5, 2.5},
	} {
		m := ForCPU(c.cpu)
		assert.Equal(t, c.how, m.How, c.cpu)
		assert.InEpsilon(t, c.idle, m.Idle.Watts(), 0.01, c.cpu)
		assert.InEpsilon(t, c.full, m.Max.Watts(), 0.01, c.cpu)
		assert.Equal(t, c.band, m.Band, c.cpu)
		assert.NotEmpty(t, m.Name)
	}
	clocked := ForCPU(CPU{Name: "AMD EPYC 7763", BaseMHz: 2450})
	assert.Equal(t, 1.6, clocked.Band)
	assert.Less(t, clocked.Power(1, 0.5), clocked.Power(1, 1))
}

func TestNearest(t *testing.T) {
	assert.Contains(t, ForCPU(CPU{Name: "Intel Core i9-13900KX"}).Nearest, "core i9 13900k")
	assert.Contains(t, ForCPU(CPU{Name: "13900"}).Nearest, "core i9 13900")
	assert.Contains(t, ForCPU(CPU{Name: "EPYC 7764"}).Nearest, "epyc 7763")
	assert.Empty(t, ForCPU(CPU{Name: "Z80"}).Nearest)
	assert.Empty(t, ForCPU(CPU{Name: "EPYC 7763"}).Nearest)
	assert.Empty(t, ForCPU(CPU{}).Nearest)
}

func FuzzForCPU(f *testing.F) {
	f.Add("Intel Core i9-13900K", 0.0, 0, 0, 0, false)
	f.Add("AMD EPYC 9654", 1e300, 1<<30, -4, 70, true)
	f.Add("n", math.NaN(), 1, 1, 1, false)
	f.Fuzz(func(t *testing.T, name string, tdp float64, cores, threads, sockets int, virtual bool) {
		if len(name) > 200 || sockets > 1000 || threads > 1e5 || cores > 1e5 {
			return
		}
		m := ForCPU(CPU{Name: name, TDP: energy.Watts(tdp), Cores: cores, Threads: threads, Sockets: sockets, Virtual: virtual})
		low, at, high := m.Range(0.5, 1)
		if low > at || at > high || at < 0 || m.Band < 1 || m.IdleBand < m.Band {
			t.Fatalf("%+v: %v %v %v", m, low, at, high)
		}
	})
}

func TestForMemory(t *testing.T) {
	low, at, high := ForMemory(100, 0.5, "")
	assert.InDelta(t, 8, at.Watts(), 1e-6)
	assert.InDelta(t, 8/2.2, low.Watts(), 1e-5)
	assert.InDelta(t, 20, high.Watts(), 1e-6)
	_, at, _ = ForMemory(math.Inf(1), 1, "")
	assert.Zero(t, at)
}

func BenchmarkNearest(b *testing.B) {
	for b.Loop() {
		if len(nearest("Intel Core i9-13900KX")) == 0 {
			b.Fatal("none")
		}
	}
}
