package carbon

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/nested"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/regions"
)

// A Tracker measures one run. All methods are safe for concurrent use. A nil
// Tracker does nothing, so that a library can be instrumented for whoever tracks.
type Tracker struct {
	sampler
	every time.Duration
	late  late
	calls bool // the budget calls back

	parent nested.Parent // as the environment tells

	sinks    []Sink
	feeds    []*feed // one a sink, nil for one that wants the report alone
	followed bool    // a feed wants events
	head     footprint.Account

	mu      sync.Mutex // guards what follows, and is never held while reading
	account footprint.Account
	sampled time.Time // when the account got its last sample
	tripped bool      // the budget's owner was told

	life    sync.Mutex // guards begun and over; held while Start reads
	begun   bool
	over    bool
	running atomic.Bool     // edges can be taken
	ended   <-chan struct{} // the context of Start
	panics  int             // on the goroutine of Start
	tally   tally

	quit   chan struct{} // closed when the run is over
	idle   chan struct{} // closed when the goroutine that samples has ended
	finite sync.Once
	final  footprint.Report
	err    error

	endsMu sync.Mutex // held for a moment only, so that an end waits for no sample
	ends   map[uint64]*Stretch
}

// New finds and opens the meters of this machine, ready to Start, within 50 ms.
// It fails only on a Config that is wrong: what can't be measured, and a grid that
// does not answer, is a warning in the report.
func New(cfg Config) (*Tracker, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	t := &Tracker{
		every: cfg.Every, sinks: cfg.Sinks, quit: make(chan struct{}), idle: make(chan struct{}),
		sampler: sampler{sampling: newTurn(), reading: newTurn(), queue: newQueue(), work: cfg.Work},
	}
	if t.every == 0 {
		t.every = time.Second
	}
	table, err := t.openGrid(cfg)
	if err != nil {
		return nil, fmt.Errorf("carbon: %w", err)
	}
	if cfg.Run.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("carbon: make a run id: %w", err)
		}
		cfg.Run.ID = id.String()
	}
	if cfg.Region != "" && cfg.Run.How == "" {
		cfg.Run.How = "config"
	}
	if cfg.Host.Env != nil {
		value, _ := cfg.Host.Env(nested.Env)
		t.parent, _ = nested.Parse(value) // who makes the Config tells of what is wrong
	}
	root := cfg.Host.root()
	once := proc.Once(root)
	machine, cpu := about.Host(once)
	if cfg.Run.Charge == "" {
		var found []footprint.Fault
		cfg.Run.Charge, found = headline(once, cpu, machine.MemoryBytes, cfg.Host.Env)
		t.faults = append(t.faults, found...)
	}
	t.process = cfg.Run.Charge == footprint.ChargeProcess
	t.calls = cfg.Run.Budget != nil && cfg.Run.Budget.Reached != nil
	t.openMeters(cfg, once)
	if t.work == nil {
		t.own = newSelf()
		t.work = t.own
	}
	t.usage = newUsage(root, machine.CPUThreads, t.meters)
	t.head = footprint.Account{
		Run: cfg.Run, Host: machine, Policy: cfg.Policy, PUE: cfg.PUE,
		Versions: footprint.Versions{Tool: about.Version(), Data: table.Version()},
	}
	t.account = t.head
	for _, s := range t.sinks {
		f := newFeed(s)
		t.feeds = append(t.feeds, f)
		t.followed = t.followed || f != nil && f.events != nil
	}
	return t, nil
}

// openGrid asks for the intensity to begin with, and returns the table whose
// edition the report names.
func (t *Tracker) openGrid(cfg Config) (*regions.Table, error) {
	from := cfg.Grid
	if from == nil {
		from = regions.Builtin()
	}
	in, found, err := t.grid.open(from, cfg.Region, time.Now())
	if err != nil {
		return nil, err
	}
	t.intensity, t.faults = in, append(t.faults, found...)
	if f, ok := from.(forecaster); ok {
		t.forecasts = forecasts{from: f, zone: cfg.Region}
	}
	if table, ok := from.(*regions.Table); ok {
		return table, nil
	}
	return regions.Builtin(), nil
}

// openMeters finds the meters, and those of GPUs beside the work.
func (t *Tracker) openMeters(cfg Config, once fs.FS) {
	t.late.ready, t.late.mine = make(chan struct{}), ours(proc.Root("/"))
	if o, ok := cfg.Work.(Owner); ok {
		t.late.mine = o.Owns
	}
	meters := cfg.Meters
	if meters == nil {
		var found []footprint.Fault
		meters, found = findMeters(cfg.Host.root(), once, cfg.Host.Calibration)
		t.faults = append(t.faults, found...)
		t.late.start(openGPUs(cfg.Host))
	}
	if t.late.opened == nil {
		close(t.late.ready)
	}
	t.every = keepAlive(t.every, meters)
	t.timer = time.NewTimer(time.Hour)
	t.timer.Stop()
	for _, m := range meters {
		if inPlace(m) {
			t.meters = append(t.meters, m)
		} else {
			t.attach(m)
		}
	}
}

// attach gives a meter a reader. Its goroutine starts with the run.
func (t *Tracker) attach(m energy.Meter) *reader {
	r := newReader(m, t.late.mine)
	t.readers = append(t.readers, r)
	t.slow.Store(true)
	return r
}

// keepAlive shortens the time between samples to what every meter can bear: a
// counter that wraps twice between two reads has lost energy. Such samples are
// like all others, so that a recording of them is complete.
func keepAlive(every time.Duration, meters []energy.Meter) time.Duration {
	for _, m := range meters {
		if k, ok := m.(energy.KeepAliver); ok && k.KeepAlive() > 0 {
			every = min(every, k.KeepAlive())
		}
	}
	return every
}

// Start makes a Tracker and starts it.
func Start(ctx context.Context, cfg Config) (*Tracker, error) {
	t, err := New(cfg)
	if err != nil {
		return nil, err
	}
	t.Start(ctx)
	return t, nil
}

// Start takes the first reading, before it returns, and goes on reading until
// Stop or until ctx ends; the run is then Interrupted. It waits at most 20 ms for
// meters of the caller's own: what they miss by that is in the coverage. A second
// Start does nothing.
func (t *Tracker) Start(ctx context.Context) {
	if t == nil {
		return
	}
	t.life.Lock()
	defer t.life.Unlock()
	if t.begun || t.over {
		return
	}
	t.begun = true
	t.ended, t.panics = ctx.Done(), panics()
	for _, r := range t.readers {
		go r.run()
	}
	t.pass(true, firstRead)
	t.running.Store(true)
	for _, f := range t.feeds {
		if f != nil {
			go t.feed(f)
		}
	}
	go t.sample(ctx)
}

// Report gives the report up to the latest reading. It waits for epochs that
// have ended, and for what was counted, until the account has them, at most 100 ms.
func (t *Tracker) Report() footprint.Report {
	if t == nil {
		return footprint.Report{}
	}
	t.catchUp(t.tally.waits())
	return t.report()
}

// Fresh gives the report so far, as Report does, after another reading where the latest
// is older than age; 0 reads in any case. It waits at most 100 ms for that: a meter that
// takes longer is in a later report. It is for who asks now and then, as a metrics server
// does.
func (t *Tracker) Fresh(age time.Duration) footprint.Report {
	if t == nil {
		return footprint.Report{}
	}
	t.mu.Lock()
	old := time.Since(t.sampled)
	t.mu.Unlock()
	t.catchUp(old >= age)
	return t.report()
}

// Current is Report with a fresh reading of everything, and the time of that. It waits for
// it at most 100 ms, and gives what there is then.
func (t *Tracker) Current() (r footprint.Report, at time.Time) {
	if t == nil {
		return r, at
	}
	t.catchUp(true)
	return t.Latest()
}

// Latest is Report without waiting for anything, with the time of its latest reading.
func (t *Tracker) Latest() (r footprint.Report, at time.Time) {
	if t == nil {
		return r, at
	}
	r = t.report()
	t.mu.Lock()
	defer t.mu.Unlock()
	return r, t.sampled
}

// report gives the report so far. One of a run that goes on says who counts it now:
// that is what is recorded if we are killed.
func (t *Tracker) report() footprint.Report {
	t.mu.Lock()
	r := t.account.Report()
	t.mu.Unlock()
	if r.Status == footprint.Running {
		if id := t.countedBy(); id != "" {
			r.CountedBy = &id
		}
	}
	return r
}

func (t *Tracker) note(f footprint.Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.account.Note(f)
}
