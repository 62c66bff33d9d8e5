package engine

import (
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
)

// processLabels name the process that counts, not what it counts: a worker that is
// replaced goes on with the same work.
var processLabels = []string{"pid", "WorkerId", "SessionName", "instance", "replica", "engine_worker_id"}

func ofProcess(name string) bool { return slices.Contains(processLabels, name) }

// maxSeries bounds the series of a counter that are kept: those that come and go would
// fill the memory else.
const maxSeries = 50_000

// counter is one rule at one engine, from its first look on.
type counter struct {
	rule
	name   string             // of the metric, once the engine has shown it
	last   map[string]float64 // by series
	hidden map[string]bool    // series whose latest value is no number that can be counted
	series int                // that the last look summed, less what tells processes apart
}

// moved is what a counter has done since the look before.
type moved struct {
	n     float64
	reset bool // it has started again: what it did in between is lost
	lower bool // something may be missing in n
}

// era says what is known of the engine's process at a look.
type era struct {
	// first look ever; sinceZero that the process is known to have counted nothing before
	// the run.
	first, sinceZero bool
	again            bool    // the process is another one than at the look before
	before           float64 // when that was, in seconds since 1970
}

// shown reports whether the engine shows the counter, and remembers its name.
func (c *counter) shown(e *exposition) bool {
	if c.name != "" {
		return true
	}
	for _, name := range c.names {
		if len(e.samples[name]) > 0 || e.types[name] != "" || e.types[strings.TrimSuffix(name, "_total")] != "" {
			c.name = name
			return true
		}
	}
	return false
}

// look takes what the engine shows. A series that comes later has counted from 0, unless
// another process may have brought its history.
func (c *counter) look(t *Target, e *exposition, at era) (m moved) {
	now := map[string]float64{}
	process := map[string]bool{}
	kinds, hidden := map[string]bool{}, map[string]bool{}
	created := c.created(e)
	list := c.chosen(t, e)
	for _, s := range list {
		k := key(s.labels, nil)
		if !(s.value >= 0 && s.value <= footprint.MaxCount) {
			hidden[k] = true // the series stands where it was
			continue
		}
		now[k] += s.value
		process[k] = slices.ContainsFunc(s.labels, func(l label) bool { return ofProcess(l.name) })
		kinds[key(s.labels, ofProcess)] = true
	}
	c.series = len(kinds)
	if c.last == nil {
		c.last = map[string]float64{}
	}
	for k, v := range now {
		old, known := c.last[k]
		switch {
		case at.first && at.sinceZero, known && at.again:
			m.n += v
		case at.first:
			m.lower = m.lower || at.before != 0 && v > 0 // it counts since before this look
		case known && v >= old:
			m.n += v - old
		case known:
			m.n += v
			m.reset = true
		case len(c.last) >= maxSeries:
			m.lower = true
			continue
		case c.hidden[k]: // what it counted until now may be from before the run
			m.lower = true
		case !process[k], at.again, created[k] > at.before:
			m.n += v
		default: // another process, which may have come with its history
			m.lower = m.lower || v > 0
		}
		c.last[k] = v
	}
	c.hidden = hidden
	if at.again && !at.first {
		m.reset = true
		for k := range c.last { // the old process is gone
			if _, ok := now[k]; !ok {
				c.last[k] = 0
			}
		}
	}
	return m
}

// chosen are the series that are added up.
func (c *counter) chosen(t *Target, e *exposition) (list []sample) {
	for _, s := range e.samples[c.name] {
		if t.fits(s) && (c.keep == nil || c.keep(s)) {
			list = append(list, s)
		}
	}
	if c.apart == nil || !slices.ContainsFunc(list, func(s sample) bool { return !c.apart(s) }) {
		return list
	}
	return slices.DeleteFunc(list, c.apart)
}

// created is when each series began, as far as the engine says so.
func (c *counter) created(e *exposition) map[string]float64 {
	all := map[string]float64{}
	for _, s := range e.samples[strings.TrimSuffix(c.name, "_total")+"_created"] {
		all[key(s.labels, nil)] = s.value
	}
	return all
}
