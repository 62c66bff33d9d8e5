package carbon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/regions"
)

// lastRead is how long Stop waits for the last reading. A driver that does not
// answer must not hold up the work's end.
const lastRead = 200 * time.Millisecond

// A Tracker measures one run. All methods are safe for concurrent use.
type Tracker struct {
	meters    []energy.Meter
	work      Work
	usage     *usage
	intensity regions.Intensity
	grid      regions.Provider // asked at each sample; nil: the intensity stays
	zone      string
	every     time.Duration
	sinks     []Sink

	mu      sync.Mutex // guards the account, and is never held while reading
	account footprint.Account
	begun   bool
	marks   marks // has its own lock

	// These belong to whoever takes samples: Start once, then the goroutine.
	recorder *footprint.Recorder
	epochs   *footprint.EpochWriter
	events   *footprint.EventWriter
	readings []energy.Reading
	use      []energy.Use
	faults   []footprint.Fault // found, not yet in a sample
	facts    *footprint.Facts  // of GPUs that have opened, not yet in a sample
	spent    time.Duration     // in ticks
	outlook  outlook
	late     late
	tripped  bool // the budget's owner was told

	keepers []keeper      // one a sink
	over    chan struct{} // closed when the final report is to be made

	quit   chan struct{} // closed by the first Stop
	idle   chan struct{} // closed after the last reading
	stop   sync.Once
	hung   bool // a meter did not answer at the end
	finish sync.Once
	report footprint.Report
	err    error
}

// New finds and opens the meters of this machine, ready to Start. It fails only
// on a Config that is wrong: what can't be measured is a warning in the report.
func New(cfg Config) (*Tracker, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	grid := cfg.Grid
	if grid == nil {
		grid = regions.Builtin()
	}
	intensity, err := grid.Intensity(context.Background(), regions.Query{Zone: cfg.Region, Time: time.Now()})
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
	t := &Tracker{
		meters: cfg.Meters, work: cfg.Work, intensity: intensity,
		every: cfg.Every, sinks: cfg.Sinks,
		quit: make(chan struct{}), idle: make(chan struct{}), over: make(chan struct{}),
		marks: marks{wake: make(chan struct{}, 1)},
	}
	table, yearly := grid.(*regions.Table)
	if !yearly {
		t.grid, t.zone = grid, cfg.Region
		table = regions.Builtin()
	}
	if f, ok := grid.(forecaster); ok {
		t.outlook = outlook{from: f, zone: cfg.Region}
	}
	if t.every == 0 {
		t.every = time.Second
	}
	for _, s := range t.sinks {
		t.keepers = append(t.keepers, newKeeper(s))
	}
	root := cfg.Host.root()
	t.late.ready, t.late.mine = make(chan struct{}), ours(os.DirFS("/"))
	if t.meters == nil {
		t.meters, t.faults = local(root)
		t.late.start(openGPUs(cfg.Host))
	}
	if t.late.opened == nil {
		close(t.late.ready)
	}
	t.every = keepAlive(t.every, t.meters)
	if t.work == nil {
		t.work = newSelf()
	}
	t.usage = newUsage(root)
	machine := LocalHost(root)
	if cfg.Run.Charge == "" {
		var shared *footprint.Fault
		if cfg.Run.Charge, shared = headline(root, machine.CPUThreads); shared != nil {
			t.faults = append(t.faults, *shared)
		}
	}
	t.account = footprint.Account{
		Run: cfg.Run, Host: machine, Policy: cfg.Policy, PUE: cfg.PUE,
		Versions: footprint.Versions{Tool: Version(), Data: table.Version()},
	}
	if cfg.Host.Samples != nil {
		if t.recorder, err = footprint.Record(cfg.Host.Samples, &t.account); err != nil {
			t.unrecorded(err)
		}
	}
	if cfg.Host.Epochs != nil {
		t.epochs = footprint.NewEpochWriter(cfg.Host.Epochs)
	}
	if cfg.Host.Events != nil {
		t.events = footprint.NewEventWriter(cfg.Host.Events)
	}
	return t, nil
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
// Stop or until ctx ends; the run is then Interrupted. A second Start does
// nothing.
func (t *Tracker) Start(ctx context.Context) {
	t.mu.Lock()
	begun := t.begun
	t.begun = true
	t.mu.Unlock()
	if begun {
		return
	}
	t.tick(ctx)
	for _, k := range t.keepers {
		if k.sink != nil {
			go t.keep(k)
		}
	}
	go t.sample(ctx)
}

// sample is the one goroutine. It reads at fixed distances from the start: a
// late wake-up makes one interval longer and the next one shorter.
func (t *Tracker) sample(ctx context.Context) {
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.tick(ctx)
			continue
		case j := <-t.late.opened:
			if t.join(j) {
				t.tick(ctx)
			}
			continue
		case <-t.marks.wake:
			if t.marks.some() {
				t.tick(ctx)
			}
			continue
		case <-t.quit:
			t.last(ctx)
		case <-ctx.Done():
			t.last(ctx)
			t.end(footprint.Interrupted)
		}
		return
	}
}

// last takes the last sample, also if ctx has ended.
func (t *Tracker) last(ctx context.Context) {
	t.leave()
	t.tick(context.WithoutCancel(ctx))
	t.outlook.stop()
	close(t.idle)
}

// tick takes one sample. It allocates nothing, as long as nothing fails.
func (t *Tracker) tick(ctx context.Context) {
	t.marks.take()
	defer t.marks.release()
	now := time.Now()
	t.readings = t.readings[:0]
	for _, m := range t.meters {
		var err error
		if t.readings, err = m.Read(ctx, t.readings); err != nil {
			t.faults = faults(t.faults, err)
		}
	}
	t.look(ctx, now)
	t.use = t.usage.read(now, t.work, t.use[:0])
	t.shared(ctx)
	marks := t.edges(now)
	s := footprint.Sample{
		Time: now, Wall: now.Round(0), Readings: t.readings, Use: t.use,
		Intensity: t.intensity, Faults: t.faults, Facts: t.facts, Marks: marks,
		Forecast: t.outlook.look(ctx, now, len(marks) > 0),
	}
	t.mu.Lock()
	t.account.Add(s)
	t.mu.Unlock()
	t.faults, t.facts = t.faults[:0], nil
	t.heed()
	if t.recorder != nil {
		if err := t.recorder.Add(s); err != nil {
			t.unrecorded(err) // in the next sample, or at the end
		}
	}
	t.spent += time.Since(now)
}

// look asks what a kWh emits from now on. What does not answer leaves it as it is.
func (t *Tracker) look(ctx context.Context, now time.Time) {
	if t.grid == nil {
		return
	}
	in, err := t.grid.Intensity(ctx, regions.Query{Zone: t.zone, Time: now})
	switch {
	case err == nil && !in.Marginal:
		t.intensity = in
	case err != nil && ctx.Err() == nil:
		t.faults = append(t.faults, footprint.Fault{Code: footprint.IntensityStale, Text: err.Error()})
	}
}

func (t *Tracker) unrecorded(err error) {
	t.recorder = nil
	t.faults = append(t.faults, footprint.Fault{Code: footprint.NotRecorded, Component: "samples", Text: err.Error()})
}

// Report gives the report up to the latest reading.
func (t *Tracker) Report() footprint.Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.account.Report()
}

// Stop takes the last reading, hands the report to the sinks and returns it,
// with what the sinks could not do as the error. Called again, it returns the
// same. It waits at most 200 ms for a meter that does not answer; the report
// then ends at the reading before, and says so.
func (t *Tracker) Stop() (footprint.Report, error) {
	t.stop.Do(func() {
		t.mu.Lock()
		begun := t.begun
		t.begun = true // a Start after this does nothing
		t.mu.Unlock()
		close(t.quit)
		if !begun {
			t.leave()
			close(t.idle)
			for _, k := range t.keepers {
				close(k.done)
			}
			return
		}
		timeout := time.NewTimer(lastRead)
		defer timeout.Stop()
		select {
		case <-t.idle:
		case <-timeout.C:
			t.hung = true
		}
	})
	t.end(footprint.Completed)
	return t.report, t.err
}

// end makes the final report, once, and hands it on.
func (t *Tracker) end(status footprint.Status) {
	t.finish.Do(func() {
		e := footprint.End{Status: status}
		if w, ok := t.work.(Ender); ok {
			if s, code := w.Ended(); s != "" {
				e.Status, e.ExitCode = s, code
			}
		}
		e.CountedBy = t.countedBy()
		t.settle(e)
		close(t.over)
		for i := range t.sinks {
			if err := t.give(i); err != nil {
				t.err = errors.Join(t.err, err)
				t.report.Warnings = append(t.report.Warnings, footprint.Warning{Code: footprint.SinkFailed, Text: err.Error()})
			}
		}
	})
}

// wrapper is the program that gives what it runs the ID of its own run.
const wrapper = "carbonctl"

// countedBy returns the run that holds this one's energy already: the parent, as
// long as its wrapper still runs above us. A parent's ID may also come from
// another machine (srun and ssh pass the environment on) or from a run that has
// ended (a server that outlives it); such a run counts for itself.
func (t *Tracker) countedBy() string {
	if parent := t.account.Run.Parent; parent != "" && proc.Above(os.DirFS("/"), os.Getpid(), wrapper) {
		return parent
	}
	return ""
}

// settle closes the books. What the goroutine owns is ours now, unless it hangs
// in a meter: then it keeps that.
func (t *Tracker) settle(e footprint.End) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hung {
		t.account.Note(footprint.Fault{
			Code: footprint.ReadFault,
			Text: fmt.Sprintf("a meter did not answer within %v at the end: the run ends at the reading before", lastRead),
		})
		t.account.End = e
		t.report = t.account.Report()
		return
	}
	for _, f := range t.faults {
		t.account.Note(f)
	}
	e.Overhead = t.overhead()
	t.account.End = e
	if t.recorder != nil {
		if err := t.recorder.End(e); err != nil {
			t.account.Note(footprint.Fault{Code: footprint.NotRecorded, Component: "samples", Text: err.Error()})
		}
	}
	t.report = t.account.Report()
	if t.events != nil && !t.report.StartedAt.IsZero() {
		if err := t.events.Write(t.report.Ending()); err != nil {
			t.account.Note(footprint.Fault{Code: footprint.NotRecorded, Component: "events", Text: err.Error()})
			t.report = t.account.Report()
		}
	}
	for _, m := range t.meters {
		_ = m.Close() // nothing is written through it
	}
	t.usage.close()
}

// overhead is what tracking itself has used.
func (t *Tracker) overhead() footprint.Overhead {
	cpu := t.spent
	if _, own := t.work.(*self); !own {
		cpu = ownCPU() // this process does nothing else
	}
	return t.account.Overhead(cpu)
}
