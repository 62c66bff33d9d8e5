package carbon

import (
	"context"
	"errors"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

// Stop takes the last reading, hands the report to the sinks and returns it, with what the
// sinks could not do as the error. Called again, it returns the same. It waits at most 100 ms
// for a meter that does not answer; that one then ends at its previous reading, with a
// warning.
//
// A run whose context has ended is Interrupted, whoever stops it, and how. Any
// other whose Stop is deferred and called by a panic has Failed; the panic goes on.
func (t *Tracker) Stop() (footprint.Report, error) {
	if t == nil {
		return footprint.Report{}, nil
	}
	t.life.Lock()
	t.over = true // a Start after this does nothing
	begun := t.begun
	t.life.Unlock()
	t.finish(begun && panics() > t.panics)
	if begun {
		await(t.idle, lastRead)
	}
	return t.final, t.err
}

// await waits for something that is about to end, and not for long. It reports
// whether it did.
func await(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// finish ends the run, once: it takes the last reading, makes the final report
// and hands it on.
func (t *Tracker) finish(failed bool) {
	t.finite.Do(func() {
		end := footprint.End{Status: t.status(failed), CountedBy: t.countedBy()}
		if w, ok := t.work.(Ender); ok {
			if s, code, signal := w.Ended(); s != "" {
				end.Status, end.ExitCode, end.Signal = s, code, signal
			}
		}
		t.running.Store(false)
		close(t.quit)
		why := t.last()
		if why != "" {
			t.note(footprint.Fault{Code: footprint.ReadFault, Text: why + ": the run ends at the reading before"})
		} else {
			for _, f := range t.faults {
				t.note(f)
			}
			end.Overhead = t.overhead()
		}
		t.settle(end) // before anything else that takes time
		if why != "" {
			go func() { // it may take for ever, or as long as the system is busy
				t.sampling.take(0, nil)
				t.reading.take(0, nil)
				t.close()
				t.closed()
			}()
		} else {
			t.close()
			defer t.closed()
		}
		t.tell()
	})
}

// status is how the run ended, as far as the tracker can see.
func (t *Tracker) status(failed bool) footprint.Status {
	select {
	case <-t.ended:
		return footprint.Interrupted // also if a panic follows: the sampler may have seen it first
	default:
	}
	if failed {
		return footprint.Failed
	}
	return footprint.Completed
}

// settle closes the books.
func (t *Tracker) settle(e footprint.End) {
	if c, ok := t.work.(Counter); ok && t.begun {
		t.Counted(time.Now(), c.Counted()...)
	}
	t.mu.Lock()
	looks := t.count()
	t.account.End = e
	r := t.account.Report()
	t.mu.Unlock()
	for _, f := range t.feeds {
		f.counts(looks)
		switch {
		case f == nil:
			continue
		case f.samples != nil:
			f.put(e)
		case !r.StartedAt.IsZero():
			f.event(r.Ending())
		}
		if !f.end() {
			t.note(footprint.Fault{Code: footprint.NotRecorded, Component: f.what(), Text: f.what() + ": incomplete: writing was slower than the run"})
		}
		if !t.begun {
			close(f.done)
		}
	}
}

// tell gives the sinks the final report, in order, each after all that came
// before it.
func (t *Tracker) tell() {
	ctx, cancel := context.WithTimeout(context.Background(), sinkTime)
	defer cancel()
	for _, f := range t.feeds {
		if f != nil {
			f.settled(ctx)
		}
	}
	t.final = t.report()
	for i, s := range t.sinks {
		if err := t.feeds[i].give(s, t.final); err != nil {
			t.err = errors.Join(t.err, err)
			t.final.Warnings = append(t.final.Warnings, footprint.Warning{Code: footprint.SinkFailed, Text: err.Error()})
		}
	}
}

// close lets go of all that is read. Both turns are held, for ever. A meter that
// hangs is closed when it comes back.
func (t *Tracker) close() {
	t.grid.stop()
	t.forecasts.stop()
	for _, m := range t.meters {
		_ = m.Close() // nothing is written through it
	}
	t.usage.close()
	if t.own != nil {
		t.own.close()
	}
	for _, r := range t.readers {
		if !t.begun {
			go r.run()
		}
		close(r.asked)
		if r.waiting {
			r.cancel()
		}
	}
}

// closed waits for the readers that do not hang.
func (t *Tracker) closed() {
	end := time.Now().Add(lastRead)
	for _, r := range t.readers {
		if !r.waiting {
			await(r.closed, time.Until(end))
		}
		r.cancel()
	}
}

// countedBy returns the run that holds this one's energy already, "" if none does.
func (t *Tracker) countedBy() string {
	if t.parent.ID == t.head.Run.Parent && t.parent.Counts() {
		return t.parent.ID
	}
	return ""
}

// overhead is what tracking itself has used.
func (t *Tracker) overhead() footprint.Overhead {
	cpu := t.spent
	if t.own == nil {
		cpu = ownCPU() // this process does nothing else
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.account.Overhead(cpu)
}
