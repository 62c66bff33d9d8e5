package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

const (
	lookTimeout = 2 * time.Second
	maxBody     = 8 << 20
)

// source is a target as it is looked at.
type source struct {
	Target
	began    time.Time // of the run
	counters []*counter
	units    map[string]*footprint.Count // with what was done since flush

	heard    bool    // it has shown metrics
	answered bool    // and they could be counted
	failed   bool    // before that
	fresh    bool    // since flush
	at       float64 // of the last look, in seconds since 1970
	process  float64 // when its process began, by its own clock; 0: not told
	wrong    error   // why the last look failed
	refused  string  // why what it shows can't be counted

	// Of an engine that counts requests when they end: how many were in work at the first
	// look and at the last, and what was done in all. -1: not told.
	before, after float64
	sums          map[string]float64 // by unit
	owed          float64            // aborted requests that were not yet in the requests
}

func newSource(t Target, began time.Time) *source {
	s := &source{Target: t, began: began, before: -1, after: -1, units: map[string]*footprint.Count{}, sums: map[string]float64{}}
	for _, r := range t.preset.rules {
		s.counters = append(s.counters, &counter{rule: r})
	}
	return s
}

// get asks for the metrics.
func (s *source) get(ctx context.Context, client *http.Client) (exposition, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return exposition{}, err
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	req.Header.Set("User-Agent", "carbonctl")
	res, err := client.Do(req)
	if err != nil {
		return exposition{}, plain(err)
	}
	defer res.Body.Close()
	switch to, err := res.Location(); {
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return exposition{}, fmt.Errorf("HTTP status %d: it asks for credentials, and none are sent", res.StatusCode)
	case res.StatusCode != http.StatusOK && err == nil:
		return exposition{}, fmt.Errorf("HTTP status %d: it redirects to %.100q, which is not followed; give that address if it is right", res.StatusCode, to.Scheme+"://"+to.Host+to.Path)
	case res.StatusCode != http.StatusOK:
		return exposition{}, fmt.Errorf("HTTP status %d", res.StatusCode)
	}
	if c := res.Header.Get("Content-Encoding"); c != "" && c != "identity" {
		return exposition{}, fmt.Errorf("unexpected compression (%.20s)", c)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return exposition{}, plain(err)
	}
	if len(b) > maxBody {
		return exposition{}, errors.New("more than 8 MiB of metrics")
	}
	return parse(b, s.wants)
}

// plain is an error of HTTP without the URL, which may hold a secret.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	if lookup := (*net.DNSError)(nil); errors.As(err, &lookup) {
		return errors.New("host not found")
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err
}

// take counts what an answer shows.
func (s *source) take(e exposition, now time.Time) {
	s.heard, s.wrong = true, nil
	if s.refused = s.refuses(&e); s.refused != "" {
		s.failed = true
		return
	}
	process := 0.0
	for _, p := range e.samples[started] {
		process = max(process, p.value)
	}
	at := era{first: !s.answered, before: s.at}
	if at.first && s.failed {
		// Nobody answered when the run began. Whoever answers now counts from 0 if it says that
		// it has started since; else what it did until now is lost.
		at.sinceZero, at.before = process >= seconds(s.began)-1, seconds(s.began)
	}
	at.again = s.answered && s.process != 0 && process > s.process+1
	s.answered, s.fresh, s.at, s.process = true, true, seconds(now), process
	s.flight(&e, at)
	reset := false
	for _, c := range s.counters {
		if c.shown(&e) {
			m := c.look(&s.Target, &e, at)
			s.count(c, m)
			reset = reset || m.reset
		}
	}
	for _, n := range s.units {
		s.edges(n)
		n.Lower = n.Lower || reset // one process has counted them all
	}
}

// count adds what a counter has done.
func (s *source) count(c *counter, m moved) {
	n := s.units[c.unit]
	if n == nil {
		n = &footprint.Count{Unit: c.unit, How: footprint.ByCounter}
		s.units[c.unit] = n
	}
	switch c.role {
	case done:
		n.N, n.Source, n.Series = n.N+m.n, c.name, c.series
		s.sums[c.unit] += m.n
	case taken:
		s.owed += m.n
		off := min(n.N, s.owed)
		n.N, s.owed = n.N-off, s.owed-off
		s.sums[c.unit] -= off
		n.Aborted += m.n
	case aborted:
		n.Aborted += m.n
	}
	if m.reset {
		n.Resets = 1
	}
	n.Lower = n.Lower || m.lower
}

// flush gives what was done since the last flush.
func (s *source) flush() (list []footprint.Count) {
	s.fresh = false
	for _, unit := range slices.Sorted(maps.Keys(s.units)) {
		n := s.units[unit]
		list = append(list, *n)
		n.N, n.Aborted, n.Resets, n.Lower = 0, 0, 0, false
	}
	return list
}

// unknown are the units of which more may have been done since the engine last showed a
// number.
func (s *source) unknown() (units []string) {
	if s.wrong != nil && s.answered {
		return slices.Sorted(maps.Keys(s.units))
	}
	for _, c := range s.counters {
		if len(c.hidden) > 0 {
			units = append(units, c.unit)
		}
	}
	return units
}

// refuses says why an answer can't be counted, "" if it can.
func (s *source) refuses(e *exposition) string {
	for _, c := range s.counters {
		for _, name := range c.names {
			if t := e.typeOf(name); len(e.samples[name]) > 0 && t == "gauge" {
				return fmt.Sprintf("%s is a gauge, and no counter", name)
			}
		}
	}
	if !s.preset.oneModel {
		return ""
	}
	models := map[string]bool{}
	for _, r := range s.preset.rules {
		for _, name := range r.names {
			for _, x := range e.samples[name] {
				if m, ok := x.label("model"); ok && s.fits(x) {
					models[m] = true
				}
			}
		}
	}
	if len(models) < 2 {
		return ""
	}
	list := slices.Sorted(maps.Keys(models))
	return fmt.Sprintf("it counts %d models, and an ensemble its steps as well (%s): name one, as in %s#{model=%q}",
		len(list), strings.Join(list[:min(3, len(list))], ", "), s.url, list[0])
}

// flight notes how many requests are in work.
func (s *source) flight(e *exposition, at era) {
	if !s.preset.ends {
		return
	}
	s.after = -1
	for i, x := range e.samples[s.preset.running] {
		if i == 0 {
			s.after = 0
		}
		if x.value >= 0 && x.value < 1e9 && s.fits(x) {
			s.after += x.value
		}
	}
	switch {
	case at.sinceZero:
		s.before = 0
	case at.first:
		s.before = s.after
	}
}

// edges bounds a count by the requests that were in work at both ends: an engine that
// counts them when they end has done a part of some before the run, and of others it has
// not told.
func (s *source) edges(c *footprint.Count) {
	if !s.preset.ends {
		return
	}
	if s.before < 0 || s.after < 0 {
		c.Lower = true // it does not tell how many there are
		return
	}
	mean := 1.0
	if c.Unit != footprint.UnitRequest {
		if s.sums[footprint.UnitRequest] == 0 {
			c.Lower = c.Lower || s.after > 0
			return
		}
		mean = s.sums[c.Unit] / s.sums[footprint.UnitRequest]
	}
	c.Before, c.After = min(s.before*mean, s.sums[c.Unit]), s.after*mean
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }
