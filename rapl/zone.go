package rapl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Where the kernel shows powercap zones. The class directory holds one link a
// zone, those below other zones too, into the device tree, where they are
// nested (Documentation/power/powercap/powercap.rst). Either may be the only
// one that a container sees.
const (
	classDir  = "sys/class/powercap"
	deviceDir = "sys/devices/virtual/powercap"
)

// Status says what became of a zone.
type Status string

// What becomes of a zone. The first three are read.
const (
	Counted    Status = "counted"     // totals add it
	Inside     Status = "inside"      // read, and already part of a package
	CrossCheck Status = "cross-check" // read, and never added: psys
	Dead       Status = "dead"        // answers, and does not move although it must; only Watch can tell
	Twin       Status = "twin"        // the same counter is read by way of Of
	Mirrored   Status = "mirrored"    // claims to be another die, and shows the counter of Of
	PerCore    Status = "per-core"    // AMD: one core's counter under the name of all
	Orphan     Status = "orphan"      // part of a package that is not read
	Refused    Status = "refused"     // we may not read its counter
	Masked     Status = "masked"      // its link leads nowhere, as a container runtime leaves it
	Garbage    Status = "garbage"     // its counter does not show a number
	Failed     Status = "failed"      // its counter could not be read for another reason
	Unknown    Status = "unknown"     // a name that says nothing to us, or no counter at all
)

// A Zone is one counter directory of the powercap tree, or one perf event, and
// what became of it.
type Zone struct {
	// Path is the directory, or the event's file, from the root, without a
	// leading slash.
	Path string
	// Name is what the zone calls itself: "package-0", "dram"; "" if not
	// readable. An event's names the CPU that it is read on: "energy-pkg, cpu 8".
	Name string
	// Component is what a reading of it is called, or would be; zero if Unknown
	// or Masked.
	Component energy.Component
	Status    Status
	// Of is the Path of the zone that is read instead of a Twin or a Mirrored
	// one, or "".
	Of string
	// Err says why the counter is not read, nil if it is or is not wanted.
	Err error

	zone
}

// zone is what we know of a route to a counter.
type zone struct {
	key
	control string // the control type: "intel-rapl"
	at      string // that and numbers: "intel-rapl:0:1"
	event   event  // of perfControl
}

// ErrMasked says that the zones are listed and their directories are hidden, as
// container runtimes do to keep the counters from leaking secrets of other
// tenants (GHSA-jq35-85cj-fj4p).
var ErrMasked = errors.New("masked by a container runtime")

// Inspect lists all zones and events below root and what [Open] makes of each,
// ordered by component and then by path. The error is the one that Open would
// return; the list is whole even so.
func Inspect(root fs.FS) ([]Zone, error) {
	m, zones, err := open(root, host(root))
	if m != nil {
		err = errors.Join(err, m.Close())
	}
	return zones, err
}

// Watch does as Inspect, and then watches the counters for so long, or until ctx
// ends: those that must move and do not are Dead. 50 ms is enough for all but a
// psys that counts in whole joules.
func Watch(ctx context.Context, root fs.FS, d time.Duration) ([]Zone, error) {
	return watch(ctx, root, host(root), d)
}

func watch(ctx context.Context, root fs.FS, s system, d time.Duration) ([]Zone, error) {
	m, zones, err := open(root, s)
	if m == nil {
		return zones, err
	}
	_, _ = m.Read(ctx, nil) // what fails now was readable a moment ago
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return zones, errors.Join(err, ctx.Err(), m.Close())
	}
	list, _ := m.Read(ctx, nil)
	for _, r := range list {
		for i := range zones {
			z := &zones[i]
			if read := z.Status == Counted || z.Status == Inside || z.Status == CrossCheck; read && z.Component == r.Component && r.State == energy.Dead {
				z.Status = Dead
			}
		}
	}
	return zones, errors.Join(err, m.Close())
}

// find lists the zones of a root, each once.
func find(root fs.FS) ([]Zone, error) {
	f := finder{root: root, seen: map[string]bool{}}
	errClass := f.list(classDir, "")
	errDevice := f.list(deviceDir, "")
	for _, z := range f.masked {
		if !f.seen[z.at] {
			f.zones = append(f.zones, z)
		}
	}
	if len(f.zones) > 0 {
		return f.zones, nil
	}
	for _, err := range []error{errClass, errDevice} {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("rapl: %w", err)
		}
	}
	if errClass != nil && errDevice != nil {
		return nil, fmt.Errorf("rapl: %s: %w: the kernel offers no powercap tree", classDir, energy.ErrUnavailable)
	}
	return nil, fmt.Errorf("rapl: %s: %w: no zones in it", classDir, energy.ErrUnavailable)
}

// finder walks both trees.
type finder struct {
	root   fs.FS
	seen   map[string]bool // zones that are there, by their directory's name
	zones  []Zone
	masked []Zone
}

// list adds the zones of a directory and of those in it. prefix is what a
// zone's name begins with there, "" in the two directories at the top.
func (f *finder) list(dir, prefix string) error {
	entries, err := fs.ReadDir(f.root, dir)
	var below []string
	for _, e := range entries {
		name := e.Name()
		zone := strings.Contains(name, ":")
		switch {
		case !strings.HasPrefix(name, prefix) || f.seen[name]:
		case !zone && prefix == "":
			below = append(below, name) // a control type: no zone, but zones may stand in it
		case zone && f.add(path.Join(dir, name), name):
			below = append(below, name)
		}
	}
	// First all that stands here, so that each zone has the shortest path.
	for _, name := range below {
		_ = f.list(path.Join(dir, name), name+":") // what can't be listed has no zones
	}
	return err
}

// add adds the zone of a directory and reports whether it is there.
func (f *finder) add(dir, name string) bool {
	control, _, _ := strings.Cut(name, ":")
	z := Zone{Path: dir, zone: zone{at: name, control: control}}
	if _, err := fs.Stat(f.root, dir); errors.Is(err, fs.ErrNotExist) {
		z.Status, z.Err = Masked, fmt.Errorf("%s: %w", dir, ErrMasked)
		f.masked = append(f.masked, z)
		return false
	}
	f.seen[name] = true
	f.zones = append(f.zones, z)
	return true
}

// survey finds the zones and tells what each covers.
func survey(root fs.FS) ([]Zone, error) {
	zones, err := find(root)
	names := map[string]string{}
	for i := range zones {
		z := &zones[i]
		if z.Status == Masked {
			continue
		}
		b, err := fs.ReadFile(root, path.Join(z.Path, "name"))
		if err != nil {
			z.Status, z.Err = statusOf(err), err
			continue
		}
		z.Name = strings.Trim(string(b), " \t\r\n")
		names[z.at] = z.Name
	}
	amd := isAMD(root)
	for i := range zones {
		z := &zones[i]
		if z.Status != "" {
			continue
		}
		above := z.at[:strings.LastIndexByte(z.at, ':')]
		z.key = keyOf(z.Name, names[above])
		z.Component = z.key.component()
		switch {
		case z.key.domain == unknown:
			z.Status = Unknown
		case z.key.domain == core && amd:
			z.Status = PerCore
		}
	}
	return zones, err
}

// order sorts zones by what they cover, and the routes to one counter by how much
// we like them.
func order(zones []Zone) {
	slices.SortStableFunc(zones, func(a, b Zone) int {
		if c := a.key.compare(b.key); c != 0 {
			return c
		}
		if c := preference(a.control) - preference(b.control); c != 0 {
			return c
		}
		if c := len(a.at) - len(b.at); c != 0 {
			return c // ":9" before ":a0"
		}
		return strings.Compare(a.at, b.at)
	})
}

// preference orders the routes to one counter. The machine-specific register has
// been there longest and is what all other tools read; the memory-mapped one
// may show fewer domains. perf is for where the zones can't be read.
func preference(control string) int {
	order := []string{"intel-rapl", "intel-rapl-tpmi", "intel-rapl-mmio"}
	if i := slices.Index(order, control); i >= 0 {
		return i
	}
	if control == perfControl {
		return len(order) + 1
	}
	return len(order)
}

// statusOf sorts the errors that keep a counter from being read.
func statusOf(err error) Status {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Refused
	case errors.Is(err, ErrNotNumber):
		return Garbage
	case errors.Is(err, ErrMasked):
		return Masked
	}
	return Failed
}

// statusRead returns the status of a zone that is read.
func statusRead(c energy.Component) Status {
	switch {
	case c.Kind == energy.Platform:
		return CrossCheck
	case c.Within != "":
		return Inside
	}
	return Counted
}
