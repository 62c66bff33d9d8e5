package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/footprint"
)

// The requests.
const (
	epochStart = "epoch-start"
	epochEnd   = "epoch-end"
	taskStart  = "task-start"
	taskEnd    = "task-end"
	count      = "count"
	report     = "report"
	ready      = "ready"
	stop       = "stop"
)

var ops = []string{epochStart, epochEnd, taskStart, taskEnd, count, report, ready, stop}

// The codes of errors.
const (
	badJSON   = "bad-json"
	tooLong   = "too-long"
	unknownOp = "unknown-op"
	badKey    = "bad-key"
	taskOpen  = "task-open"
	noTask    = "no-task"
	noEpoch   = "no-epoch"
	tooMany   = "too-many"
)

// refusal says why a request was not carried out.
type refusal struct{ code, text string }

func (r *refusal) Error() string { return r.text }

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// request is one line of a client.
type request struct {
	op        string
	index, of int // 0: not given
	name, id  string
	unit      string
	n         int
	failed    bool          // of a stop
	brief     bool          // it needs no figures of the run
	late      time.Duration // it happened so long before it arrived
}

const (
	maxName  = 256
	maxID    = 128
	maxIndex = 1e9
	maxLate  = 10 * time.Second
)

// parse reads a line that arrived at a time. r holds the op also where err says what is
// wrong.
func parse(line []byte, at time.Time) (r request, err error) {
	var keys map[string]json.RawMessage
	if !utf8.Valid(line) || json.Unmarshal(line, &keys) != nil || keys == nil {
		return r, refuse(badJSON, "not a JSON object")
	}
	p := parser{keys: keys}
	var ok bool
	if r.op, ok = p.text("op"); !ok {
		return r, refuse(unknownOp, "no op: use one of %s", strings.Join(ops, ", "))
	}
	if !slices.Contains(ops, r.op) {
		return r, refuse(unknownOp, "unknown op %.40q: use one of %s", r.op, strings.Join(ops, ", "))
	}
	switch r.op {
	case epochStart:
		r.index, r.of = p.number("index", 1, maxIndex), p.number("of", 1, maxIndex)
	case epochEnd:
		r.index = p.number("index", 1, maxIndex)
	case taskStart, taskEnd:
		r.name, ok = p.label("name", maxName)
		r.id, _ = p.label("id", maxID)
		if r.op == taskStart && !ok {
			p.wrong("name", "a task needs one")
		}
	case count:
		unit, ok := p.text("unit")
		if r.unit, err = footprint.ParseUnit(unit); err != nil || !ok {
			p.wrong("unit", "not lower case letters, digits and _, such as output_token")
		}
		if _, ok := p.raw("n"); !ok {
			p.wrong("n", "a count needs one")
		}
		r.n = p.number("n", 0, 1<<53)
	case stop:
		status, ok := p.text("status")
		if r.failed = status == string(footprint.Failed); ok && !r.failed && status != string(footprint.Completed) {
			p.wrong("status", "neither completed nor failed")
		}
	}
	r.brief = p.flag("brief")
	r.late = p.late(at)
	if p.err != nil {
		return r, refuse(badKey, "%s: %v", r.op, p.err)
	}
	return r, nil
}

// parser takes keys of their types. The first that is wrong stays as err.
type parser struct {
	keys map[string]json.RawMessage
	err  error
}

func (p *parser) wrong(key, why string) {
	if p.err == nil {
		p.err = fmt.Errorf("%s: %s", key, why)
	}
}

// raw gives a key's value; null is as if it were not there.
func (p *parser) raw(key string) (json.RawMessage, bool) {
	v, ok := p.keys[key]
	return v, ok && !bytes.Equal(bytes.TrimSpace(v), []byte("null"))
}

func (p *parser) text(key string) (s string, ok bool) {
	v, ok := p.raw(key)
	if !ok {
		return "", false
	}
	if json.Unmarshal(v, &s) != nil {
		p.wrong(key, "not a string")
		return "", false
	}
	return s, true
}

func (p *parser) flag(key string) (b bool) {
	if v, ok := p.raw(key); ok && json.Unmarshal(v, &b) != nil {
		p.wrong(key, "neither true nor false")
	}
	return b
}

// label is text that can be printed.
func (p *parser) label(key string, longest int) (string, bool) {
	s, ok := p.text(key)
	switch {
	case !ok:
		return "", false
	case s == "" || len(s) > longest:
		p.wrong(key, fmt.Sprintf("%d bytes: use 1 to %d", len(s), longest))
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		p.wrong(key, "holds a character that cannot be printed")
	}
	return s, true
}

// number is a whole number from least to most, 0 if it is not there.
func (p *parser) number(key string, least, most int64) int {
	v, ok := p.raw(key)
	if !ok {
		return 0
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f != math.Trunc(f) || f < float64(least) || f > float64(most) {
		p.wrong(key, fmt.Sprintf("not a whole number from %d to %d", least, most))
		return 0
	}
	return int(f)
}

// late is how long before its arrival the request's time was.
func (p *parser) late(at time.Time) time.Duration {
	v, ok := p.raw("t")
	if !ok {
		return 0
	}
	t, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.Abs(t) > 1e11 {
		p.wrong("t", "not seconds since 1970")
		return 0
	}
	whole, part := math.Modf(t)
	d := at.Sub(time.Unix(int64(whole), int64(part*1e9)).Round(0))
	if d < 0 || d > maxLate {
		return 0
	}
	return d
}
