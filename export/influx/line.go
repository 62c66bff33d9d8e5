package influx

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/energy"
)

// A pair is a tag, or a field whose value is printed already.
type pair struct{ key, value string }

// maxText is how many bytes of a tag's key or value are sent.
const maxText = 1000

// tags sorts and escapes tags. Those without a value are left out: the protocol has none
// such. A line break becomes a space.
func tags(all ...pair) []pair {
	var list []pair
	for _, t := range all {
		if key, value := clean(t.key), clean(t.value); key != "" && value != "" {
			list = append(list, pair{escape(key), escape(value)})
		}
	}
	slices.SortStableFunc(list, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	return slices.CompactFunc(list, func(a, b pair) bool { return a.key == b.key })
}

// clean makes text one line of valid UTF-8 that no separator can be mistaken in: a
// backslash before one would escape it.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.TrimRight(strings.TrimSpace(s), `\ `)
}

var escaper = strings.NewReplacer(",", `\,`, "=", `\=`, " ", `\ `)

func escape(s string) string { return escaper.Replace(s) }

// fields collects the numbers of a line. All are floats, for ever: a field that once had
// been an integer would refuse them.
type fields []pair

func (f *fields) joules(key string, e *energy.Energy) {
	if e != nil {
		*f = append(*f, pair{key, e.Fixed()})
	}
}

func (f *fields) float(key string, x float64) { f.number(key, x, 64) }

// known leaves out what is not known.
func (f *fields) known(key string, x *float64) {
	if x != nil {
		f.float(key, *x)
	}
}

// watts prints the digits that a report has.
func (f *fields) watts(key string, x float32) { f.number(key, float64(x), 32) }

func (f *fields) number(key string, x float64, bits int) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return // the protocol has none such
	}
	s := strconv.FormatFloat(x, 'f', -1, bits)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	*f = append(*f, pair{key, s})
}

// line puts a line together, nil where there is nothing to say or no time for it.
func line(measurement string, sorted []pair, values fields, at time.Time) []byte {
	if len(values) == 0 || at.IsZero() {
		return nil
	}
	b := []byte(escape(measurement))
	for _, t := range sorted {
		b = append(append(append(append(b, ','), t.key...), '='), t.value...)
	}
	for i, v := range values {
		sep := byte(',')
		if i == 0 {
			sep = ' '
		}
		b = append(append(append(append(b, sep), v.key...), '='), v.value...)
	}
	return append(strconv.AppendInt(append(b, ' '), at.UnixNano(), 10), '\n')
}

// check is what every line passes before it is sent, since some servers drop bad ones
// without a word: one measurement, tags in order, each once and with a value, at least one
// field, all fields floats, a time, one line of valid UTF-8.
func check(b []byte) error {
	s, whole := strings.CutSuffix(string(b), "\n")
	if !whole || strings.ContainsAny(s, "\n\r\x00") || !utf8.ValidString(s) {
		return errors.New("not one line of valid UTF-8")
	}
	parts := split(s, ' ')
	if len(parts) != 3 {
		return fmt.Errorf("%d parts instead of 3", len(parts))
	}
	head := split(parts[0], ',')
	if head[0] == "" {
		return errors.New("no measurement")
	}
	last := ""
	for _, t := range head[1:] {
		kv := split(t, '=')
		if len(kv) != 2 || kv[0] == "" || kv[1] == "" {
			return errors.New("a tag without key or value")
		}
		if kv[0] <= last {
			return errors.New("tags out of order")
		}
		last = kv[0]
	}
	for _, f := range split(parts[1], ',') {
		kv := split(f, '=')
		if len(kv) != 2 || kv[0] == "" || strings.Trim(kv[1], "+-.0123456789") != "" || !strings.Contains(kv[1], ".") {
			return errors.New("a field that is not a float")
		}
		if _, err := strconv.ParseFloat(kv[1], 64); err != nil {
			return errors.New("a field that is not a number")
		}
	}
	if _, err := strconv.ParseInt(parts[2], 10, 64); err != nil {
		return errors.New("no time")
	}
	return nil
}

// split cuts at each separator that no backslash escapes.
func split(s string, sep byte) (parts []string) {
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i+1 < len(s) && bytes.IndexByte([]byte(", ="), s[i+1]) >= 0 {
				i++
			}
		case sep:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}
