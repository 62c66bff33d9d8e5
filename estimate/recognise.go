package estimate

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// recognise finds the formula for a CPU, with the band for a machine whose
// clock is not read. l are the limits of one package, zero where not known.
func recognise(c proc.CPU, l limits) Model { return modelOf(c, l, 0) }

// modelOf is recognise with the TDP of a socket in W that goes before that of the
// tables, 0 if there is none.
func modelOf(c proc.CPU, l limits, tdp float64) Model {
	arch, known := find(microarchs, c)
	m := Model{
		Brand: c.Brand, How: Unknown, Name: "unknown CPU",
		Sockets: c.Sockets(), Threads: max(1, c.Threads), PerThread: 1, Virtual: c.Virtual,
		Exponent: smtExponent, Band: bandUnknown,
	}
	if c.Virtual {
		m.Sockets = 1 // how a guest's CPUs are spread over sockets is made up
	}
	if b, ok := boardOf(c); ok {
		m.byBoard(c, b)
		return m
	}
	name := key(c.Brand)
	chip, named := lookup(cpus, name)
	switch {
	case tdp > 0 && !named:
		chip, named, m.How = sku{tdp: tdp, cores: c.Cores, threads: c.Siblings}, true, ByTDP
	case tdp > 0 && chip.turbo > 0 && tdp > nearTDP*chip.tdp && tdp*nearTDP > chip.turbo:
		// The published limit, which lists give as a TDP too.
	case tdp > 0:
		if tdp > nearTDP*chip.tdp || tdp*nearTDP < chip.tdp {
			m.How = ByTDP
		}
		chip.tdp = tdp
	case !named && !c.Virtual && l.tdp > 0:
		chip, named, m.How = sku{tdp: l.tdp, cores: c.Cores, threads: c.Siblings}, true, ByRegister
	}
	switch {
	case untrue(c):
		known = false
		m.note("cpu-untrue", "the hypervisor gives a CPU that does not exist (%s): a default of %.1f to %.1f W a thread is used",
			strings.TrimSpace(c.Brand), unknownIdle, unknownFull)
	case named && m.socketThreads(&chip, arch, c) > 0:
		m.bySKU(c, name, chip, arch, known, l)
		return m
	case known && (arch.tdp > 0 || arch.most > 0):
		m.byMicroarch(c, arch, l)
		return m
	case m.byClass(c, name, l):
		return m
	default:
		m.note("cpu-unknown", "this CPU is in no table: a default of %.1f to %.1f W a thread is used", unknownIdle, unknownFull)
	}
	if known {
		m.Name = maker(arch.vendor) + arch.name
		m.Notes[len(m.Notes)-1].Text = fmt.Sprintf("no published power of %s: a default of %.1f to %.1f W a thread is used", m.Name, unknownIdle, unknownFull)
	}
	m.shape(c, known && arch.smt() || !known && c.Implementer == 0 && c.Virtual)
	threads := m.Threads * m.PerThread
	if cores := c.Cores * c.Sockets(); !c.Virtual && cores > 0 { // four or eight threads a core share what two draw
		threads = min(threads, 2*cores)
	}
	m.charge(unknownIdle, unknownFull, float64(threads))
	m.IdleBand = m.Band
	return m
}

// nearTDP is how far a TDP may be from that of the table and still be that of the model:
// makers let it be set by about as much.
const nearTDP = 1.25

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

// byBoard models a small computer that was measured as a whole.
func (m *Model) byBoard(c proc.CPU, b board) {
	m.How, m.Name, m.SKU = BySKU, b.product, b.product
	m.Exponent, m.WholeBoard, m.Band = plainExponent, true, cmp.Or(b.band, bandBoard)
	m.IdleBand = m.Band
	m.charge(b.idle, b.full, 1)
	m.note("whole-board", "%s", boardNote(b.product))
}

// byClass models a desktop's or laptop's CPU that no table has but whose name tells what
// it is made for. A virtual machine has a part of it that is not known.
func (m *Model) byClass(c proc.CPU, name string, l limits) bool {
	kind, ok := classOf(name)
	if !ok || kind != client || c.Virtual {
		return false
	}
	chip := usual(name, formOf(name, sku{}))
	l = l.of(chip)
	idle, full, _ := clientPower(name, chip, l, fitted())
	m.How, m.Name, m.TDP = ByClass, plain(c.Brand), energy.Watts(chip.tdp)
	m.shape(c, false)
	m.charge(idle, full, 1)
	m.useLimits(l)
	m.IdleBand = m.Band
	m.note("cpu-unknown", "this CPU is in no table: that of a %s of %.0f W stands in", chip.form, chip.tdp)
	return true
}

// bySKU models a CPU whose TDP is known.
func (m *Model) bySKU(c proc.CPU, name string, chip sku, arch microarch, known bool, l limits) {
	if m.How == Unknown {
		m.How, m.SKU = BySKU, plain(c.Brand)
	}
	if m.Name = plain(c.Brand); m.Name == "" {
		m.Name = fmt.Sprintf("CPU of %.4g W", chip.tdp)
	}
	m.TDP, m.SKUThreads = energy.Watts(chip.tdp), chip.threads
	kind := mono
	if known {
		kind = arch.class
	}
	k, classed := classOf(name)
	if classed && !(kind == client && k == epyc) { // EPYC 4004 and 4005 are Ryzen dies
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
	if c.Virtual {
		l = limits{}
	}
	part := threads / float64(chip.threads)
	measured := arch.most > 0 && key(arch.sku) == name
	idle, full := 0.0, 0.0
	switch {
	case kind == client:
		l = l.of(chip)
		idle, full, m.Band = clientPower(name, chip, l, fitted())
		if m.How == ByTDP {
			m.Band = max(m.Band, bandWide)
		}
		m.IdleBand = max(m.Band, bandIdle)
		if chip.form == apple {
			m.TDP = 0 // Apple publishes none
		}
		m.useLimits(l)
	default:
		at := chip.tdp
		if !known && !classed { // may be of any kind
			at = max(at, leastFitted)
		}
		idle, full = serverPower(kind, chip, at, l)
		m.Band = bandServer
		if measured {
			m.Band = bandClock
		}
		newest := arch.band >= bandWide || !known && unmeasured(name)
		if newest || !known && !classed || chip.form == cloud || chip.form == workstation || m.How == ByRegister || m.How == ByTDP {
			m.Band = bandWide
		}
	}
	if chip.form == cloud {
		m.note("cpu-sibling", "no published TDP for the %s: using that of its nearest public model", m.Name)
	}
	m.charge(idle, full, part)
	if c.Virtual || threads < float64(chip.threads*m.Sockets) {
		m.Band = max(m.Band, bandWide)
	}
	m.IdleBand = max(m.IdleBand, m.Band)
}

// unmeasured reports the servers of the newest generations by name, of which no
// reading is at hand: Xeon 6 and EPYC 9005.
func unmeasured(name string) bool {
	family, model, _ := strings.Cut(name, " ")
	return family == "xeon" && len(model) >= 5 && model[0] == '6' || family == "epyc" && len(model) >= 4 && model[0] == '9' && model[3] == '5'
}

// serverPower returns the power of one socket at no and at full load: by the formula
// for its class, but no more than it is held to. The formula's fractions of the TDP are
// those at a TDP of at.
func serverPower(kind class, chip sku, at float64, l limits) (idle, full float64) {
	idle, full = perThread(kind, at, 1)
	idle, full = idle*chip.tdp/at, full*chip.tdp/at
	full = min(full, max(chip.tdp, chip.turbo), max(l.enforced(), idle)) // nothing is held below idle
	return min(idle, full/2), full
}

// useLimits tells what the limits of the firmware have done.
func (m *Model) useLimits(l limits) {
	switch {
	case l.lifted():
		m.note("limits-lifted", "the firmware sets no power limit: full load may draw far more than the TDP")
	case l.known:
		m.Limit = energy.Watts(l.long)
		m.note("limits-read", "full load follows the power limit that the firmware has set, %.4g W", l.long)
	}
}

// byMicroarch models a CPU of which only family and model are known.
func (m *Model) byMicroarch(c proc.CPU, arch microarch, l limits) {
	m.How, m.Name, m.SKU = ByMicroarchitecture, maker(arch.vendor)+arch.name, arch.sku
	m.TDP, m.SKUThreads, m.Band = energy.Watts(arch.tdp), arch.threads, bandWide
	chip := sku{tdp: arch.tdp, cores: arch.cores, threads: arch.threads}
	name := key(arch.sku)
	if s, ok := lookup(cpus, name); ok {
		chip.form, chip.turbo, chip.ecores = s.form, s.turbo, s.ecores
	}
	if c.Virtual {
		l = limits{}
	}
	idle, full := arch.idle*float64(arch.threads), arch.most*float64(arch.threads)
	m.shape(c, arch.smt())
	part := float64(m.Threads*m.PerThread) / float64(arch.threads)
	switch {
	case full > 0:
	case arch.class == client:
		l = l.of(chip)
		idle, full, m.Band = clientPower(name, chip, l, fitted())
		if l.known { // its own, whatever stands in
			part = float64(m.Sockets)
		}
		m.useLimits(l)
		m.Band = max(m.Band, bandWide)
	default:
		idle, full = serverPower(arch.class, chip, chip.tdp, limits{})
	}
	m.charge(idle, full, part)
	m.IdleBand = m.Band
	if arch.memory == wholeBoard {
		m.WholeBoard = true
		m.note("whole-board", "%s", boardNote("as a "+arch.sku))
	}
	if modelled(key(c.Brand)) {
		m.note("cpu-generic", noFigures, plain(c.Brand), arch.sku)
	} else {
		m.note("cpu-generic", "the CPU does not give its model: using the figures of the %s", arch.sku)
	}
}

const noFigures = "no TDP and threads known for the %s: using the figures of the %s"

// modelled reports a key with a model number in it: "xeon platinum 8488c", not "xeon"
// nor "epyc milan v2".
func modelled(key string) bool {
	for w := range strings.FieldsSeq(key) {
		digits := 0
		for _, r := range w {
			if r >= '0' && r <= '9' {
				digits++
			}
		}
		if digits >= 2 {
			return true
		}
	}
	return false
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

// charge sets the power from that of one socket or thread, and how many are charged.
func (m *Model) charge(idle, full, times float64) {
	m.Idle, m.Max = energy.Watts(idle*times), energy.Watts(full*times)
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
	if m.WholeBoard {
		return
	}
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
// instance type pages, 2023 and 2025: "each vCPU is a physical core") and Google's Tau
// T2D (Compute Engine machine families, 2026), of which no firmware tells.
func wholeCore(c proc.CPU) bool {
	if c.Maker == "Google" {
		return strings.HasPrefix(c.Product, "t2d-")
	}
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
