package estimate

import (
	"math"

	"github.com/carbonctl/carbonctl/energy"
)

// How says by what a CPU was recognised.
type How string

// The ways to recognise a CPU, best first.
const (
	BySKU               How = "sku"               // its name has a model number with a known TDP
	ByRegister          How = "register"          // its own register tells its TDP
	ByTDP               How = "tdp"               // in no table, or with another TDP, and that was given
	ByMicroarchitecture How = "microarchitecture" // family and model only: a typical model stands in
	ByClass             How = "class"             // in no table: the usual one of its kind stands in
	Unknown             How = "unknown"           // neither: a common default
)

// Model is what the estimator knows of a machine and the formula that it made
// of it. It holds everything that decides a figure, for people to check.
type Model struct {
	Brand string // as the CPU gives it, "" if it does not
	Name  string // as it was recognised
	How   How
	SKU   string // the model whose TDP is used, "" if none
	// TDP is that of one socket of the SKU, and SKUThreads its hardware threads;
	// 0 if not known.
	TDP        energy.Power
	SKUThreads int
	Sockets    int // that are modelled: 1 in a virtual machine
	Threads    int // logical CPUs that the machine sees
	// PerThread is how many hardware threads of the SKU one of them stands for:
	// 2 where it has a core to itself, else 1.
	PerThread int
	// SmallThreads are those of them that are efficiency cores of a hybrid machine whose
	// time is read apart, 0 if none.
	SmallThreads int
	Virtual      bool

	// Idle and Max are the power of all sockets at no load and at full load and
	// base clock; a virtual machine's part of them. Exponent bends the curve
	// between: see Power.
	Idle, Max energy.Power
	Exponent  float64
	// Clock reports whether the clock is read, and BaseMHz what it is compared
	// with, 0 if not.
	Clock   bool
	BaseMHz float64
	// Limit is the long-term power limit that the firmware holds a package to, 0 if
	// there is none or it is not known.
	Limit energy.Power
	// Band is the factor F of the 90 % band: the truth lies within [P/F, P×F]; IdleBand
	// is that at no load, at least as wide.
	Band, IdleBand float64
	// WholeBoard: Idle and Max are of all of a small computer, memory included.
	WholeBoard bool

	// MemoryGiB is what is taken to be plugged in, or the virtual machine's
	// part; MemoryIdle and MemoryMax its power at no and at full CPU load. All
	// are 0 if not known.
	MemoryGiB             float64
	MemoryIdle, MemoryMax energy.Power

	Notes []Note // what a reader of the figures must know
}

// Note is something to know about a Model. Code is stable.
type Note struct {
	Code, Text string
}

// Power returns the power of all sockets together, or of a virtual machine's
// part, at a busy fraction u of its threads from 0 to 1 and a clock of r times
// the base clock. r counts as 1 above that and where no clock is read, and as
// 0.3 below that. What is outside the range counts as its nearest end.
func (m *Model) Power(u, r float64) energy.Power {
	return energy.Watts(m.watts(u, r))
}

func (m *Model) watts(u, r float64) float64 {
	return m.part(curve(u, m.Exponent), r)
}

// curve is the part of the way from idle to full power at a busy fraction. A core is busy
// while one of its threads is: for two that are busy by chance and each for u, that is
// 1-(1-u)².
func curve(u, exponent float64) float64 {
	return 1 - math.Pow(1-clamp(u, 0, 1), exponent)
}

func (m *Model) part(at, r float64) float64 {
	idle, most := m.Idle.Watts(), m.Max.Watts()
	return idle + (most-idle)*at*m.ratio(r)
}

// hybridWatts is watts with the busy fractions of performance and efficiency cores apart.
func (m *Model) hybridWatts(large, small, r float64) float64 {
	w := m.largePart()
	return m.part(w*curve(large, m.Exponent)+(1-w)*curve(small, plainExponent), r)
}

// smallWeight is what an efficiency core draws of a performance core's power above idle:
// about a quarter, not measured.
const smallWeight = 0.25

// largePart is the part of the power above idle that is the performance cores'.
func (m *Model) largePart() float64 {
	large := float64(m.Threads - m.SmallThreads)
	if m.Exponent == smtExponent {
		large /= 2 // threads of a core
	}
	return large / (large + smallWeight*float64(m.SmallThreads))
}

// slope is the steepest part of the way that one second of one thread's time makes.
func (m *Model) slope() float64 {
	if m.SmallThreads == 0 {
		return m.Exponent / float64(m.Threads)
	}
	w := m.largePart()
	return max(w*m.Exponent/float64(m.Threads-m.SmallThreads), (1-w)*plainExponent/float64(m.SmallThreads))
}

// Range returns the power that [Model.Power] does, and the bounds of its 90 % band:
// that of no load for the idle part of it, and Band for the rest.
func (m *Model) Range(u, r float64) (low, expected, high energy.Power) {
	w := m.watts(u, r)
	idle := min(m.Idle.Watts(), w)
	low = energy.Watts(idle/m.IdleBand + (w-idle)/m.Band)
	return low, energy.Watts(w), energy.Watts(idle*m.IdleBand + (w-idle)*m.Band)
}

// The clock counts from 0.3 to 1 of base: below, no CPU was measured; above,
// TDP holds turbo already.
func (m *Model) ratio(r float64) float64 {
	if !m.Clock {
		return 1
	}
	return clamp(r, 0.3, 1)
}

// MemoryPower returns the power of all memory at a busy fraction u of the CPUs.
func (m *Model) MemoryPower(u float64) energy.Power {
	return energy.Watts(m.memoryWatts(u))
}

func (m *Model) memoryWatts(u float64) float64 {
	idle, most := m.MemoryIdle.Watts(), m.MemoryMax.Watts()
	return idle + (most-idle)*clamp(u, 0, 1)
}

// clamp also turns NaN into low.
func clamp(x, low, high float64) float64 {
	if !(x >= low) {
		return low
	}
	return min(x, high)
}

// The constants of the CPU curve: fractions of the TDP. Fitted in 2026 to RAPL
// package power, with each CPU model weighing the same, on 108 readings of 8
// hosts (testdata/cpu_load.csv: Teads turbostress reports, CC0-1.0, 2021;
// CodeCarbon CPU load profiling, MIT, 2025) and four hosts more that are not in
// the file. The bootstrap over CPU models spans 0.103..0.120 and 0.76..0.93.
const (
	idlePart = 0.11 // at no load
	fullPart = 0.87 // at full load
)

// These come from 229 servers of 2016 and later among the results of
// SPECpower_ssj2008 (SPEC, results to 2022): wall power at 100 % against TDP for
// the first two, idle power per TDP against Cascade Lake for the third.
const (
	tdpExponent = 0.26 // full power grows as TDP^1.26; 90 % interval 0.08..0.46
	epycFactor  = 0.82 // EPYC at full load against Intel; 0.73..0.89
	chipletIdle = 1.7  // several dies idle higher; 1.3..2.0
	tdpAnchor   = 150  // W: the TDP for which the exponent changes nothing
	leastFitted = 69   // W: the least TDP of the hosts; smaller parts draw no smaller fraction
)

// The default for a CPU that is not known, in W a hardware thread: about the
// middle of the servers since 2015 in data/microarch.csv.
const (
	unknownIdle = 0.5
	unknownFull = 3.5
)

// The exponents of the curve. 2 follows from two independent threads a core;
// the fit gave 1.72..2.37. 1.5 without SMT is assumed: between that and a line.
const (
	smtExponent   = 2
	plainExponent = 1.5
)

// perThread returns the power of one hardware thread of a server's socket with the
// TDP and threads given, at no and at full load, in W.
func perThread(c class, tdp float64, threads int) (idle, full float64) {
	g, i, p := math.Pow(tdp/tdpAnchor, tdpExponent), idlePart, fullPart
	switch c {
	case chiplet:
		i *= chipletIdle
	case epyc:
		i *= chipletIdle
		p *= epycFactor
	}
	w := tdp * g / float64(threads)
	return w * i, w * p
}

// The factors of the 90 % band. Left-out CPU models fell within 1.7 without and
// 1.6 with a clock in 97 % of rows; 55 rows of other hosts and workloads within
// 1.7 in 84 %, 2.0 in 91 % and 2.5 in 98 %. So 2.0 wherever the platform is not
// ours to see.
const (
	bandClock   = 1.6 // bare server, TDP known, clock read; or this very model was measured
	bandServer  = 1.7 // the same without a clock
	bandWide    = 2.0 // virtual machines, desktops, the newest, TDP only guessed
	bandUnknown = 2.5
)

// memory power in W per GiB at no load and what full CPU load adds: DDR4 and
// DDR5 RDIMM from the DRAM counters of eight AWS hosts (Teads, 2021, CC0-1.0,
// with turbostat's unit on Skylake-SP put right) and shunt readings of two
// DIMMs (RAPL validation, ICPE 2024). Desktop modules, DDR3 and LPDDR rest on
// single published readings, and are weak.
func memoryPart(kind string) (idle, busy float64) {
	switch kind {
	case wholeBoard: // in the CPU's figure
		return 0, 0
	case "udimm":
		return 0.10, 0.15
	case "ddr3":
		return 2 * 0.05, 2 * 0.06
	case "lpddr":
		return 0.04, 0
	}
	return 0.05, 0.06
}

// The 90 % band of memory: work that is bound by memory reaches 0.28 W per GiB.
const (
	memoryLow  = 1 / 2.2
	memoryHigh = 2.5
)
