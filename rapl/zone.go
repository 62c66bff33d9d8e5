package rapl

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

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
	Twin       Status = "twin"        // the same counter is read by way of the zone Of
	Refused    Status = "refused"     // we may not read its counter
	Masked     Status = "masked"      // its link leads nowhere, as a container runtime leaves it
	Garbage    Status = "garbage"     // its counter does not show a number
	Failed     Status = "failed"      // its counter could not be read for another reason
	Unknown    Status = "unknown"     // a name that says nothing to us, or no counter at all
)

// A Zone is one counter directory of the powercap tree, and what became of it.
type Zone struct {
	// Path is the directory, from the root, without a leading slash.
	Path string
	// Name is what the zone calls itself: "package-0", "dram"; "" if not readable.
	Name string
	// Component is what a reading of it would be called; zero if Unknown or Masked.
	Component energy.Component
	Status    Status
	// Of is the Path of the zone that is read instead of a Twin, or "".
	Of string
	// Err says why the counter is not read, nil if it is or is not wanted.
	Err error

	key key
	at  string // control type and numbers: "intel-rapl:0:1"
}

// ErrMasked says that the zones are listed and their directories are hidden, as
// container runtimes do to keep the counters from leaking secrets of other
// tenants (GHSA-jq35-85cj-fj4p).
var ErrMasked = errors.New("masked by a container runtime")

// Inspect lists all zones below root and what [Open] makes of each, ordered by
// component and then by path. The error is the one that Open would return; the
// list is whole even so.
func Inspect(root fs.FS) ([]Zone, error) {
	m, zones, err := open(root)
	if m != nil {
		err = errors.Join(err, m.Close())
	}
	return zones, err
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
	z := Zone{Path: dir, at: name}
	if _, err := fs.Stat(f.root, dir); errors.Is(err, fs.ErrNotExist) {
		z.Status, z.Err = Masked, fmt.Errorf("%s: %w", dir, ErrMasked)
		f.masked = append(f.masked, z)
		return false
	}
	f.seen[name] = true
	f.zones = append(f.zones, z)
	return true
}

// survey finds the zones and tells what each covers, best way to read it first.
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
	for i := range zones {
		z := &zones[i]
		if z.Status != "" {
			continue
		}
		above := z.at[:strings.LastIndexByte(z.at, ':')]
		z.key = keyOf(z.Name, names[above])
		if z.Component = z.key.component(); z.key.domain == unknown {
			z.Status = Unknown
		}
	}
	slices.SortFunc(zones, func(a, b Zone) int {
		if c := a.key.compare(b.key); c != 0 {
			return c
		}
		if c := preference(a.at) - preference(b.at); c != 0 {
			return c
		}
		if c := len(a.at) - len(b.at); c != 0 {
			return c // ":9" before ":a0"
		}
		return strings.Compare(a.at, b.at)
	})
	return zones, err
}

// preference orders the ways to one counter. The machine-specific register has
// been there longest and is what all other tools read; the memory-mapped one
// may show fewer domains.
func preference(at string) int {
	order := []string{"intel-rapl", "intel-rapl-tpmi", "intel-rapl-mmio"}
	if i := slices.Index(order, control(at)); i >= 0 {
		return i
	}
	return len(order)
}

// control returns the control type of a zone.
func control(at string) string {
	name, _, _ := strings.Cut(at, ":")
	return name
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
