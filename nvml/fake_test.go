package nvml

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// A load is a GPU's power over time: watts from each instant on.
type load []struct {
	from  time.Duration
	watts float64
}

func steady(watts float64) load { return load{{0, watts}} }

func (l load) at(t time.Duration) float64 {
	w := l[0].watts
	for _, s := range l {
		if s.from <= t {
			w = s.watts
		}
	}
	return w
}

// used is the true energy from 0 to t, in joules.
func (l load) used(t time.Duration) float64 {
	j := 0.0
	for i, s := range l {
		end := t
		if i+1 < len(l) && l[i+1].from < t {
			end = l[i+1].from
		}
		if end > s.from {
			j += s.watts * (end - s.from).Seconds()
		}
	}
	return j
}

// A card is a scripted GPU. Its zero time is when it was made.
type card struct {
	uuid, name string
	load       load
	tick       time.Duration // of its counter
	phase      time.Duration
	jitter     time.Duration   // by how much a tick may come late
	ticks      []time.Duration // when its counter ticks, if that is no period
	limit      energy.Power
	noFields   bool // an old driver
	noCounter  bool // an old GPU
	noRecord   bool
	noInstant  bool
	stamps     bool // fields are stamped with the tick, not with the call
	lags       bool // the power now is the mean of the latest tick
	module     float64
	memory     float64 // parts of the GPU's energy; 0: no such scope
	tune       func(d *device)

	mu     sync.Mutex
	origin time.Time
	base   int64         // added to the counter, in mJ: a reset makes it fall
	err    error         // of every call
	slow   time.Duration // every call takes so long
	mw     uint64        // in place of the true power, if not 0
	asked  int
}

func (c *card) set(f func(c *card)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

func (c *card) clock() time.Duration { return time.Since(c.origin) }

// usedBy is the true energy up to a reading, in joules.
func (c *card) usedBy(r energy.Reading) float64 { return c.load.used(r.Time.Sub(c.origin)) }

// counter gives the energy in mJ and when it ticked.
func (c *card) counter() (uint64, time.Time) {
	ticked := c.ticked(c.clock())
	return uint64(max(0, c.base+int64(c.load.used(ticked)*1000))), c.origin.Add(ticked)
}

// ticked is when the counter ticked last.
func (c *card) ticked(t time.Duration) time.Duration {
	if c.ticks != nil {
		i, _ := slices.BinarySearch(c.ticks, t+1)
		return c.ticks[max(i-1, 0)]
	}
	k := (t - c.phase) / c.tick
	for {
		late := time.Duration(0)
		if c.jitter > 0 {
			late = time.Duration(rand.New(rand.NewPCG(uint64(k), 1)).Int64N(int64(c.jitter)))
		}
		if at := k*c.tick + c.phase + late; at <= t {
			return at
		}
		k--
	}
}

func (c *card) call() error {
	c.asked++
	if c.slow > 0 {
		d := c.slow
		c.mu.Unlock()
		time.Sleep(d)
		c.mu.Lock()
	}
	return c.err
}

func unsupported(call string) error { return fault{call, "Not Supported", 3} }

func (c *card) fields(list []field) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.call(); err != nil {
		return err
	}
	if c.noFields {
		return fault{"nvmlDeviceGetFieldValues", "Function Not Found", 13}
	}
	for i := range list {
		f := &list[i]
		f.err, f.stamp = nil, time.Now().UnixMicro()
		raw, ticked := c.counter()
		switch {
		case f.id == fieldPower && f.scope == scopeGPU && !c.noInstant:
			f.value = c.milliwatts()
		case f.id == fieldEnergy && !c.noCounter:
			part := map[uint32]float64{scopeGPU: 1, scopeModule: c.module, scopeMemory: c.memory}[f.scope]
			if f.value = uint64(float64(raw) * part); part == 0 {
				f.err = unsupported("nvmlDeviceGetFieldValues")
			}
			if c.stamps {
				f.stamp = ticked.UnixMicro()
			}
		default:
			f.err = unsupported("nvmlDeviceGetFieldValues")
		}
	}
	return nil
}

func (c *card) milliwatts() uint64 {
	if c.mw > 0 {
		return c.mw
	}
	if c.lags {
		_, ticked := c.counter()
		t := ticked.Sub(c.origin)
		if t <= 0 {
			return uint64(c.load.at(0) * 1000)
		}
		return uint64((c.load.used(t) - c.load.used(max(0, t-c.tick))) / (t - max(0, t-c.tick)).Seconds() * 1000)
	}
	return uint64(c.load.at(c.clock()) * 1000)
}

// device is the card as the driver shows it.
func (c *card) device() device {
	c.origin = time.Now()
	if c.tick == 0 {
		c.tick = 20 * time.Millisecond
	}
	if c.limit == 0 {
		c.limit = 400 * energy.Watt
	}
	if c.base == 0 {
		c.base = 5e9
	}
	d := device{uuid: c.uuid, name: c.name, limit: c.limit, fields: c.fields}
	d.total = func() (uint64, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := c.call(); err != nil {
			return 0, err
		}
		if c.noCounter {
			return 0, unsupported("nvmlDeviceGetTotalEnergyConsumption")
		}
		raw, _ := c.counter()
		return raw, nil
	}
	d.power = func() (uint64, time.Time, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := c.call(); err != nil || c.mw > 0 {
			return c.mw, time.Now(), err
		}
		t := c.clock() // the mean of a second
		from := max(0, t-time.Second)
		if t == from {
			return uint64(c.load.at(t) * 1000), time.Now(), nil
		}
		return uint64((c.load.used(t) - c.load.used(from)) / (t - from).Seconds() * 1000), time.Now(), nil
	}
	d.samples = func(_ bool, since int64, to []sample) ([]sample, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := c.call(); err != nil {
			return to, err
		}
		if c.noRecord {
			return to, unsupported("nvmlDeviceGetSamples")
		}
		for k := int((c.clock()-c.phase)/c.tick) - 119; k <= int((c.clock()-c.phase)/c.tick); k++ {
			t := c.phase + time.Duration(k)*c.tick
			if s := c.origin.Add(t).UnixMicro(); s > since && t >= 0 {
				to = append(to, sample{s, uint64(c.load.at(t) * 1000)})
			}
		}
		return append(to, sample{}, sample{}), nil // entries that were not filled in
	}
	if c.tune != nil {
		c.tune(&d)
	}
	return d
}

// machine is a library of cards.
func machine(cards ...*card) opener {
	return func() (library, error) {
		l := library{source: "nvml", driver: "580.00", close: func() {}}
		for i, c := range cards {
			if c.uuid == "" {
				c.uuid = fmt.Sprintf("GPU-%08d-0000", i)
			}
			if c.name == "" {
				c.name = "NVIDIA A100-SXM4-40GB"
			}
			l.devices = append(l.devices, c.device())
		}
		return l, nil
	}
}

func openCards(t testing.TB, cards ...*card) *Meter {
	t.Helper()
	m, _, err := open(context.Background(), []opener{machine(cards...)}, Options{})
	require.NoError(t, err)
	return m
}
