package nvml

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
)

const (
	// useEvery is how often use is asked for where it is all that a GPU shows.
	useEvery = time.Second / 2
	// useWindow is how long the driver's figure is a mean of, at most (nvml.h: between
	// 1/6 and 1 s).
	useWindow = time.Second
)

var (
	errNoUse   = errors.New("its use is not told")
	errUse     = errors.New("the driver reports a use above 100 %")
	errMIG     = errors.New("not told of a GPU that is cut into MIG instances")
	errPart    = errors.New("a virtual GPU is a part of one, and how large a part is not told")
	errNoLimit = errors.New("no power limit known, which its power would be modelled from")
)

// A used is for how much of the latest time kernels ran on a GPU, and the power limit in
// force, 0 if not known.
type used struct {
	percent uint32
	limit   energy.Power
	at      time.Time
}

// A modelled finds the likely power of a GPU that does not show it.
type modelled struct {
	dev     *device
	limit   energy.Power // where the driver tells none that is in force
	highest energy.Power
	name    string
	hidden  bool // it was busy, and nobody was on it
}

// model takes the use of a GPU, times its power limit.
func (g *gpu) model(d *device, base energy.Component, dev *Device) error {
	if d.use == nil {
		return errNoUse
	}
	m := &modelled{dev: d, limit: d.limit, highest: dev.Limit, name: d.name}
	if m.limit <= 0 || m.limit > implausibleLimit {
		m.limit = usualLimit(d.name)
	}
	u, err := d.use()
	switch {
	case err != nil:
	case d.mig:
		err = errMIG
	case d.part || partial(d.name):
		err = errPart
	case m.inForce(u) <= 0:
		err = errNoLimit
	}
	if err != nil {
		dev.lacks("use", err)
		return err
	}
	base.Basis, base.Scope = energy.Modelled, "gpu"
	base.BandLow, base.BandHigh = estimate.GPULow, estimate.GPUHigh
	base.Name += ", power limit × use"
	p := newPower(base, dev, useWindow, useWindow)
	p.r.MaxPower, p.ask = max(dev.Limit, m.inForce(u)), m.power
	g.series, g.every = append(g.series, p), useEvery
	dev.Way, dev.Resolution = LimitTimesUse, useWindow
	return nil
}

// inForce is the limit that holds now.
func (m *modelled) inForce(u used) energy.Power {
	limit := u.limit
	if limit <= 0 || limit > implausibleLimit {
		limit = m.limit
	}
	if m.highest > 0 {
		limit = min(limit, m.highest)
	}
	return limit
}

// power is the likely power now.
func (m *modelled) power() (milliwatts uint64, at time.Time, err error) {
	defer recovered(&err)
	u, err := m.dev.use()
	if err == nil && u.percent > 100 {
		err = errUse
	}
	if err != nil {
		return 0, u.at, err
	}
	_, likely, _ := estimate.GPUPower(m.inForce(u), float64(u.percent)/100, m.idle(u.percent > 0))
	return uint64(likely / energy.Milliwatt), u.at, nil
}

// idle is what it takes without a kernel. That it is nobody's is believed only of a driver
// that has not hidden who kept it busy.
func (m *modelled) idle(busy bool) float64 {
	empty := false
	if m.dev.processes != nil {
		pids, err := m.dev.processes(nil)
		empty = err == nil && len(pids) == 0
	}
	m.hidden = m.hidden || busy && empty
	return estimate.GPUIdlePart(m.name, busy || m.hidden || !empty)
}

var profile = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`-\d+(-\d+)?[ABCQ](ME)?$`) })

// partial reports whether a name is that of a vGPU profile, such as "GRID A100-10C" or "NVIDIA A16-2Q".
func partial(name string) bool { return profile().MatchString(name) }

// usualLimit is the power limit that a model has as it is sold, 0 if that is not known: of a
// laptop's GPU the laptop decides, and what is known of a superchip is the whole module's.
func usualLimit(name string) energy.Power {
	if superchip(name) || strings.Contains(name, "GB200") || strings.Contains(name, "Laptop") || strings.Contains(name, "Max-Q") || strings.Contains(name, "Mobile") {
		return 0
	}
	watts, _ := ofModel(boardPower, name)
	return energy.Watts(float64(watts))
}
