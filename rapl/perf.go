package rapl

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/bits"
	"path"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
)

// The perf events of the "power" PMU show the same counters as the zones, to
// whoever has CAP_PERFMON (Linux, arch/x86/events/rapl.c). Their files are in
// sysfs; the count itself comes from a system call.
const (
	pmuDir = "sys/bus/event_source/devices/power"
	// perfControl stands for perf where a zone names its control type.
	perfControl = "perf"
)

// An event counts in steps of 2^-32 J, in 64 bits. The kernel adds up
// differences of a 32-bit register and takes them as signed, looking itself only
// as often as 200 W need: a difference of more than half the register, unread,
// counts backwards. But it is always right modulo the register's 2^32 units. The
// smallest unit is 2^-16 J, and all others are multiples of it; so 2^16 J is a
// modulus for every event, and the count within it is right whatever the power,
// as long as it is read once in that many joules.
const (
	perfRange = shortestRange
	perfBits  = 16 + 32 // of the count, within perfRange
)

// event is what is known of a perf event before it is open.
type event struct {
	kind   uint32
	config uint64
	cpu    int
	unit   energy.Energy
	limits string // directory of a zone that covers the same, for its power limits
}

// joulesPerCount is the only scale that the kernel gives: 2^-32.
const joulesPerCount = 1.0 / (1 << 32)

var perfDomains = []struct {
	name   string
	domain domain
}{
	{"energy-pkg", pkg}, {"energy-cores", core}, {"energy-gpu", uncore}, {"energy-ram", dram}, {"energy-psys", psys},
}

var errNoPMU = fmt.Errorf("%s: %w: no such PMU", pmuDir, energy.ErrUnavailable)

// pmu lists the perf events of a root as zones.
func pmu(root fs.FS, s system) ([]Zone, error) {
	kind, err := number(root, pmuDir+"/type")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errNoPMU
	case err != nil:
		return nil, err
	case kind > math.MaxUint32:
		return nil, &fs.PathError{Op: "read", Path: pmuDir + "/type", Err: ErrNotNumber}
	case s.open == nil:
		return nil, fmt.Errorf("%s: %w: not of the kernel that runs here", pmuDir, energy.ErrUnavailable)
	}
	amd := isAMD(root)
	cpus, err := places(root, amd)
	if err != nil {
		return nil, err
	}
	var zones []Zone
	for _, d := range perfDomains {
		file := pmuDir + "/events/" + d.name
		if _, err := fs.Stat(root, file); err != nil {
			continue
		}
		config, err := eventConfig(root, file)
		for _, p := range cpus {
			k := p.key
			k.domain = d.domain
			e := event{kind: uint32(kind), config: config, cpu: p.cpu, unit: usualUnit}
			if d.domain == psys {
				k, e.unit = key{0, -1, psys}, energy.Joule
			}
			z := Zone{
				Path: file, Name: d.name + ", cpu " + strconv.Itoa(p.cpu), Component: k.component(), Err: err,
				zone: zone{key: k, control: perfControl, at: "perf:" + strconv.Itoa(p.cpu), event: e},
			}
			switch {
			case err != nil:
				z.Status = statusOf(err)
			case amd && d.domain == core:
				z.Status = PerCore
			}
			zones = append(zones, z)
			if d.domain == psys {
				break // one for the machine
			}
		}
	}
	return zones, nil
}

// eventConfig reads which event a file stands for, and checks that it counts in
// the steps that we know.
func eventConfig(root fs.FS, file string) (uint64, error) {
	b, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, err
	}
	config, ok := parseEvent(string(b))
	if !ok {
		return 0, &fs.PathError{Op: "read", Path: file, Err: ErrNotNumber}
	}
	for _, f := range []struct{ name, want string }{{file + ".unit", "Joules"}, {file + ".scale", ""}} {
		b, err := fs.ReadFile(root, f.name)
		if err != nil {
			return 0, err
		}
		text := strings.TrimSpace(string(b))
		if scale, err := strconv.ParseFloat(text, 64); text != f.want && (f.want != "" || err != nil || scale != joulesPerCount) {
			return 0, fmt.Errorf("read %s: %.40q: a step that is not 2^-32 J", f.name, text)
		}
	}
	return config, nil
}

// parseEvent reads the terms of an event, of which we know one: "event=0x02",
// the low 8 bits of config.
func parseEvent(s string) (uint64, bool) {
	digits, ok := strings.CutPrefix(strings.TrimSpace(s), "event=")
	if !ok || strings.ContainsAny(digits, "_+-") {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 0, 8)
	return n, err == nil
}

// place is a CPU that the events are read on, and what they cover there.
type place struct {
	cpu int
	key key
}

// places reads which CPUs the events are read on: one a package, or one a die
// where the kernel believes that each has counters of its own. On AMD that is an
// error of some kernels (see merge): there the counters are the package's.
func places(root fs.FS, amd bool) ([]place, error) {
	b, err := fs.ReadFile(root, pmuDir+"/cpumask")
	if err != nil {
		return nil, err
	}
	cpus, ok := parseCPUs(string(b))
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: pmuDir + "/cpumask", Err: ErrNotNumber}
	}
	var list []place
	seen := map[int]bool{}
	split := false
	for _, cpu := range cpus {
		dir := "sys/devices/system/cpu/cpu" + strconv.Itoa(cpu) + "/topology"
		n, err := number(root, path.Join(dir, "physical_package_id"))
		if err != nil {
			return nil, err
		}
		die, err := number(root, path.Join(dir, "die_id")) // since Linux 5.2
		if err != nil {
			die = 0
		}
		if n > math.MaxInt32 || die > math.MaxInt32 {
			return nil, &fs.PathError{Op: "read", Path: dir, Err: ErrNotNumber}
		}
		if amd && seen[int(n)] {
			continue
		}
		split = split || seen[int(n)]
		seen[int(n)] = true
		list = append(list, place{cpu, key{pkg: int(n), die: int(die)}})
	}
	if !split {
		for i := range list {
			list[i].key.die = -1
		}
	}
	return list, nil
}

// maxCPUs bounds a list of CPUs. Linux itself goes up to 8192.
const maxCPUs = 1 << 16

// parseCPUs reads a list of CPUs as the kernel prints it: "0,8" or "0-3,64".
func parseCPUs(s string) ([]int, bool) {
	var cpus []int
	for part := range strings.SplitSeq(strings.TrimSpace(s), ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, ok := index(from)
		b := a
		if isRange && ok {
			b, ok = index(to)
		}
		if !ok || b < a || b >= maxCPUs || len(cpus) > 0 && a <= cpus[len(cpus)-1] {
			return nil, false
		}
		for ; a <= b; a++ {
			cpus = append(cpus, a)
		}
	}
	return cpus, true
}

// energyEvent is an open event.
type energyEvent struct {
	file eventFile
	path string
}

func openEnergyEvent(z Zone, s system) (source, error) {
	f, err := s.open(z.event.kind, z.event.config, z.event.cpu)
	if err != nil {
		return nil, fmt.Errorf("open %s on cpu %d: %w", z.Path, z.event.cpu, err)
	}
	return &energyEvent{f, z.Path}, nil
}

func (e *energyEvent) read() (uint64, error) {
	count, err := e.file.Count()
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: e.path, Err: err}
	}
	return microjoules(count), nil
}

func (e *energyEvent) close() error { return e.file.Close() }

// microjoules turns a count into microjoules within perfRange, rounded down.
func microjoules(count uint64) uint64 {
	hi, lo := bits.Mul64(count&(1<<perfBits-1), uint64(energy.Joule))
	return hi<<32 | lo>>32
}
