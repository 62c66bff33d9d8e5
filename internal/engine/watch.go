package engine

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

const (
	lookEvery  = 5 * time.Second // between two looks: what a restart can lose, and how finely busy is told from idle
	retryEvery = time.Second     // until an engine first answers
	// tellTime is how long before the end of its time the last look is given up, so that
	// what it has shown can be told.
	tellTime = 10 * time.Millisecond
)

// A Watch looks at engines beside a run. It never holds the run up. It is made by New.
type Watch struct {
	found  func(at time.Time, counts ...footprint.Count)
	client *http.Client
	stop   context.CancelFunc
	done   chan struct{}       // closed when the regular looks are over
	last   chan struct{}       // closed when the last one is
	final  []footprint.Count   // what it has shown; after last
	begun  map[string]struct{} // units that were counted; guarded by mu
	warn   []footprint.Warning // after last
	mu     sync.Mutex

	sources []*source // these belong to the goroutine that looks
}

// New begins to look at engines, at once and then every 5 seconds. found is given what they
// have done since the look before, from one goroutine; it is not called after End.
func New(targets []Target, found func(at time.Time, counts ...footprint.Count)) *Watch {
	return start(targets, found, &http.Client{
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

func start(targets []Target, found func(at time.Time, counts ...footprint.Count), client *http.Client) *Watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &Watch{
		found: found, client: client, stop: stop, done: make(chan struct{}), last: make(chan struct{}), begun: map[string]struct{}{},
	}
	now := time.Now()
	for _, t := range targets {
		w.sources = append(w.sources, newSource(t, now))
	}
	go w.run(ctx)
	return w
}

// run looks until End. An engine that has not answered yet is asked every second; what it
// shows first waits for the next regular look, so that the windows between two of them are
// the same for all.
func (w *Watch) run(ctx context.Context) {
	defer close(w.done)
	next := time.Now()
	for {
		whole := !time.Now().Before(next)
		if whole {
			if next = next.Add(lookEvery); time.Until(next) < 0 {
				next = time.Now().Add(lookEvery)
			}
		}
		w.look(ctx, lookTimeout, whole)
		if ctx.Err() != nil {
			return // what was seen comes with the last look
		}
		if whole {
			if list := w.flush(); len(list) > 0 {
				w.found(time.Now(), list...)
			}
		}
		wait := time.Until(next)
		if slices.ContainsFunc(w.sources, func(s *source) bool { return !s.heard }) {
			wait = min(wait, retryEvery)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// look asks all engines at a time, or, if not whole, those of which nothing was heard yet.
func (w *Watch) look(ctx context.Context, timeout time.Duration, whole bool) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var wait sync.WaitGroup
	for _, s := range w.sources {
		if !whole && s.heard {
			continue
		}
		wait.Go(func() {
			e, err := s.get(ctx, w.client)
			if err != nil {
				s.wrong, s.failed = err, s.failed || !s.answered
				return
			}
			s.take(e, time.Now())
		})
	}
	wait.Wait()
}

// flush adds up what the engines have done since the last one, nil where none was seen.
func (w *Watch) flush() (all []footprint.Count) {
	if !slices.ContainsFunc(w.sources, func(s *source) bool { return s.fresh }) {
		return nil
	}
	by := map[string]*footprint.Count{}
	for _, s := range w.sources {
		for _, c := range s.flush() {
			if n := by[c.Unit]; n == nil {
				by[c.Unit] = &c
			} else {
				join(n, c)
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, unit := range slices.Sorted(maps.Keys(by)) {
		all = append(all, *by[unit])
		w.begun[unit] = struct{}{}
	}
	return all
}

// join adds what another engine has done of the same unit.
func join(n *footprint.Count, c footprint.Count) {
	n.N, n.Aborted, n.Resets, n.Series = n.N+c.N, n.Aborted+c.Aborted, n.Resets+c.Resets, n.Series+c.Series
	n.Before, n.After, n.Lower = n.Before+c.Before, n.After+c.After, n.Lower || c.Lower
	if c.Source != "" && !slices.Contains(strings.Split(n.Source, " + "), c.Source) {
		n.Source = strings.TrimPrefix(n.Source+" + "+c.Source, " + ")
	}
}

// End begins the last look, which has until a time. It does not wait, and is called once.
func (w *Watch) End(until time.Time) {
	w.stop()
	go func() {
		defer close(w.last)
		<-w.done // soon: the look that was underway is given up
		w.look(context.Background(), max(time.Until(until)-tellTime, time.Millisecond), true)
		w.final = w.flush()
		for _, s := range w.sources {
			for _, unit := range s.unknown() {
				w.final = append(w.final, blind(unit))
			}
			w.warn = append(w.warn, s.warnings()...)
		}
		w.client.CloseIdleConnections()
	}()
}

// blind says that more of a unit may have been done than was seen.
func blind(unit string) footprint.Count {
	return footprint.Count{Unit: unit, How: footprint.ByCounter, Lower: true, Blind: true}
}

// Last waits for what the last look shows, until a time: then what was counted so far is a
// lower bound.
func (w *Watch) Last(until time.Time) (list []footprint.Count) {
	if w.ended(until) {
		return w.final
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, unit := range slices.Sorted(maps.Keys(w.begun)) {
		list = append(list, blind(unit))
	}
	return list
}

func (w *Watch) ended(until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-w.last:
		return true
	case <-timer.C:
		return false
	}
}

// Warnings says what could not be counted. It is called after Last, and waits for nothing.
func (w *Watch) Warnings() []footprint.Warning {
	select {
	case <-w.last:
		return w.warn
	default:
		return []footprint.Warning{{Code: footprint.WorkPartial, Text: "the engines' counters could not be read at the end in time: what they did since the last look is not counted"}}
	}
}

// warnings of one engine.
func (s *source) warnings() []footprint.Warning {
	w := footprint.Warning{Code: footprint.WorkUnseen, Hint: s.preset.hint}
	shown := slices.ContainsFunc(s.counters, func(c *counter) bool { return c.name != "" })
	switch {
	case s.refused != "":
		w.Text, w.Hint = s.Name+": "+s.refused, ""
	case !s.heard:
		w.Text = fmt.Sprintf("%s was not counted: %v", s.Name, s.wrong)
	case !shown:
		var list []string
		for _, c := range s.counters {
			list = append(list, c.names[0])
		}
		w.Text = fmt.Sprintf("%s shows none of its counters: %s", s.Name, strings.Join(list[:min(2, len(list))], ", "))
	case s.wrong != nil:
		w.Code, w.Hint = footprint.WorkPartial, ""
		w.Text = fmt.Sprintf("%s did not answer at the end (%v): its counts are lower bounds", s.Name, s.wrong)
	default:
		return nil
	}
	return []footprint.Warning{w}
}
