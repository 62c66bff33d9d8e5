package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// A reader adds up what a store answers, chunk after chunk.
type reader struct {
	client *client
	from   time.Time
	step   time.Duration
	add    func(runs.Row)
	seen   Seen

	n        int                 // of the chunk
	window   float64             // seconds: its step, within which a value was scraped
	runs     map[string]*run     // by ID and the way by which they came
	counters map[string]*counter // by the name of the family and all labels
	present  []*presence         // of this chunk
	made     []string            // runs that were first seen in it
	index    map[string]map[string][]*presence

	hosts, jobs, instances map[string]bool
	mixed                  map[string]bool
	cutPower               float64 // watts of the runs whose end was not seen,
	cut                    []*run  // and some of them
}

// A presence is when a run was there, by one series of carbonctl_run_info.
type presence struct {
	labels map[string]string
	run    *run
	at     []point // in the order of time
}

// isAt reports whether it was there at a time of the chunk.
func (p *presence) isAt(at float64) bool {
	_, ok := slices.BinarySearchFunc(p.at, at, func(p point, at float64) int { return cmp.Compare(p.at, at) })
	return ok
}

// A counter is a series whose growth is added up.
type counter struct {
	last float64
	run  *run // that had it last
}

// The names of families, and the labels that are their own: the others are the target's.
const (
	infoName      = "carbonctl_run_info"
	energyName    = "carbonctl_energy_joules_total"
	emissionsName = "carbonctl_emissions_grams_total"
	startName     = "carbonctl_run_start_time_seconds"
)

var own = map[string][]string{
	energyName: {"component", "device", "basis"}, emissionsName: {"component", "device", "basis", "scope"},
	"carbonctl_run_seconds_total": nil, startName: nil, "carbonctl_run_end_time_seconds": nil, "carbonctl_run_status": {"status"},
	"carbonctl_energy_low_joules": nil, "carbonctl_energy_high_joules": nil, "carbonctl_pue_ratio": nil,
	"carbonctl_factor_info": {"zone", "scope", "kind", "year", "source"}, "carbonctl_factor_grams_per_kwh": {"scope"},
}

// chunk adds what was between two times, a whole number of steps apart. It counts nothing
// where it fails.
func (r *reader) chunk(ctx context.Context, from, to time.Time, step time.Duration) (err error) {
	first, w := from.Add(step), fmt.Sprintf("[%ds]", int(step.Seconds()))
	over := func(query string, each func(series) error) error {
		return r.client.overRange(ctx, query, first, to, step, each)
	}
	r.n++
	r.window = step.Seconds()
	r.present, r.made, r.index = nil, nil, map[string]map[string][]*presence{}
	defer func() {
		if err != nil { // it will be asked for again, in part
			for _, way := range r.made {
				delete(r.runs, way)
			}
		}
	}()
	if err := over("last_over_time("+infoName+w+")", r.info); err != nil {
		return err
	}
	var gauges []string
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if name != energyName && name != emissionsName {
			gauges = append(gauges, strings.TrimPrefix(name, "carbonctl_"))
		}
	}
	if err := over(`last_over_time({__name__=~"carbonctl_(`+strings.Join(gauges, "|")+`)"}`+w+")", r.gauge); err != nil {
		return err
	}
	// Runs of one target follow each other: where an earlier start is seen after a later one
	// they went on at once, and their counters are one series.
	err = over(fmt.Sprintf("resets(%s[%ds]) > 0", startName, 2*int(step.Seconds())), func(s series) error {
		s.name = startName
		list := r.target(s)
		for _, p := range s.points {
			all := r.of(list, p.at)
			if len(all) < 2 {
				all = append(all, r.of(list, p.at-step.Seconds())...)
			}
			if len(all) < 2 || all[0] == all[1] {
				continue
			}
			for _, run := range all {
				run.mixed = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// All that can fail is asked before anything is counted.
	var found []growth
	unnamed := 0
	for _, name := range []string{energyName, emissionsName} {
		peaks := map[string]map[float64]float64{}
		err := over("max_over_time("+name+w+") and resets("+name+w+") > 0", func(s series) error {
			of := map[float64]float64{}
			for _, p := range s.points {
				of[p.at] = p.value
			}
			peaks[key(name, s.labels)] = of
			return nil
		})
		if err != nil {
			return err
		}
		err = over("last_over_time("+name+w+")", func(s series) error {
			s.name = name
			if len(r.target(s)) == 0 {
				unnamed++
				return nil
			}
			found = append(found, r.growth(s, peaks[key(name, s.labels)]))
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, g := range found {
		g.book()
		r.counters[g.key] = g.state
	}
	r.seen.Unnamed = max(r.seen.Unnamed, unnamed)
	return nil
}

// info takes when a run was there.
func (r *reader) info(s series) error {
	if len(s.points) == 0 {
		return nil
	}
	id := field(s.labels, "run_id")
	if id == "" {
		return nil // its counters are told as unnamed
	}
	way := id + "\x00" + wayOf(s.labels)
	known := r.runs[way]
	if known == nil {
		known = newRun(s.labels)
		known.way = way
		r.runs[way] = known
		r.made = append(r.made, way)
	}
	known.chunk = r.n
	known.labels = s.labels
	p := &presence{labels: s.labels, run: known, at: s.points}
	known.saw(s.points[0].at, s.points[len(s.points)-1].at-r.window)
	r.present = append(r.present, p)
	r.jobs[s.labels["job"]], r.instances[s.labels["instance"]] = true, true
	return nil
}

// of gives the runs of a series' target at a time, the latest last: IDs of runs are in the
// order of their starts.
func (r *reader) of(list []*presence, at float64) (all []*run) {
	for _, p := range list {
		if p.isAt(at) && !slices.Contains(all, p.run) {
			all = append(all, p.run)
		}
	}
	if len(all) > 1 {
		slices.SortFunc(all, func(a, b *run) int { return strings.Compare(a.id, b.id) })
	}
	return all
}

// target are the presences that share the labels of a series but its own.
func (r *reader) target(s series) []*presence {
	var names []string
	for name := range s.labels {
		if !slices.Contains(own[s.name], name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	values := func(labels map[string]string) string {
		var b strings.Builder
		for _, n := range names {
			b.WriteString(labels[n] + "\x00")
		}
		return b.String()
	}
	set := strings.Join(names, "\x00")
	if r.index[set] == nil {
		r.index[set] = map[string][]*presence{}
		for _, p := range r.present {
			v := values(p.labels)
			r.index[set][v] = append(r.index[set][v], p)
		}
	}
	return r.index[set][values(s.labels)]
}

// gauge takes what is known of a run besides.
func (r *reader) gauge(s series) error {
	list := r.target(s)
	for _, p := range s.points {
		all := r.of(list, p.at)
		for i, run := range all {
			if i == len(all)-1 {
				run.learn(s, p)
				continue
			}
			// Nothing more is known of it; but a target has factors of one scope.
			if s.name == "carbonctl_factor_info" {
				run.scope = cmp.Or(run.scope, regions.Scope(field(s.labels, "scope")))
			}
		}
	}
	return nil
}

// A growth is what a series adds to runs in a chunk.
type growth struct {
	key   string
	state *counter
	adds  []amount
	name  string
	part  part
}

type amount struct {
	run *run
	of  float64
}

func (g growth) book() {
	for _, a := range g.adds {
		a.run.book(g.name, g.part, a.of)
	}
}

// growth finds what a counter has grown by, and whose that is. peaks are the greatest
// values of the steps in which it fell.
func (r *reader) growth(s series, peaks map[float64]float64) growth {
	g := growth{key: key(s.name, s.labels), name: s.name, part: partOf(s.labels), state: &counter{}}
	if before := r.counters[g.key]; before != nil {
		*g.state = *before
	}
	list, c := r.target(s), g.state
	for _, p := range s.points {
		all := r.of(list, p.at)
		if len(all) == 0 {
			continue
		}
		now := all[len(all)-1]
		// The peak of a step is another's where it is above what the latest run has: of two
		// runs the earlier one's. Of more, nobody can tell.
		peak, fell := peaks[p.at]
		others := fell && peak > p.value
		switch {
		case c.run == nil:
			if others && len(all) == 2 { // the earlier one has come and gone within the step
				g.since(all[0], peak, r.from)
			}
			g.since(now, p.value, r.from)
		case c.run == now && p.value >= c.last && !fell:
			g.give(now, p.value-c.last)
		default: // it began anew: what it was before belongs to who had it
			if others && peak > c.last && (len(all) == 1 && now == c.run || len(all) == 2 && all[0] == c.run) {
				g.give(c.run, peak-c.last)
			}
			g.give(now, p.value)
		}
		c.run, c.last = now, p.value
	}
	return g
}

// since takes the first value of a counter that is seen. It counts from 0 if the run began
// in the range: else what it had used before is not known.
func (g *growth) since(of *run, value float64, from time.Time) {
	switch {
	case of.start == 0: // no scrape says when it began
	case of.start < float64(from.UnixMilli())/1e3:
		of.before = true
	default:
		g.give(of, value)
	}
}

// give adds an amount for a run.
func (g *growth) give(to *run, of float64) {
	if n := len(g.adds); n > 0 && g.adds[n-1].run == to {
		g.adds[n-1].of += of
		return
	}
	g.adds = append(g.adds, amount{to, of})
}

// flush gives the runs that have ended, all at the end.
func (r *reader) flush(all bool) {
	latest := map[string]int{} // chunk in which a run was there, in any way
	for _, run := range r.runs {
		latest[run.id] = max(latest[run.id], run.chunk)
	}
	best := map[string]*run{}
	for way, run := range r.runs {
		if !all && latest[run.id] == r.n {
			continue
		}
		delete(r.runs, way)
		r.hosts[run.host()] = true
		if other := best[run.id]; other == nil || run.tellsMore(other) {
			best[run.id] = run
		}
	}
	for _, run := range best {
		if run.before || run.start > 0 && run.start < float64(r.from.UnixMilli())/1e3 {
			r.seen.Before++
			continue
		}
		row, cut := run.row()
		r.seen.Runs++
		switch {
		case run.mixed:
			r.seen.Mixed++
			r.mixed[cmp.Or(run.labels["instance"], run.host())] = true
		case cut:
			r.seen.Cut++
			r.cutPower += run.power()
			if len(r.cut) < asked {
				r.cut = append(r.cut, run)
			}
		}
		r.add(row)
	}
	maps.DeleteFunc(r.counters, func(_ string, c *counter) bool { return c.run == nil || r.runs[c.run.way] != c.run })
}

// field is a label of the run's own, also where a target's label of that name has pushed
// it aside.
func field(labels map[string]string, name string) string {
	if v, ok := labels["exported_"+name]; ok {
		return v
	}
	return labels[name]
}

func key(name string, labels map[string]string) string {
	var b strings.Builder
	b.WriteString(name)
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString("\x00" + k + "\x01" + labels[k])
	}
	return b.String()
}
