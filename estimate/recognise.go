package estimate

import (
	"fmt"
	"math"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// recognise finds the formula for a CPU, with the band for a machine whose
// clock is not read.
func recognise(c proc.CPU) Model {
	arch, known := find(microarchs, c)
	m := Model{
		Brand: c.Brand, How: Unknown, Name: "unknown CPU",
		Sockets: c.Sockets(), Threads: max(1, c.Threads), PerThread: 1, Virtual: c.Virtual,
		Exponent: smtExponent, Band: bandUnknown,
	}
	if c.Virtual {
		m.Sockets = 1 // how a guest's CPUs are spread over sockets is made up
	}
	name := key(c.Brand)
	chip, named := lookup(cpus, name)
	switch {
	case untrue(c):
		known = false
		m.note("cpu-untrue", "the hypervisor gives a CPU that does not exist (%s): a default of %.1f to %.1f W a thread is used",
			strings.TrimSpace(c.Brand), unknownIdle, unknownFull)
	case named && m.socketThreads(&chip, arch, c) > 0:
		m.bySKU(c, name, chip, arch, known)
		return m
	case known && arch.tdp > 0:
		m.byMicroarch(c, arch)
		return m
	default:
		m.note("cpu-unknown", "this CPU is in no table: a default of %.1f to %.1f W a thread is used", unknownIdle, unknownFull)
	}
	if known {
		m.Name = maker(arch.vendor) + arch.name
	}
	m.shape(c, known && arch.smt() || !known && c.Implementer == 0 && c.Virtual)
	m.charge(unknownIdle, unknownFull, float64(m.Threads*m.PerThread))
	return m
}

// socketThreads returns the hardware threads of one socket of a model, 0 if a
// virtual machine can't tell its part of the socket.
func (m *Model) socketThreads(chip *sku, arch microarch, c proc.CPU) int {
	switch {
	case chip.threads > 0:
	case chip.cores > 0 && arch.smt():
		chip.threads = 2 * chip.cores
	case chip.cores > 0:
		chip.threads = chip.cores
	case !c.Virtual: // a bare machine shows its whole self
		chip.threads = max(1, m.Threads/m.Sockets)
	}
	return chip.threads
}

// bySKU models a CPU whose TDP is known.
func (m *Model) bySKU(c proc.CPU, name string, chip sku, arch microarch, known bool) {
	m.How, m.Name, m.SKU = BySKU, plain(c.Brand), plain(c.Brand)
	m.TDP, m.SKUThreads = energy.Watts(chip.tdp), chip.threads
	kind := mono
	if known {
		kind = arch.class
	}
	if k, ok := classOf(name); ok && !(kind == client && k == epyc) { // EPYC 4004 and 4005 are Ryzen dies
		kind = k
	}
	m.shape(c, chip.cores > 0 && chip.threads > chip.cores || known && arch.smt())
	threads := float64(m.Threads * m.PerThread)
	if whole := float64(chip.threads * m.Sockets); !c.Virtual {
		if threads < whole {
			m.note("cpu-part", "%d of the %d threads of this machine's CPUs are seen: their part of the power is counted", m.Threads, chip.threads*m.Sockets)
		}
		threads = min(threads, whole)
	}
	idle, full := perThread(kind, chip.tdp, chip.threads)
	m.charge(idle, full, threads)
	switch measured := arch.most > 0 && key(arch.sku) == name; {
	case c.Virtual, kind == client, !known, arch.band >= bandWide, threads < float64(chip.threads*m.Sockets):
		m.Band = bandWide
	case measured:
		m.Band = bandClock
	default:
		m.Band = bandServer
	}
}

// byMicroarch models a CPU of which only family and model are known.
func (m *Model) byMicroarch(c proc.CPU, arch microarch) {
	m.How, m.Name, m.SKU = ByMicroarchitecture, maker(arch.vendor)+arch.name, arch.sku
	m.TDP, m.SKUThreads, m.Band = energy.Watts(arch.tdp), arch.threads, bandWide
	idle, full := arch.idle, arch.most
	if full == 0 {
		idle, full = perThread(arch.class, arch.tdp, arch.threads)
	}
	m.shape(c, arch.smt())
	m.charge(idle, full, float64(m.Threads*m.PerThread))
	m.note("cpu-generic", "the CPU does not give its model: the figures of the %s stand in for it", arch.sku)
}

// shape decides how the threads that are seen relate to those of the hardware.
// smt: its cores can run two.
func (m *Model) shape(c proc.CPU, smt bool) {
	smt = smt || c.SMT()
	alone := smt && c.Cores > 0 && !c.SMT() // no siblings to be seen
	switch {
	case c.Virtual && alone && wholeCore(c):
		m.PerThread, m.Exponent = 2, plainExponent
		m.note("vcpu-core", "each vCPU of %s is a whole core: it counts as two threads", c.Product)
	case c.Virtual && alone:
		// Most hypervisors show threads as cores. It is a sign, not a proof.
		m.note("vcpu-thread", "each vCPU is counted as one of two threads of a core: if it has the core to itself, it uses up to twice that")
	case alone: // switched off: the core's whole power is behind the one thread
		m.PerThread, m.Exponent = 2, plainExponent
	case !smt:
		m.Exponent = plainExponent
	}
	if c.Virtual {
		m.note("vcpu-share", "a virtual machine is charged its vCPUs' part of the host, idle power included, as if its neighbours were as busy")
	}
}

// charge sets the power from that of one thread.
func (m *Model) charge(idle, full, threads float64) {
	m.Idle, m.Max = energy.Watts(idle*threads), energy.Watts(full*threads)
}

func (m *Model) note(code, format string, args ...any) {
	m.Notes = append(m.Notes, Note{Code: code, Text: fmt.Sprintf(format, args...)})
}

// withClock narrows the band of a bare machine whose clock is read, and tells
// of one whose clock is not.
func (m *Model) withClock(base float64) {
	m.Clock, m.BaseMHz = base > 0, base
	switch {
	case m.Clock && m.Band == bandServer:
		m.Band = bandClock
	case !m.Clock && !m.Virtual:
		m.note("cpu-clock", "the clock of the CPU can't be read: at part load, a machine that saves power uses less than this")
	}
}

// setMemory adds the memory of a machine: total is what its kernel has.
func (m *Model) setMemory(c proc.CPU, total uint64) {
	kind := ""
	if arch, ok := find(microarchs, c); ok && m.How != Unknown {
		kind = arch.memory
	} else if cl, ok := classOf(key(c.Brand)); ok && cl == client {
		kind = "udimm"
	}
	if strings.HasPrefix(c.Brand, "Apple M") {
		kind = "lpddr"
	}
	m.MemoryGiB = float64(total) / (1 << 30)
	if !m.Virtual {
		m.MemoryGiB = plugged(m.MemoryGiB)
	}
	idle, busy := memoryPart(kind)
	m.MemoryIdle, m.MemoryMax = energy.Watts(m.MemoryGiB*idle), energy.Watts(m.MemoryGiB*(idle+busy))
}

// plugged rounds what the kernel has up to what is plugged in: modules come in
// steps, and firmware and kernel keep a few per cent for themselves.
func plugged(gib float64) float64 {
	step := 32.0
	switch {
	case gib <= 8:
		step = 1
	case gib <= 64:
		step = 4
	case gib <= 256:
		step = 16
	}
	return math.Ceil(gib/step) * step
}

// untrue reports a CPU that the hypervisor made up: QEMU's and KVM's default
// models, which show family 15 model 6 whatever the host is.
func untrue(c proc.CPU) bool {
	return strings.Contains(c.Brand, "QEMU Virtual CPU") || strings.Contains(c.Brand, "Common KVM") ||
		strings.Contains(c.Brand, "Common 32-bit KVM") ||
		c.Virtual && c.Vendor == "GenuineIntel" && c.Family == 15 && c.Model == 6
}

// wholeCore reports the kinds of virtual machine whose vCPU is known to be a
// core of a CPU that has SMT: Amazon's seventh and eighth AMD generation (EC2
// instance type pages, 2023 and 2025: "each vCPU is a physical core").
func wholeCore(c proc.CPU) bool {
	if c.Maker != "Amazon EC2" {
		return false
	}
	family, _, _ := strings.Cut(c.Product, ".")
	family, _, _ = strings.Cut(family, "-")
	switch family {
	case "m7a", "c7a", "r7a", "hpc7a", "m8a", "c8a", "r8a", "hpc8a", "x8aedz":
		return true
	}
	return false
}

func maker(vendor string) string {
	switch vendor {
	case "GenuineIntel":
		return "Intel "
	case "AuthenticAMD":
		return "AMD "
	}
	return ""
}
