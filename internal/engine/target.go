// Package engine counts what an inference engine does, by the counters that it shows to
// Prometheus: tokens, requests, samples.
//
// [ParseTarget] says which engine, [Watch] looks at them beside a run. Counters are read
// and never rates, all series of a name are added up, and what can't be known makes a
// count a lower bound.
package engine

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
)

// A Target is an engine to look at. It is made by ParseTarget.
type Target struct {
	// Name for people: the preset and where it is, without what may be secret.
	Name   string
	url    string
	preset preset
	filter []label // that a series must have
}

// ParseTarget reads PRESET, PRESET=URL or UNIT=URL#METRIC. Behind a metric, or behind
// PRESET=URL#, may stand the labels that a series must have: {model="llama"}.
func ParseTarget(s string) (Target, error) {
	name, at, has := strings.Cut(s, "=")
	name = strings.TrimSpace(name)
	p, known := presets()[name]
	switch {
	case !known && !has:
		return Target{}, fmt.Errorf("unknown engine %.40q: use %s, or UNIT=URL#METRIC", name, strings.Join(Presets(), ", "))
	case known && !has:
		at = "http://localhost:" + p.port
	}
	at, metric, named := strings.Cut(strings.TrimSpace(at), "#")
	u, err := parseURL(at)
	if err != nil {
		return Target{}, err
	}
	t := Target{preset: p}
	switch {
	case known:
		if named {
			t.filter, err = parseFilter(metric)
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = p.path
		}
	case !named:
		return Target{}, errors.New("no counter named: use UNIT=URL#METRIC, such as request=http://localhost:8080/metrics#http_requests_total")
	default:
		t.preset, t.filter, err = custom(name, metric)
		if u.Path == "" {
			u.Path = "/metrics"
		}
	}
	if err != nil {
		return Target{}, err
	}
	t.url = u.String()
	t.Name = name + " at " + u.Scheme + "://" + u.Host + u.Path
	return t, nil
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, errors.New("invalid URL: use http://HOST:PORT/metrics")
	case u.User != nil:
		return nil, errors.New("no password in a flag: every user of the machine can read it")
	}
	return u, nil
}

// custom is a counter of the user's own.
func custom(unit, metric string) (preset, []label, error) {
	unit, err := footprint.ParseUnit(unit)
	if err != nil {
		return preset{}, nil, err
	}
	s, ok := parseSample(metric + " 0")
	if _, whole := parseSample(metric); whole {
		ok = false // it has a value behind it
	}
	if !ok || strings.ContainsAny(s.name, " \t") {
		return preset{}, nil, fmt.Errorf("invalid metric %.80q: use its name, or name{label=\"value\"}", metric)
	}
	if strings.HasSuffix(s.name, "_bucket") {
		return preset{}, nil, fmt.Errorf("%s is part of a histogram: use its _count or _sum", s.name)
	}
	list := []string{s.name}
	if !strings.HasSuffix(s.name, "_total") {
		list = append(list, s.name+"_total")
	}
	return preset{rules: []rule{{unit: unit, names: list}}}, s.labels, nil
}

// parseFilter reads {label="value"}.
func parseFilter(s string) ([]label, error) {
	m, ok := parseSample("x" + s + " 0")
	if _, whole := parseSample("x" + s); whole || !ok || m.name != "x" {
		return nil, fmt.Errorf(`invalid labels %.80q: use {label="value"}`, s)
	}
	return m.labels, nil
}

// fits reports whether a sample is of the target.
func (t *Target) fits(s sample) bool {
	for _, l := range t.filter {
		if v, ok := s.label(l.name); !ok || v != l.value {
			return false
		}
	}
	return true
}

// started is the gauge by which a client library says when its process began.
const started = "process_start_time_seconds"

// wants reports whether a metric is looked at.
func (t *Target) wants(name string) bool {
	if name == started || name == t.preset.running && name != "" {
		return true
	}
	for _, r := range t.preset.rules {
		if slices.Contains(r.names, name) {
			return true
		}
		if base, ok := strings.CutSuffix(name, "_created"); ok && (slices.Contains(r.names, base+"_total") || slices.Contains(r.names, base)) {
			return true
		}
	}
	return false
}
