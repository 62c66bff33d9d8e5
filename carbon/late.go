package carbon

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/nvml"
)

// late is a meter that takes long to open. It opens beside the work and joins
// the others when it is ready; what it missed until then is in the coverage.
type late struct {
	opened chan joining  // takes what was opened; nil: nothing is to come
	cancel func()        // the run is over: nobody waits any more
	ready  chan struct{} // closed when it has joined, or failed
	mine   func(pid int) bool
	joined bool // nothing is to come any more

	mu        sync.Mutex
	abandoned bool // nobody waits any more
	index     map[string]int
}

// joining is what opening gave: a meter, nil if there is none, the names of its
// GPUs, and what went wrong.
type joining struct {
	meter  energy.Meter
	gpus   []string
	index  map[string]int // of a GPU by its UUID, in the driver's order
	module string
	notes  []string
	err    error
}

// start opens a meter in a goroutine that ends when open does.
func (l *late) start(open func(ctx context.Context) joining) {
	ctx, cancel := context.WithCancel(context.Background())
	opened := make(chan joining, 1)
	l.opened, l.cancel = opened, cancel
	go func() {
		j := open(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.abandoned && j.meter != nil {
			_ = j.meter.Close() // nobody waits for it any more
			return
		}
		opened <- j
	}()
}

// openGPUs opens the GPUs of a machine. Whether there are any is for the driver's
// library to say; where there is none, that is no news.
func openGPUs(h Host) func(ctx context.Context) joining {
	return func(ctx context.Context) joining {
		m, err := nvml.Open(ctx, nvml.Options{Library: h.NVMLLibrary, Env: h.Env, Root: h.root()})
		if m == nil && h.NVMLLibrary == "" && errors.Is(err, energy.ErrUnavailable) {
			return joining{}
		}
		j := joining{err: err}
		if m == nil {
			return j // and no meter, which a nil *Meter would be
		}
		j.meter, j.module, j.index = m, m.Module(), map[string]int{}
		for _, d := range m.Devices() {
			j.index[d.UUID] = d.Index
			if d.Visible {
				j.gpus = append(j.gpus, d.Name)
			}
			j.notes = append(j.notes, d.Notes...)
		}
		return j
	}
}

// join takes what has opened into the next sample, and reports whether there is
// anything new in it. The turn to sample is held.
func (t *Tracker) join(j joining) bool {
	t.late.joined = true
	defer close(t.late.ready)
	t.late.mu.Lock()
	t.late.index = j.index
	t.late.mu.Unlock()
	if j.meter != nil {
		r := t.attach(j.meter)
		t.users = time.Time{} // its users are asked with its first reading
		if t.begun {
			go r.run()
		}
		t.facts = &footprint.Facts{GPUs: j.gpus, Module: j.module}
	}
	for _, n := range j.notes {
		t.found = append(t.found, footprint.Fault{Code: footprint.GPUNote, Component: n, Text: n})
	}
	if j.err != nil {
		f := fault(j.err)
		if j.meter == nil {
			f.Code = footprint.GPUNotMeasured
		}
		t.found = append(t.found, f)
	}
	return j.meter != nil || j.err != nil
}

// giveUp is how long the end of a run waits for an opening that was cancelled: a
// driver that does not answer is then told of the GPUs that the machine shows.
const giveUp = 50 * time.Millisecond

// leave gives up on a meter that has not opened by the end of the run. What the
// machine shows of its GPUs is then in the last sample. The turn to sample is
// held.
func (t *Tracker) leave() {
	if t.late.opened == nil || t.late.joined {
		return
	}
	t.late.cancel()
	timeout := time.NewTimer(giveUp)
	defer timeout.Stop()
	select {
	case j := <-t.late.opened:
		t.join(j)
		return
	case <-timeout.C:
	}
	t.late.mu.Lock()
	t.late.abandoned = true
	t.late.mu.Unlock()
	select {
	case j := <-t.late.opened: // just now
		t.join(j)
		return
	default:
	}
	t.late.joined = true
	t.found = append(t.found, footprint.Fault{
		Code: footprint.GPUNotMeasured, Text: "NVIDIA GPU not measured: driver not responding",
	})
	close(t.late.ready)
}

// Ready waits until all meters have opened, those of GPUs as well, which open
// beside the work and take up to seconds, or until ctx ends. It is for work that
// would rather wait than miss the beginning; call it after Start. It returns
// ctx's error.
func (t *Tracker) Ready(ctx context.Context) error {
	if t == nil {
		return nil
	}
	select {
	case <-t.late.ready: // also where ctx has ended
		return nil
	default:
	}
	select {
	case <-t.late.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// GPUIndex is the number of a GPU in the driver's order, as nvidia-smi shows it, by its
// UUID. ok is false where it is not known, as before the driver's library is open.
func (t *Tracker) GPUIndex(uuid string) (index int, ok bool) {
	if t == nil {
		return 0, false
	}
	t.late.mu.Lock()
	defer t.late.mu.Unlock()
	index, ok = t.late.index[uuid]
	return index, ok
}

// ours reports whether a process is this one or one that it has started, at any
// remove.
func ours(root fs.FS) func(pid int) bool {
	self := os.Getpid()
	return func(pid int) bool { return pid == self || proc.Descends(root, pid, self) }
}
