package engine

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A label of a series.
type label struct{ name, value string }

// A sample is one line of an exposition.
type sample struct {
	name   string
	labels []label // by name
	value  float64
}

func (s sample) label(name string) (string, bool) {
	for _, l := range s.labels {
		if l.name == name {
			return l.value, true
		}
	}
	return "", false
}

// key names the series: its labels but those that without leaves out.
func key(labels []label, without func(string) bool) string {
	var b strings.Builder
	for _, l := range labels {
		if without == nil || !without(l.name) {
			b.WriteString(strconv.Quote(l.name) + strconv.Quote(l.value))
		}
	}
	return b.String()
}

// exposition is what an engine has shown, as far as it was wanted.
type exposition struct {
	samples map[string][]sample // by name
	types   map[string]string   // of families: counter, gauge, histogram, summary, untyped
}

var errExposition = errors.New("not metrics in the Prometheus text format")

// parse reads metrics in the text format of Prometheus, version 0.0.4, of which wanted
// names those to keep. What OpenMetrics adds is left out, and so is a line that is
// damaged; without a line that is none it is an error.
func parse(text []byte, wanted func(name string) bool) (exposition, error) {
	e := exposition{map[string][]sample{}, map[string]string{}}
	good, bad := 0, 0
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
		case line[0] == '#':
			e.comment(string(line), wanted)
		default:
			if name := string(nameOf(line)); isName(name) && !wanted(name) {
				good++
				continue
			}
			s, ok := parseSample(string(line))
			switch {
			case !ok:
				bad++
			case wanted(s.name):
				e.samples[s.name] = append(e.samples[s.name], s)
				good++
			default:
				good++
			}
		}
	}
	if good == 0 && (bad > 0 || len(e.types) == 0) {
		return e, errExposition
	}
	return e, nil
}

// comment takes the type of a family.
func (e *exposition) comment(line string, wanted func(string) bool) {
	f := strings.Fields(line)
	if len(f) != 4 || f[0] != "#" || f[1] != "TYPE" {
		return
	}
	for _, suffix := range []string{"", "_total", "_sum", "_count"} {
		if wanted(f[2] + suffix) {
			e.types[f[2]] = f[3]
			return
		}
	}
}

// typeOf is the type of the family of a name, "" if none was told.
func (e *exposition) typeOf(name string) string {
	if t := e.types[name]; t != "" {
		return t
	}
	for _, suffix := range []string{"_total", "_sum", "_count"} {
		if family, ok := strings.CutSuffix(name, suffix); ok && e.types[family] != "" {
			return e.types[family]
		}
	}
	return ""
}

// nameOf is what a line begins with, up to its labels or value; empty for a name in quotes.
func nameOf(line []byte) []byte {
	if i := bytes.IndexAny(line, "{ \t"); i >= 0 {
		return line[:i]
	}
	return line
}

// isName reports whether s is a name that needs no quotes.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '_', c == ':', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return s != ""
}

// parseSample reads one line: name{label="value",} 1.5e3 [TIMESTAMP].
func parseSample(line string) (s sample, ok bool) {
	end := strings.IndexAny(line, "{ \t")
	if end < 0 {
		return s, false
	}
	if s.name = line[:end]; s.name != "" && !isName(s.name) {
		return s, false
	}
	rest := strings.TrimLeft(line[end:], " \t")
	if strings.HasPrefix(rest, "{") {
		if rest, ok = s.parseLabels(rest[1:]); !ok {
			return s, false
		}
	}
	fields := strings.Fields(rest)
	if s.name == "" || len(fields) == 0 {
		return s, false
	}
	v, err := strconv.ParseFloat(fields[0], 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(fields[0], "_xX") {
		return s, false
	}
	s.value = v
	slices.SortFunc(s.labels, func(a, b label) int { return strings.Compare(a.name, b.name) })
	return s, true
}

// parseLabels reads labels up to their brace, and gives what is behind it. A name in
// quotes without a value is the metric's.
func (s *sample) parseLabels(text string) (rest string, ok bool) {
	for {
		text = strings.TrimLeft(text, " \t,")
		if strings.HasPrefix(text, "}") {
			return text[1:], true
		}
		var name string
		if strings.HasPrefix(text, `"`) {
			if name, text, ok = unquote(text[1:]); !ok {
				return "", false
			}
			if text = strings.TrimLeft(text, " \t"); !strings.HasPrefix(text, "=") {
				if s.name != "" {
					return "", false
				}
				s.name = name
				continue
			}
		} else {
			i := strings.IndexByte(text, '=')
			if i <= 0 {
				return "", false
			}
			name, text = strings.TrimRight(text[:i], " \t"), text[i:]
		}
		text = strings.TrimLeft(text[1:], " \t")
		if !strings.HasPrefix(text, `"`) {
			return "", false
		}
		var value string
		if value, text, ok = unquote(text[1:]); !ok || name == "" || strings.ContainsAny(name, `{}",`) {
			return "", false
		}
		if _, twice := s.label(name); twice {
			return "", false
		}
		s.labels = append(s.labels, label{name, value})
	}
}

// unquote reads a text up to its quote.
func unquote(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], true
		case c == '\\' && i+1 < len(text):
			i++
			switch text[i] {
			case 'n':
				b.WriteByte('\n')
			case '\\', '"':
				b.WriteByte(text[i])
			default:
				b.WriteByte('\\')
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
