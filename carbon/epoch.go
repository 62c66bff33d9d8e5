package carbon

import (
	"maps"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

// A Stretch is an epoch or a task that is underway. Its methods are safe for
// concurrent use, and End may be called from any goroutine. A nil Stretch, as a
// nil Tracker gives, does nothing.
type Stretch struct {
	tracker *Tracker
	mark    footprint.Mark
	used    *Usage             // nil until the account has its end; guarded by the tracker's mu
	metrics map[string]float64 // guarded by the tracker's endsMu
}

// Usage is what an epoch or a task used: all of it, and by component, as the
// headline charges them.
type Usage struct {
	footprint.Stretch
	Components []footprint.Used
}

// Epoch begins an epoch, which End ends. Both read the CPU's counters and return,
// in less than 0.2 ms. GPUs, whose drivers take longer, and meters of the
// caller's own are read beside the work, at once; what may have flowed between is
// in the epoch's bounds. With a Budget that calls back, End waits for that
// reading, so that an epoch that does not fit is not begun.
//
// Config.Run.Epochs is how many are planned. Before Start an epoch begins with it, and after
// Stop there are none.
func (t *Tracker) Epoch() *Stretch { return t.EpochOf(0, 0) }

// EpochOf is Epoch for one whose number is known, such as the first of a resumed
// run: epoch 51 of 60. Numbers count from 1; 0 is the one after the last. total
// is the number of the last one that is planned; 0 leaves what is known of it.
func (t *Tracker) EpochOf(index, total int) *Stretch {
	return t.stretch(footprint.Mark{Edge: footprint.EpochStart, Index: index, Of: total})
}

// Begin begins an epoch or a task, as m says by its Edge, EpochStart or TaskStart, that began
// at a time up to now: it is for a program that learns of them later. The bounds hold what may
// have flowed since. Leave m.ID 0.
func (t *Tracker) Begin(m footprint.Mark, at time.Time) *Stretch { return t.begin(m, at) }

// Task begins a task, which End ends, as Epoch does. Tasks may nest and overlap, with each
// other and with epochs. A task is within an epoch if that is the only one that is open.
func (t *Tracker) Task(name string) *Stretch {
	return t.stretch(footprint.Mark{Edge: footprint.TaskStart, Name: name})
}

// Task begins a task that is a part of s.
func (s *Stretch) Task(name string) *Stretch {
	if s == nil {
		return nil
	}
	return s.tracker.stretch(footprint.Mark{Edge: footprint.TaskStart, Name: name, Within: s.mark.ID})
}

// Metric notes a result of an epoch, such as its loss, which the report shows beside its
// energy: at most 16, by names of letters, digits and "_./@%+-", a letter first, up to 40
// bytes. The last value of a name counts; NaN and infinities are left out. It has to come
// before End. Tasks have none.
func (s *Stretch) Metric(name string, value float64) {
	if s == nil || s.mark.Edge != footprint.EpochStart || !footprint.IsMetric(name, value) {
		return
	}
	s.tracker.endsMu.Lock()
	defer s.tracker.endsMu.Unlock()
	if _, known := s.metrics[name]; !known && len(s.metrics) >= footprint.MaxMetrics {
		return
	}
	if s.metrics == nil {
		s.metrics = map[string]float64{}
	}
	s.metrics[name] = value
}

// results are what Metric has noted so far.
func (s *Stretch) results() map[string]float64 {
	s.tracker.endsMu.Lock()
	defer s.tracker.endsMu.Unlock()
	return maps.Clone(s.metrics)
}

// End ends the epoch or task, and returns it, at once: Used then returns what it used. A
// second End changes nothing and is a warning in the report.
func (s *Stretch) End() *Stretch { return s.EndAt(time.Now()) }

// EndAt is End for what ended at a time up to now, as Begin is.
func (s *Stretch) EndAt(at time.Time) *Stretch {
	if s == nil {
		return nil
	}
	end := footprint.Mark{Edge: footprint.EpochEnd, ID: s.mark.ID, Name: s.mark.Name, Metrics: s.results()}
	if s.mark.Edge == footprint.TaskStart {
		end.Edge = footprint.TaskEnd
	}
	s.tracker.ending(s)
	s.tracker.edge(end, at)
	if end.Edge == footprint.EpochEnd && s.tracker.calls {
		s.tracker.catchUp(false)
	}
	return s
}

// Used returns what the epoch or task used, once it has ended. It waits for GPUs
// to be read, at most 100 ms; ok is false where that was not enough, and before
// the end. Where the work's part is charged, and other processes of the work live,
// the part may not be known that soon: the report's figure is then the better one.
func (s *Stretch) Used() (u Usage, ok bool) {
	if s == nil {
		return Usage{}, false
	}
	t := s.tracker
	t.catchUp(false)
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.used == nil {
		return Usage{}, false
	}
	return *s.used, true
}

// ending notes who wants to know of an end.
func (t *Tracker) ending(s *Stretch) {
	if !t.running.Load() {
		return
	}
	t.endsMu.Lock()
	defer t.endsMu.Unlock()
	if t.ends == nil {
		t.ends = map[uint64]*Stretch{}
	}
	if len(t.ends) < maxQueued {
		t.ends[s.mark.ID] = s
	}
}

// tellEnds gives those who want to know what came of their ends. mu is held, and
// the account has just got a sample with these marks.
func (t *Tracker) tellEnds(marks []footprint.Mark) {
	for _, m := range marks {
		if m.Edge != footprint.EpochEnd && m.Edge != footprint.TaskEnd {
			continue
		}
		t.endsMu.Lock()
		s := t.ends[m.ID]
		delete(t.ends, m.ID)
		t.endsMu.Unlock()
		if s == nil {
			continue
		}
		if all, parts, ok := t.account.Finished(m.ID); ok && s.used == nil {
			s.used = &Usage{all, parts}
		}
	}
}

func (t *Tracker) stretch(m footprint.Mark) *Stretch { return t.begin(m, time.Now()) }

func (t *Tracker) begin(m footprint.Mark, at time.Time) *Stretch {
	if t == nil {
		return nil
	}
	m.ID = t.queue.number()
	t.edge(m, at)
	return &Stretch{tracker: t, mark: m}
}

// Mark records an edge that was observed outside this program, such as in the output of a
// command, and when. The counters are read soon, and the bounds hold what can have flowed
// since. It does not wait. Leave m.ID 0, unless neither Epoch nor Task is used.
func (t *Tracker) Mark(m footprint.Mark, at time.Time) {
	if t != nil {
		t.queue.put(m, at)
	}
}

// Predict gives what the whole run is expected to need. ok is false before the first epoch has
// ended, or where the planned number is unknown. It waits for epochs that have ended, as
// Report does.
func (t *Tracker) Predict() (_ footprint.Prediction, ok bool) {
	if t == nil {
		return footprint.Prediction{}, false
	}
	t.catchUp(false)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.account.Predict()
}

// edge takes a mark of the work's own, on its goroutine: it reads what is read in
// place, and nothing else. Where a sample is underway, or none was taken yet, the
// mark waits for the next one, and the bounds hold the time between.
func (t *Tracker) edge(m footprint.Mark, at time.Time) {
	if !t.running.Load() || !t.reading.try() {
		t.queue.put(m, at)
		return
	}
	reached := t.mark(m, at)
	t.reading.done()
	if reached != nil {
		reached()
	}
}

// mark takes a sample for a mark, in the turn to read. Without readers the
// account gets it at once.
func (t *Tracker) mark(m footprint.Mark, at time.Time) (reached func()) {
	defer startWatch().stop(&t.spent)
	now := time.Now()
	m.Late = max(now.Sub(at), 0)
	s := t.readInPlace(now, append(t.queue.early(now), m))
	if t.slow.Load() {
		t.queue.keep(s)
		return nil
	}
	t.add(s)
	return t.reached()
}

// readInPlace makes the sample of an edge. With readers it waits in the queue for
// theirs, which are taken at once: their energy at the edge lies between what
// they showed before and after it.
func (t *Tracker) readInPlace(now time.Time, marks []footprint.Mark) footprint.Sample {
	t.marked = true
	to := t.readings[:0]
	if t.slow.Load() {
		to = nil // the queue keeps it
	}
	s := footprint.Sample{Time: now, Wall: now.Round(0), Intensity: t.intensity, Marks: marks, Readings: t.read(to)}
	if to != nil {
		t.readings = s.Readings
	}
	if t.process && t.own != nil {
		s.Use = t.usage.edge(t.own, s.Use)
	}
	return s
}

// catchUp waits until all that was marked is in the account, or a fresh sample
// is; for at most 100 ms.
func (t *Tracker) catchUp(fresh bool) {
	if !t.running.Load() {
		return
	}
	w := t.queue.await(fresh)
	if w == nil {
		return
	}
	timeout := time.NewTimer(lastRead)
	defer timeout.Stop()
	select {
	case <-w:
	case <-t.idle:
	case <-timeout.C:
	}
}
