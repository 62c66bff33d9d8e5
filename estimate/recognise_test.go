package estimate

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/proc"
)

func intel(model, stepping int, brand string) proc.CPU {
	return proc.CPU{Vendor: "GenuineIntel", Family: 6, Model: model, Stepping: stepping, Brand: brand}
}

func amd(family, model int, brand string) proc.CPU {
	return proc.CPU{Vendor: "AuthenticAMD", Family: family, Model: model, Brand: brand}
}

// shaped adds what the machine shows of itself: sockets, and cores and threads
// of one.
func shaped(c proc.CPU, sockets, cores, siblings int, virtual bool) proc.CPU {
	c.Cores, c.Siblings, c.Threads, c.Virtual = cores, siblings, sockets*siblings, virtual
	for i := range sockets {
		c.Packages = append(c.Packages, i)
	}
	return c
}

func codes(m Model) []string {
	var out []string
	for _, n := range m.Notes {
		out = append(out, n.Code)
	}
	return out
}

func TestRecognise(t *testing.T) {
	ec2 := shaped(amd(25, 17, "AMD EPYC 9R14"), 1, 2, 2, true)
	ec2.Maker, ec2.Product = "Amazon EC2", "m7a.large"
	for _, c := range []struct {
		name       string
		cpu        proc.CPU
		how        How
		as         string
		tdp        float64
		idle, full float64 // W of all that is charged
		exponent   float64
		band       float64
		notes      []string
	}{
		// By the formula: 350 W, 128 threads, class chiplet, 2 threads.
		{"Firecracker guest on Emerald Rapids", shaped(intel(207, 2, "Intel(R) Xeon(R) Processor @ 2.60GHz"), 1, 1, 2, true),
			ByMicroarchitecture, "Intel Emerald Rapids", 350, 1.275, 5.469, 2, 2, []string{"vcpu-share", "cpu-generic"}},
		{"guest on Genoa, threads shown as cores", shaped(amd(25, 17, "AMD EPYC"), 1, 2, 2, true),
			ByMicroarchitecture, "AMD EPYC Genoa", 360, 0.881, 3.359, 2, 2, []string{"vcpu-thread", "vcpu-share", "cpu-generic"}},
		{"EC2 with a core a vCPU", ec2,
			BySKU, "AMD EPYC 9R14", 360, 1.761, 6.718, 1.5, 2, []string{"vcpu-core", "vcpu-share", "cpu-sibling"}},
		{"EC2 with the model's name", shaped(intel(85, 7, "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"), 1, 1, 2, true),
			BySKU, "Intel Xeon Platinum 8259CL", 210, 1.050, 8.309, 2, 2, []string{"vcpu-share"}},
		{"GCP, generic name, Cascade Lake by its stepping", shaped(intel(85, 7, "Intel(R) Xeon(R) CPU @ 2.80GHz"), 1, 2, 4, true),
			ByMicroarchitecture, "Intel Cascade Lake-SP", 240, 4 * 0.611, 4 * 6.431, 2, 2, []string{"vcpu-share", "cpu-generic"}},
		{"GCP, the same model, Skylake by its stepping", shaped(intel(85, 3, "Intel(R) Xeon(R) CPU @ 2.00GHz"), 1, 2, 4, true),
			ByMicroarchitecture, "Intel Skylake-SP", 240, 4 * 0.704, 4 * 5.732, 2, 2, []string{"vcpu-share", "cpu-generic"}},
		{"a model whose threads are not known, as a guest", shaped(amd(23, 49, "AMD EPYC 7B12"), 1, 1, 2, true),
			ByMicroarchitecture, "AMD EPYC Rome", 225, 2 * 0.365, 2 * 1.393, 2, 2, []string{"vcpu-share", "cpu-generic"}},
		{"QEMU's own", shaped(intel(6, 3, "QEMU Virtual CPU version 2.5+"), 1, 2, 2, true),
			Unknown, "unknown CPU", 0, 1, 7, 2, 2.5, []string{"cpu-untrue", "vcpu-thread", "vcpu-share"}},
		{"KVM's own", shaped(proc.CPU{Vendor: "GenuineIntel", Family: 15, Model: 6, Brand: "Common KVM processor"}, 1, 2, 2, true),
			Unknown, "unknown CPU", 0, 1, 7, 2, 2.5, []string{"cpu-untrue", "vcpu-thread", "vcpu-share"}},
		{"nothing known", proc.CPU{Threads: 4}, Unknown, "unknown CPU", 0, 2, 14, 1.5, 2.5, []string{"cpu-unknown"}},
		{"Graviton 3", proc.CPU{Implementer: 0x41, Part: 0xd40, Threads: 2, Virtual: true},
			Unknown, "Neoverse V1 (Graviton3)", 0, 1, 7, 1.5, 2.5, []string{"cpu-unknown", "vcpu-share"}},
		{"Ampere Altra guest", proc.CPU{Implementer: 0x41, Part: 0xd0c, Threads: 4, Virtual: true},
			ByMicroarchitecture, "Neoverse N1 (Ampere Altra / Graviton2)", 210, 4 * 0.315, 4 * 2.493, 1.5, 2, []string{"vcpu-share", "cpu-generic"}},

		{"two sockets, bare", shaped(intel(85, 7, "Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz"), 2, 24, 48, false),
			BySKU, "Intel Xeon Platinum 8275CL", 240, 59.66, 471.9, 2, 1.6, nil},
		{"never measured, bare", shaped(intel(85, 7, "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz"), 1, 20, 40, false),
			BySKU, "Intel Xeon Gold 6230", 125, 13.11, 103.7, 2, 1.7, nil},
		{"SMT off, bare: still the whole TDP", shaped(intel(85, 7, "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz"), 1, 20, 20, false),
			BySKU, "Intel Xeon Gold 6230", 125, 13.11, 103.7, 1.5, 1.7, nil},
		{"half of it seen: half of the TDP", shaped(intel(85, 7, "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz"), 1, 10, 20, false),
			BySKU, "Intel Xeon Gold 6230", 125, 6.557, 51.86, 2, 2, []string{"cpu-part"}},
		{"desktop with two kinds of core", shaped(intel(151, 2, "12th Gen Intel(R) Core(TM) i7-12700"), 1, 12, 20, false),
			BySKU, "12th Gen Intel Core i7-12700", 65, 7, 99.72, 2, 1.5, nil},
		{"Siena, told from Bergamo by its name", shaped(amd(25, 160, "AMD EPYC 8024P 8-Core Processor"), 1, 8, 16, false),
			BySKU, "AMD EPYC 8024P", 90, 14.74, 56.22, 2, 1.6, nil},
		{"an EPYC made of desktop dies", shaped(amd(25, 97, "AMD EPYC 4564P 16-Core Processor"), 1, 16, 32, false),
			BySKU, "AMD EPYC 4564P", 170, 22, 230, 2, 1.5, nil},
		{"Threadripper", shaped(amd(23, 8, "AMD Ryzen Threadripper 2950X 16-Core Processor"), 1, 16, 32, false),
			BySKU, "AMD Ryzen Threadripper 2950X", 180, 35.29, 164.2, 2, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := recognise(c.cpu, limits{})
			assert.Equal(t, c.how, m.How)
			assert.Equal(t, c.as, m.Name)
			assert.Equal(t, c.tdp, m.TDP.Watts())
			assert.InEpsilon(t, c.idle, m.Idle.Watts(), 0.003)
			assert.InEpsilon(t, c.full, m.Max.Watts(), 0.003)
			assert.Equal(t, c.exponent, m.Exponent)
			assert.Equal(t, c.band, m.Band)
			assert.Equal(t, c.notes, codes(m))
		})
	}
}

// A guest is never charged more than its threads' part, however many sockets it
// is told that it has.
func TestGuestPaysByThread(t *testing.T) {
	for _, brand := range []string{"Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "Intel(R) Xeon(R) Processor @ 2.5GHz", "QEMU Virtual CPU version 2.5+"} {
		one := recognise(shaped(intel(85, 7, brand), 1, 1, 1, true), limits{})
		for n := 1; n <= 64; n *= 2 {
			m := recognise(shaped(intel(85, 7, brand), n, 1, 1, true), limits{})
			assert.Equal(t, 1, m.Sockets)
			assert.InDelta(t, float64(n)*one.Max.Watts(), m.Max.Watts(), 1e-3*float64(n))
		}
	}
}

func TestPower(t *testing.T) {
	m := recognise(shaped(intel(85, 7, "Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz"), 2, 24, 48, false), limits{})
	assert.Equal(t, m.Idle, m.Power(0, 1))
	assert.Equal(t, m.Max, m.Power(1, 1))
	assert.Equal(t, m.Power(1, 1), m.Power(7, 0.1), "no clock is read")
	m.withClock(3000)
	assert.Equal(t, m.Power(1, 1), m.Power(1, 1.4), "turbo is inside the TDP")
	assert.Less(t, m.Power(1, 0.5), m.Power(1, 1))
	assert.Equal(t, m.Power(0.5, 0.3), m.Power(0.5, 0.01))
	last := energy.Power(0)
	for i := range 101 {
		p := m.Power(float64(i)/100, 0.8)
		assert.Greater(t, p, last)
		last = p
	}
}

func TestBandWithClock(t *testing.T) {
	m := recognise(shaped(intel(85, 7, "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz"), 1, 20, 40, false), limits{})
	bare := m
	m.withClock(2100)
	assert.Equal(t, 1.6, m.Band)
	assert.True(t, m.Clock)
	bare.withClock(0)
	assert.Equal(t, 1.7, bare.Band)
	assert.Equal(t, []string{"cpu-clock"}, codes(bare))
}

func TestPlugged(t *testing.T) {
	for gib, want := range map[float64]float64{7.7: 8, 15.4: 16, 31.2: 32, 62.7: 64, 125.6: 128, 187.5: 192, 376.4: 384, 503.5: 512, 1007: 1024, 1510: 1536, 0.9: 1, 16: 16} {
		assert.Equal(t, want, plugged(gib))
	}
}

func TestMemory(t *testing.T) {
	server := shaped(intel(85, 7, "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz"), 1, 20, 40, false)
	guest := shaped(intel(85, 7, "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz"), 1, 1, 2, true)
	for _, c := range []struct {
		name            string
		cpu             proc.CPU
		gib, idle, full float64
	}{
		{"server", server, 192, 9.6, 21.12},
		{"guest: its part, to the byte", guest, 187.5, 9.375, 20.625},
		{"DDR3 server", shaped(intel(45, 7, "Intel(R) Xeon(R) CPU E5-2670 0 @ 2.60GHz"), 1, 8, 16, false), 192, 19.2, 42.24},
		{"desktop", shaped(intel(151, 2, "12th Gen Intel(R) Core(TM) i7-12700"), 1, 12, 20, false), 192, 19.2, 48},
		{"Apple", proc.CPU{Brand: "Apple M1", Threads: 8}, 192, 7.68, 7.68},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := recognise(c.cpu, limits{})
			gib := 187.5
			m.setMemory(c.cpu, uint64(gib*(1<<30)))
			assert.InDelta(t, c.gib, m.MemoryGiB, 1e-9)
			assert.InDelta(t, c.idle, m.MemoryPower(0).Watts(), 1e-5)
			assert.InDelta(t, c.full, m.MemoryPower(1).Watts(), 1e-5)
		})
	}
}
