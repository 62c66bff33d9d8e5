package nvml

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Way is how the energy of a GPU is found.
type Way string

// The ways, the best one first. All but the last are measured; only their resolution
// differs.
const (
	// EnergyCounter is the GPU's own counter, from Volta on.
	EnergyCounter Way = "energy counter"
	// PowerRecord is the driver's record of power, added up.
	PowerRecord Way = "power record"
	// PowerReadings are readings of power, taken ten times a second and added up.
	PowerReadings Way = "power readings"
	// LimitTimesUse is modelled, by the power limit and how much of the time the GPU runs
	// kernels, where the driver shows neither energy nor power.
	LimitTimesUse Way = "power limit × use"
)

// Device is what is known of one GPU.
type Device struct {
	// Index is its place in the driver's order. It may change from boot to boot.
	Index int
	// UUID names it for good; Name is its model, Driver the driver's version.
	UUID, Name, Driver string
	// Visible says that the work can see it, so that it is read.
	Visible bool
	// Components are what is read of it, with the counted one first.
	Components []energy.Component
	// Way is how, "" if it can't be read. Resolution is how often what is read
	// changes, at the slowest.
	Way        Way
	Resolution time.Duration
	// Limit is the highest power limit it can be given, 0 if not known; MaxPower
	// is what we hold possible.
	Limit, MaxPower energy.Power
	// Sensor is what is published of the sensor of its model, "" if nothing is.
	Sensor string
	// Missing says what the driver does not tell, and why; Notes what else to
	// know of the figures.
	Missing, Notes []string
	// Err is why it can't be read, nil if it can.
	Err error

	grave error // the driver's answer that says that asking is in vain
}

const (
	// defaultLimit is the power limit assumed of a GPU that is read where nothing
	// names one, twice the 1 kW of a B200 (NVIDIA DGX B200 data sheet, 2024).
	defaultLimit = 2 * energy.Kilowatt
	// implausibleLimit is above any power limit, so that the driver's answer is none.
	implausibleLimit = 10 * energy.Kilowatt
)

// limitPower finds the highest power limit, the driver's or else the model's, and
// says what is taken for want of it.
func (dev *Device) limitPower(d *device) (missing string) {
	dev.Limit = d.limit
	if dev.Limit <= 0 || dev.Limit > implausibleLimit {
		if dev.Limit = modelLimit(d.name); dev.Limit > 0 {
			missing = fmt.Sprintf("power limit: assuming %v W, that of its model", dev.Limit.Watts())
		}
	}
	limit := dev.Limit
	if limit == 0 {
		limit = defaultLimit
		missing = fmt.Sprintf("power limit: assuming %v W", limit.Watts())
	}
	dev.MaxPower = limit + limit/2
	return missing
}

// probe asks a GPU once for all that it might offer, and takes the best. It is
// nil if nothing can be read.
func probe(d *device, source string, dev *Device) (g *gpu) {
	defer func() {
		if dev.Err != nil {
			g = nil
		}
	}()
	defer recovered(&dev.Err)
	g = &gpu{
		ask: make(chan question, 1), dev: d,
		hangs: fmt.Errorf("GPU %s: %w (%v)", d.uuid, ErrSlow, readTimeout),
	}
	base := energy.Component{
		Kind: energy.GPU, ID: d.uuid, Basis: energy.Measured, Name: d.name,
		Source: source, Scope: "gpu", BandLow: 1, BandHigh: 1,
	}
	if superchip(d.name) {
		base.Scope = "module"
	}
	if !g.counters(d, base, dev) && !g.record(d, base, dev) && !g.readPower(d, base, dev) {
		err := g.model(d, base, dev)
		if err != nil && dev.grave != nil {
			dev.Err = dev.grave
			return nil
		}
		if err != nil { // Missing tells of each call
			dev.Err = fmt.Errorf("%w; not modelled: %w", errNoEnergy, err)
			return nil
		}
	}
	for _, s := range g.series {
		dev.Components = append(dev.Components, s.reading().Component)
	}
	g.readings = make([]energy.Reading, len(g.series))
	for _, s := range g.series {
		r := *s.reading()
		r.State = energy.Held
		g.last = append(g.last, r)
	}
	return g
}

// superchip reports whether the driver's plain energy counter is that of a
// module with a CPU and its memory in it, as on Grace Hopper.
func superchip(name string) bool { return strings.Contains(name, "GH200") }

// The questions that find a GPU's counters, and their places.
const (
	askGPU = iota
	askModule
	askMemory
	askTotal
	askPower
	askModulePower
)

func questions() []field {
	return []field{
		askGPU:         {id: fieldEnergy, scope: scopeGPU},
		askModule:      {id: fieldEnergy, scope: scopeModule},
		askMemory:      {id: fieldEnergy, scope: scopeMemory},
		askTotal:       {id: fieldTotal},
		askPower:       {id: fieldPower, scope: scopeGPU},
		askModulePower: {id: fieldPower, scope: scopeModule},
	}
}

// counters takes the energy counters.
func (g *gpu) counters(d *device, base energy.Component, dev *Device) bool {
	if d.fields == nil {
		return g.plain(d, base, dev)
	}
	list := questions()
	if err := d.fields(list); err != nil {
		dev.lacks("energy with a time stamp", err)
		return g.plain(d, base, dev)
	}
	has := func(i int) bool { return list[i].err == nil && list[i].value > 0 }
	first := askGPU
	if !has(askGPU) {
		first = askTotal
	}
	same := func(i int) bool { // a driver that doesn't know scopes answers the same to all
		a, b := list[i].value, list[first].value
		return has(first) && max(a, b)-min(a, b) <= uint64(dev.MaxPower.Over(2*slowestTick)/unit)
	}
	if !has(first) && !has(askModule) {
		dev.lacks("energy with a time stamp", list[first].err)
		return g.plain(d, base, dev)
	}
	add := func(i int, c energy.Component) {
		g.fields = append(g.fields, field{id: list[i].id, scope: list[i].scope})
		n := newCounter(c, dev, len(g.fields)-1, nil)
		power := askPower
		if c.Scope == "module" {
			power = askModulePower
		}
		if c.Scope != "memory" && list[power].err == nil && list[power].value > 0 {
			g.fields = append(g.fields, field{id: fieldPower, scope: list[power].scope})
			n.power = len(g.fields) - 1
		} else if c.Scope != "memory" {
			g.every = powerEvery
		}
		g.series = append(g.series, n)
	}
	module := has(askModule) && !same(askModule)
	if module {
		c := base
		c.ID, c.Scope, c.Name = base.ID+"-module", "module", base.Name+", whole module"
		if base.Scope = "gpu"; has(first) {
			base.Within = c.ID
		}
		add(askModule, c)
	}
	if has(first) {
		add(first, base)
	}
	if has(askMemory) && has(first) && !same(askMemory) {
		c := base
		c.ID, c.Within, c.Scope, c.Name = base.ID+"-memory", base.ID, "memory", base.Name+", memory"
		add(askMemory, c)
	}
	dev.Way, dev.Resolution = EnergyCounter, slowestTick
	return true
}

// plain takes the energy counter by a call of its own.
func (g *gpu) plain(d *device, base energy.Component, dev *Device) bool {
	if d.total == nil {
		return false
	}
	if _, err := d.total(); err != nil {
		dev.lacks("an energy counter", err)
		return false
	}
	c := newCounter(base, dev, -1, d.total)
	c.watts, c.recent.smooth = d.power, true
	g.series = append(g.series, c)
	g.every = powerEvery // such power is a mean of up to a second
	dev.Way, dev.Resolution = EnergyCounter, slowestTick
	return true
}

func newCounter(c energy.Component, dev *Device, i int, ask func() (uint64, error)) *counter {
	return &counter{
		r:    energy.Reading{Component: c, MaxPower: dev.MaxPower},
		wrap: energy.Wrap{MaxPower: dev.MaxPower}, field: i, ask: ask, power: -1, limit: dev.MaxPower * 2 / 3,
	}
}

// record takes the driver's own record of power.
func (g *gpu) record(d *device, base energy.Component, dev *Device) bool {
	if d.samples == nil {
		return false
	}
	list, err := d.samples(false, 0, nil)
	if err == nil && len(list) == 0 {
		err = errNothing
	}
	if err != nil {
		dev.lacks("a record of power", err)
		return false
	}
	base.Name += ", power record"
	sensor, _ := sensorOf(d.name)
	p := newPower(base, dev, milliseconds(sensor.update), milliseconds(sensor.instant))
	p.record = func(since int64, to []sample) ([]sample, error) { return d.samples(false, since, to) }
	g.series, g.every = append(g.series, p), time.Second/2
	dev.Way, dev.Resolution = PowerRecord, p.period
	return true
}

// powerEvery is how often power is read where it must be added up, at least.
const powerEvery = 100 * time.Millisecond

// readPower takes readings of power.
func (g *gpu) readPower(d *device, base energy.Component, dev *Device) bool {
	sensor, _ := sensorOf(d.name)
	ask, every, window := d.power, max(d.every, milliseconds(sensor.update)), max(d.every, milliseconds(sensor.draw))
	now := []field{{id: fieldPower}}
	if d.fields != nil && d.fields(now) == nil && now[0].err == nil && now[0].value > 0 && plausible(now[0].value, dev.MaxPower) {
		every, window = milliseconds(sensor.update), milliseconds(sensor.instant)
		ask = func() (uint64, time.Time, error) {
			err := d.fields(now)
			return now[0].value, time.Now(), errors.Join(err, now[0].err)
		}
	}
	if ask == nil {
		return false
	}
	if _, _, err := ask(); err != nil {
		dev.lacks("power", err)
		return false
	}
	base.Name += ", power readings"
	p := newPower(base, dev, every, window)
	p.ask = ask
	g.series, g.every = append(g.series, p), min(every, powerEvery)
	dev.Way, dev.Resolution = PowerReadings, every
	return true
}

func newPower(c energy.Component, dev *Device, period, window time.Duration) *power {
	return &power{
		r:     energy.Reading{Component: c, MaxPower: dev.MaxPower},
		gauge: energy.Gauge{MaxGap: longest, MaxPower: dev.MaxPower - dev.MaxPower/3}, period: period, window: window,
		limit: dev.MaxPower * 2 / 3,
	}
}

// lacks notes what the driver does not tell.
func (dev *Device) lacks(what string, err error) {
	if dev.grave == nil && (errors.Is(err, ErrLost) || errors.Is(err, fs.ErrPermission)) {
		dev.grave = err
	}
	dev.Missing = append(dev.Missing, fmt.Sprintf("%s: %v", what, err))
}
