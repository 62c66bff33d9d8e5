package rapl

import (
	"io/fs"
	"path"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// A route leads to a counter: a zone or an event. Several may lead to one.
type route struct {
	zone
	path   string // what is read, for errors
	limits string // directory of a zone that has the power limits, or ""
	source source // nil if it is not open
	// offset is what to add to it, modulo the range, to go on from the route that
	// was read before: the same energy, counted from another origin. The two were
	// read within apart of each other.
	offset uint64
	apart  time.Duration
}

// A source is an open counter.
type source interface {
	read() (uint64, error) // in microjoules
	close() error
}

// open opens the route to a zone of root.
func (r *route) open(root fs.FS, z Zone, s system) error {
	r.zone = z.zone
	if z.control == perfControl {
		r.path, r.limits = z.Path, z.event.limits
		e, err := openEnergyEvent(z, s)
		if err == nil {
			r.source = e
		}
		return err
	}
	r.path, r.limits = path.Join(z.Path, "energy_uj"), z.Path
	f, err := openFile(root, r.path)
	if err == nil {
		r.source = f
	}
	return err
}

func (r *route) close() error {
	if r.source == nil {
		return nil
	}
	s := r.source
	r.source = nil
	return s.close()
}

// read returns what the counter shows, in the count of the first route.
func (r *route) read(modulus energy.Energy) (uint64, error) {
	raw, err := r.source.read()
	if err != nil || r.offset == 0 || modulus == 0 {
		return raw, err
	}
	return (raw%uint64(modulus) + r.offset) % uint64(modulus), nil
}

// attempts is how often a counter is read at most to know well when it was.
const attempts = 3

// observe reads the counter between two looks at the clock. A reader that lost the
// CPU between them does not know when the counter showed what it read, so it reads
// again: it has just been given the CPU. If that takes no less time the counter
// itself is slow.
func (r *route) observe(modulus energy.Energy) (observation, error) {
	best, err := r.observeOnce(modulus)
	for range attempts - 1 {
		took := best.at.Sub(best.before)
		if err != nil || took <= tick {
			break
		}
		o, failed := r.observeOnce(modulus)
		if failed != nil || o.at.Sub(o.before) > took/2 {
			break
		}
		best = o
	}
	return best, err
}

func (r *route) observeOnce(modulus energy.Energy) (o observation, err error) {
	o.before = time.Now()
	o.raw, err = r.read(modulus)
	o.at = time.Now()
	return o, err
}

// addFallback notes another route to the counter, for when the one in use fails.
// It must count in the same steps. Perf events are none: each has its own origin
// and would have to be kept open.
func (c *counter) addFallback(root fs.FS, z Zone) {
	if z.control == perfControl || c.routes[c.in].control == perfControl || c.wrap.Range == 0 {
		return
	}
	var r route
	if r.open(root, z, system{}) != nil {
		return
	}
	ok := c.compare(&r, z.Path)
	_ = r.close() // it was only read
	if ok {
		c.routes = append(c.routes, r)
	}
}

// compare finds out how far another route, which is open, is from the one in use:
// the best of a few tries, as in observe.
func (c *counter) compare(r *route, dir string) bool {
	m := uint64(c.wrap.Range)
	for i := range attempts {
		used, err := c.routes[c.in].observe(c.wrap.Range)
		if err != nil {
			return false
		}
		o, err := r.observe(0)
		if err != nil {
			return false
		}
		if i == 0 {
			if other, _ := modulus(c.root, dir, o.raw); other != c.wrap.Range {
				return false
			}
		}
		if apart := o.at.Sub(used.before); i == 0 || apart < r.apart {
			r.offset, r.apart = (used.raw%m+m-o.raw%m)%m, apart
		}
		if r.apart <= tick {
			break
		}
	}
	return true
}

// rebaseFallbacks finds the distance of the fallbacks anew: after a reset it is
// another one. One that can't be read now is given up.
func (c *counter) rebaseFallbacks() {
	if len(c.routes) == 1 {
		return
	}
	used := c.routes[c.in]
	others := c.routes
	c.routes, c.in = append([]route(nil), used), 0
	if c.wrap.Range == 0 {
		return
	}
	for _, r := range others {
		if r.path == used.path {
			continue
		}
		f, err := openFile(c.root, r.path)
		if err != nil {
			continue
		}
		r.source, r.offset = f, 0
		ok := c.compare(&r, r.limits)
		_ = r.close() // it was only read
		if ok {
			c.routes = append(c.routes, r)
		}
	}
}
