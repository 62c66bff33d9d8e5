// Package nvml reads the energy of NVIDIA GPUs. Start with [Open]; [Inspect]
// lists every GPU and says what would be read, and what not and why.
//
// Each GPU is known by its UUID and read the best way that it offers: its energy
// counter, else the driver's own record of power, else power readings, see
// [Way]. The driver is asked beside the caller, one goroutine a GPU, and may
// fail, hang or lose a GPU: the others are read all the same, and nothing waits
// longer than 50 ms for it.
//
// In a build with cgo for Linux the driver's library is loaded when a Meter is
// opened, never linked. Without, or with the build tag nonvml, the nvidia-smi
// program is read where there is one.
package nvml

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Options says where to look. The zero Options is this machine, with all its
// GPUs.
type Options struct {
	// Library is the path of the driver's library; "" is libnvidia-ml.so.1 where
	// the loader finds it.
	Library string
	// Program is the path of nvidia-smi, for builds that can't load the library;
	// "" is where the system finds it.
	Program string
	// Env looks up a variable of the work's environment, like os.LookupEnv:
	// CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER and NVIDIA_VISIBLE_DEVICES say
	// which GPUs the work can see, and only those are read. nil: none is set.
	Env func(name string) (value string, set bool)
	// Root holds the /proc in which the driver's processes are looked up; nil is
	// this machine's "/".
	Root fs.FS
}

// readTimeout is how long a Read waits for the driver. A call in flight stays so,
// and the component is Held meanwhile.
const readTimeout = 50 * time.Millisecond

// Meter reads the GPUs of one machine. It is for one goroutine at a time.
type Meter struct {
	gpus    []*gpu
	devices []Device
	done    chan *gpu // those that have answered
	timer   *time.Timer
	pids    pids

	unread []energy.Reading // of the GPUs that can't be read
	why    deviceErrors     // and why not
}

var (
	_ energy.Meter  = (*Meter)(nil)
	_ energy.Sharer = (*Meter)(nil)
)

// Open loads the driver's library, which decides whether there is a driver, and
// finds what each GPU offers. That can take seconds, so it is made for a
// goroutine beside the work: it returns with ctx at the latest, and a driver that
// does not answer keeps nothing but one goroutine.
//
// A GPU that is there and can't be read, for whatever reason, is read all the
// same: its readings are Lost, or Late if the driver has not answered by the end
// of ctx, and never OK. It is named by an error that wraps ErrUnread and the cause; the
// Meter may be used. Without any GPU that the work can see the Meter is nil and
// the error wraps energy.ErrUnavailable.
func Open(ctx context.Context, o Options) (*Meter, error) {
	m, _, err := open(ctx, drivers(o), o)
	return m, err
}

// Inspect lists the GPUs of this machine, those as well that can't be read or
// that the work can't see. It opens them like Open, and closes them again.
func Inspect(ctx context.Context, o Options) ([]Device, error) {
	m, devices, err := open(ctx, drivers(o), o)
	if m != nil {
		_ = m.Close()
	}
	return devices, err
}

// Module is the ID of the first counted component that is a whole module: one
// with a CPU and its memory in it, as on Grace Hopper. Meters of those are then
// Within it, or they would be counted twice. "" if there is none.
func (m *Meter) Module() string {
	for _, g := range m.gpus {
		if c := g.last[0].Component; c.Scope == "module" {
			return c.ID
		}
	}
	return ""
}

// Devices lists the GPUs as they were found when the Meter was opened.
func (m *Meter) Devices() []Device { return append([]Device(nil), m.devices...) }

// open tries drivers in turn, beside the caller.
func open(ctx context.Context, drivers []opener, o Options) (*Meter, []Device, error) {
	type result struct {
		m       *Meter
		devices []Device
		err     error
	}
	if o.Root == nil {
		o.Root = os.DirFS("/")
	}
	opened := make(chan result)
	abandoned := make(chan struct{})
	defer close(abandoned)
	go func() {
		var r result
		r.m, r.devices, r.err = openFirst(drivers, o)
		select {
		case opened <- r:
		case <-abandoned:
			if r.m != nil {
				_ = r.m.Close()
			}
		}
	}()
	select {
	case r := <-opened:
		return r.m, r.devices, r.err
	case <-ctx.Done():
		err := unanswered{ctx.Err()}
		lib := unopened(o, err, o.Library != "" || hinted(o.Root))
		if len(lib.devices) == 0 {
			lib.err = fmt.Errorf("%w: no GPU found, and %w", energy.ErrUnavailable, err)
		}
		return newMeter(lib, o, energy.Late)
	}
}

// unanswered is a driver that did not answer before the caller's context ended.
type unanswered struct{ cause error }

func (unanswered) Error() string   { return ErrSlow.Error() }
func (u unanswered) Unwrap() error { return u.cause }

// openFirst opens the first driver that has GPUs.
func openFirst(drivers []opener, o Options) (*Meter, []Device, error) {
	var errs []error
	for _, open := range drivers {
		lib, err := guarded(open)
		if err == nil {
			if lib.devices = merge(lib.devices, shown(o.Root)); len(lib.devices) > 0 {
				return newMeter(lib, o, energy.Lost)
			}
			lib.close()
			err = fmt.Errorf("%s: %w: it reports no GPU", lib.source, energy.ErrUnavailable)
		}
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	return newMeter(unopened(o, err, !errors.Is(err, energy.ErrUnavailable)), o, energy.Lost)
}

// unopened stands in for a driver that could not be opened: with the GPUs that
// the kernel shows, or, if there must be one, with one of which nothing is known.
func unopened(o Options, err error, certain bool) library {
	l := library{source: "nvml", devices: shown(o.Root), err: err, close: func() {}}
	if len(l.devices) == 0 && certain {
		l.devices = []device{{name: anyGPU}}
	}
	for i := range l.devices {
		l.devices[i].err = err
	}
	return l
}

// guarded opens a library that may panic: go-nvml trusts the counts that a
// driver returns.
func guarded(open opener) (lib library, err error) {
	defer recovered(&err)
	return open()
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: go-nvml: %v", errAnswer, p)
	}
}

// newMeter finds out what each GPU offers and starts to ask those that the work
// can see. state is that of the GPUs that can't be read.
func newMeter(lib library, o Options, state energy.State) (*Meter, []Device, error) {
	seen := visible(o.Env, lib.devices)
	m := &Meter{done: make(chan *gpu, len(lib.devices)), pids: newPids(o.Root)}
	for i := range lib.devices {
		d := &lib.devices[i]
		dev := Device{Index: i, UUID: d.uuid, Name: d.name, Driver: lib.driver, Visible: seen.has(i), Missing: d.missing, Err: d.err}
		_, dev.Sensor = sensorOf(d.name)
		noLimit := dev.limitPower(d)
		if d.err == nil {
			g := probe(d, lib.source, &dev)
			if g != nil && dev.Visible {
				g.named = seen.slices
				m.gpus = append(m.gpus, g)
			}
		}
		if dev.Err == nil && noLimit != "" {
			dev.Missing = append(dev.Missing, noLimit)
		}
		if dev.Visible && seen.note != "" {
			dev.Notes = append(dev.Notes, seen.note)
		}
		if dev.Err != nil && dev.Visible {
			m.leaveOut(d, lib.source, dev.Limit, state, dev.Err)
		}
		m.devices = append(m.devices, dev)
	}
	m.timer = time.NewTimer(readTimeout)
	m.timer.Stop()
	if len(m.gpus) == 0 {
		lib.close()
		switch {
		case len(m.unread) > 0:
			return m, m.devices, m.why
		case lib.err != nil:
			return nil, m.devices, fmt.Errorf("nvml: %w", lib.err)
		}
		return nil, m.devices, fmt.Errorf("nvml: %w: %s", energy.ErrUnavailable, seen.note)
	}
	work := newWorkers(lib.close, len(m.gpus))
	for _, g := range m.gpus {
		g.workers = work
		go g.work(m.done)
	}
	if len(m.why) > 0 {
		return m, m.devices, m.why
	}
	return m, m.devices, nil
}

// Read appends one reading a component, GPUs in the driver's order; see
// energy.Meter. The GPUs are asked at the same time. One that has not answered
// after 50 ms is Held, with its call left in flight; one whose call failed is
// Held too, one that is gone is Lost, and one whose counter or power stands still
// or at 0 is Held at once, and Dead after some seconds: a GPU that is on draws
// power. With ctx ended nothing is read.
func (m *Meter) Read(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
	if err := ctx.Err(); err != nil {
		return to, fmt.Errorf("nvml: %w", err)
	}
	m.ask(ctx, forEnergy)
	now := time.Now()
	errs := m.why
	for _, g := range m.gpus {
		if err := g.take(now); err != nil {
			errs = append(slices.Clip(errs), err)
		}
		to = append(to, g.last...)
	}
	to = m.stillUnread(to, now)
	if len(errs) > 0 {
		return to, errs
	}
	return to, nil
}

// ask puts a question to all GPUs that are busy with no earlier one, and waits for
// the answers. fresh are then those that have answered.
func (m *Meter) ask(ctx context.Context, q question) {
	for range len(m.done) {
		(<-m.done).settle()
	}
	waiting := 0
	for _, g := range m.gpus {
		g.fresh = false
		if !g.asked {
			g.put(q)
			waiting++
		}
	}
	m.timer.Reset(readTimeout)
	defer m.timer.Stop()
	for waiting > 0 {
		select {
		case g := <-m.done:
			if g.overdue { // to an earlier question: ask again
				g.settle()
				g.put(q)
				waiting++
				continue
			}
			g.asked, g.fresh = false, true
			waiting--
		case <-m.timer.C:
			waiting = 0
		case <-ctx.Done():
			waiting = 0
		}
	}
	for _, g := range m.gpus {
		g.overdue = g.asked
	}
}

// Close ends the asking and lets go of the library. It waits at most 50 ms: a
// call that hangs keeps its goroutine, and the library, until it returns.
func (m *Meter) Close() error {
	if len(m.gpus) == 0 {
		return nil
	}
	for _, g := range m.gpus {
		close(g.ask)
	}
	m.timer.Reset(readTimeout)
	defer m.timer.Stop()
	select {
	case <-m.gpus[0].workers.ended:
		return nil
	case <-m.timer.C:
		return fmt.Errorf("nvml: driver not responding for %v, left alone", readTimeout)
	}
}

// deviceErrors are the errors of several GPUs, in one line. They mostly have one
// cause, so the first stands for all.
type deviceErrors []error

func (e deviceErrors) Error() string {
	s := e[0].Error()
	if !errors.Is(e[0], ErrUnread) { // a sentence for people
		s = "nvml: " + s
	}
	switch len(e) {
	case 1:
		return s
	case 2:
		return s + " (and 1 more GPU)"
	default:
		return fmt.Sprintf("%s (and %d more GPUs)", s, len(e)-1)
	}
}

func (e deviceErrors) Unwrap() []error { return e }
