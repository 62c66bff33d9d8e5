package fleet

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A tape is what a store has scraped, for a test: one series.
type tape struct {
	name   string
	labels map[string]string
	points []point
}

// A fake answers the questions of this package, over its tapes, as Prometheus does. It
// refuses more than limit points of one series at a time, if that is not 0.
type fake struct {
	tapes    []tape
	limit    int
	warnings []string
	asked    int
	requests []*http.Request
}

var (
	lastOver = regexp.MustCompile(`^last_over_time\((.+)\[(\d+)s\]\)$`)
	peaks    = regexp.MustCompile(`^max_over_time\((\w+)\[(\d+)s\]\) and resets\((\w+)\[\d+s\]\) > 0$`)
	falls    = regexp.MustCompile(`^resets\((\w+)\[(\d+)s\]\) > 0$`)
	scrapes  = regexp.MustCompile(`^carbonctl_run_info(\{.+\})\[(\d+)s\]$`)
	targets  = regexp.MustCompile(`^group by \(job, instance\) \(last_over_time\(up\[(\d+)s\]\)\)$`)
	named    = regexp.MustCompile(`^\{__name__=~"(.*)"\}$`)
)

func (f *fake) start(t *testing.T) string {
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return Prefix + s.URL
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked++
	f.requests = append(f.requests, r)
	q := r.URL.Query()
	number := func(name string) float64 { v, _ := strconv.ParseFloat(q.Get(name), 64); return v }
	from, to, step := number("start"), number("end"), number("step")
	if strings.HasSuffix(r.URL.Path, "/query") {
		from, to, step = number("time"), number("time"), 1
	}
	if n := int((to-from)/step) + 1; f.limit > 0 && n > f.limit {
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}`)
		return
	}
	type row struct {
		Metric map[string]string `json:"metric"`
		Values [][2]any          `json:"values"`
	}
	result := []row{}
	query := q.Get("query")
	for _, t := range f.tapes {
		metric := map[string]string{}
		for k, v := range t.labels {
			metric[k] = v
		}
		out := row{Metric: metric}
		eval := t.eval(query, metric)
		if m := scrapes.FindStringSubmatch(query); m != nil && t.name == infoName && m[1] == selector(t.labels) {
			length, _ := strconv.ParseFloat(m[2], 64)
			for _, p := range t.points {
				if p.at > to-length && p.at <= to {
					out.Values = append(out.Values, [2]any{p.at, "1"})
				}
			}
		}
		for at := from; eval != nil && at <= to; at += step {
			if v, ok := eval(at); ok {
				out.Values = append(out.Values, [2]any{at, strconv.FormatFloat(v, 'g', -1, 64)})
			}
		}
		if len(out.Values) > 0 {
			result = append(result, out)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "warnings": f.warnings, "data": map[string]any{"resultType": "matrix", "result": result}})
}

// eval gives the values of a question over one tape, nil where it is not about that.
func (t tape) eval(query string, metric map[string]string) func(at float64) (float64, bool) {
	within := func(window string, at float64) []point {
		n, _ := strconv.ParseFloat(window, 64)
		after := func(at float64) int {
			i, _ := slices.BinarySearchFunc(t.points, at, func(p point, at float64) int { return cmp.Or(cmp.Compare(p.at, at), -1) })
			return i
		}
		return t.points[after(at-n):after(at)]
	}
	if m := targets.FindStringSubmatch(query); m != nil && t.name == "up" {
		return func(at float64) (float64, bool) { return 1, len(within(m[1], at)) > 0 }
	}
	if m := lastOver.FindStringSubmatch(query); m != nil {
		if n := named.FindStringSubmatch(m[1]); n != nil && !regexp.MustCompile("^(?:"+n[1]+")$").MatchString(t.name) || n == nil && m[1] != t.name {
			return nil
		}
		metric["__name__"] = t.name
		return func(at float64) (float64, bool) {
			p := within(m[2], at)
			if len(p) == 0 {
				return 0, false
			}
			return p[len(p)-1].value, true
		}
	}
	if m := falls.FindStringSubmatch(query); m != nil && m[1] == t.name {
		return func(at float64) (float64, bool) {
			n, p := 0.0, within(m[2], at)
			for i, x := range p {
				if i > 0 && x.value < p[i-1].value {
					n++
				}
			}
			return n, n > 0
		}
	}
	if m := peaks.FindStringSubmatch(query); m != nil && m[1] == t.name {
		return func(at float64) (float64, bool) {
			p, most, fell := within(m[2], at), 0.0, false
			for i, x := range p {
				most = max(most, x.value)
				fell = fell || i > 0 && x.value < p[i-1].value
			}
			return most, fell
		}
	}
	return nil
}

// id is that of a run which began at a time, in Unix seconds.
func id(start float64) string {
	u := uuid.UUID{}
	binary.BigEndian.PutUint64(u[:8], uint64(start*1e3)<<16|0x7000)
	u[8] = 0x80
	return u.String()
}

// A scraped run is played onto tapes.
type scraped struct {
	id, target         string
	start, watts       float64 // of one component
	first, last, every float64 // when it was scraped
	ends               float64 // when the end was told, 0: never
	info               map[string]string
	extra              map[string]string // labels of all series, as those of a Pushgateway's group
}

func (s scraped) onto(tapes *[]tape) {
	base := map[string]string{"job": "carbonctl", "instance": s.target}
	for k, v := range s.extra {
		base[k] = v
	}
	put := func(name string, value func(at float64) float64, pairs ...string) {
		labels := map[string]string{}
		for k, v := range base {
			labels[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			labels[pairs[i]] = pairs[i+1]
		}
		i := slices.IndexFunc(*tapes, func(t tape) bool { return key(t.name, t.labels) == key(name, labels) })
		if i < 0 {
			*tapes, i = append(*tapes, tape{name: name, labels: labels}), len(*tapes)
		}
		for at := s.first; at <= s.last; at += s.every {
			if v := value(at); v >= 0 {
				(*tapes)[i].points = append((*tapes)[i].points, point{at, v})
			}
		}
	}
	one := func(float64) float64 { return 1 }
	used := func(at float64) float64 {
		if s.ends > 0 {
			at = min(at, s.ends)
		}
		return s.watts * (at - s.start)
	}
	info := []string{"run_id", s.id, "host", s.target, "zone", "FR", "charge", "machine"}
	for k, v := range s.info {
		info = append(info, k, v)
	}
	put(infoName, one, info...)
	put(energyName, used, "component", "cpu", "device", "package-0", "basis", "measured")
	put(energyName, func(at float64) float64 { return 2 * used(at) }, "component", "gpu", "device", "GPU-1", "basis", "modelled")
	put(emissionsName, func(at float64) float64 { return used(at) / 1000 }, "scope", "lifecycle")
	put("carbonctl_run_start_time_seconds", func(float64) float64 { return s.start })
	put("carbonctl_energy_low_joules", func(at float64) float64 { return used(at) * 3 / 2 })
	put("carbonctl_energy_high_joules", func(at float64) float64 { return used(at) * 6 })
	put("carbonctl_pue_ratio", func(float64) float64 { return 1.25 })
	put("carbonctl_factor_info", one, "zone", "FR", "scope", "lifecycle", "kind", "annual-average", "year", "2025", "source", "Ember")
	put("carbonctl_factor_grams_per_kwh", func(float64) float64 { return 41 }, "scope", "lifecycle")
	if s.ends > 0 {
		after := func(v float64) func(float64) float64 {
			return func(at float64) float64 {
				if at < s.ends {
					return -1
				}
				return v
			}
		}
		put("carbonctl_run_end_time_seconds", after(s.ends))
		put("carbonctl_run_status", after(1), "status", "completed")
	}
	put("carbonctl_run_status", func(at float64) float64 {
		if s.ends > 0 && at >= s.ends {
			return -1
		}
		return 1
	}, "status", "running")
	put("carbonctl_run_seconds_total", func(at float64) float64 { return used(at) / s.watts })
	put("up", one)
}
