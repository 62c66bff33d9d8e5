package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// MaxLine is the longest line of a file of events, its newline included. As
// much is written at once whoever else writes, so that lines stay whole.
const MaxLine = 4096

// ParseEvent reads a line of a file of events:
//
//	[UNIX_SECONDS] epoch-start [N[/TOTAL]] | epoch-end [N[/TOTAL]] [NAME=VALUE …] | task-start NAME | task-end NAME | count UNIT N
//
// The seconds may have a fraction. Without them, or where they are after now, the
// event is of now.
func ParseEvent(line string, now time.Time) (Event, error) {
	e := Event{At: now}
	if len(line) >= MaxLine {
		return Event{}, fmt.Errorf("event of %d bytes: the maximum is %d", len(line), MaxLine-1)
	}
	wrong := func(why string) (Event, error) {
		return Event{}, fmt.Errorf("event %.60q: %s", printable([]byte(line)), why)
	}
	word, rest := cut(line)
	if word != "" && (digit(word[0]) || word[0] == '.') {
		s, err := strconv.ParseFloat(word, 64)
		if err != nil || s < 0 || s > 1e11 || strings.Trim(word, "0123456789.") != "" {
			return wrong("invalid time: use seconds since 1970")
		}
		whole, part := math.Modf(s)
		if at := time.Unix(int64(whole), int64(part*1e9)); at.Before(now) {
			e.At, e.stamped = at, true
		}
		word, rest = cut(rest)
	}
	e.Edge = Edge(word)
	switch e.Edge {
	case EpochStart, EpochEnd:
		if e.Edge == EpochEnd {
			var ok bool
			if rest, e.Metrics, ok = cutMetrics(rest); !ok {
				return wrong("invalid result: use NAME=VALUE, such as loss=0.41")
			}
		}
		if rest == "" {
			return e, nil
		}
		n, total, has := strings.Cut(rest, "/")
		var ok bool
		if e.Index, ok = positive(n); !ok {
			return wrong("invalid epoch: use a number from 1, or N/TOTAL")
		}
		if e.Of, ok = positive(total); has && !ok {
			return wrong("invalid number of epochs: use a number from 1")
		}
	case TaskStart, TaskEnd:
		if rest == "" {
			return wrong("no task name given")
		}
		if strings.ContainsFunc(rest, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return wrong("invalid task name: use printable characters")
		}
		e.Name = strings.ToValidUTF8(rest, "\uFFFD")
	case Count:
		unit, n := cut(rest)
		var ok bool
		if e.Name = unit; !isUnit(unit) {
			return wrong("invalid unit: use lower case letters, digits and _, such as output_token")
		}
		if e.N, ok = amount(n); !ok {
			return wrong("invalid count: use a number from 0")
		}
	default:
		return wrong("unknown event: use epoch-start, epoch-end, task-start, task-end or count")
	}
	return e, nil
}

// cutMetrics takes results, NAME=VALUE, off the end of a line.
func cutMetrics(s string) (rest string, all map[string]float64, ok bool) {
	words := strings.Fields(s)
	for len(words) > 0 {
		name, value, is := strings.Cut(words[len(words)-1], "=")
		if !is {
			break
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || !isMetricWord(name) || len(all) >= maxMetrics {
			return "", nil, false
		}
		all = withMetric(all, name, v)
		words = words[:len(words)-1]
	}
	return strings.Join(words, " "), all, true
}

// isMetricWord reports whether s is a name that a program may give a result.
func isMetricWord(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return s != "" && len(s) <= longestMetric && strings.IndexByte(letters, s[0]) >= 0 && strings.Trim(s, letters+"0123456789_./@%+-") == ""
}

func cut(s string) (word, rest string) {
	word, rest, _ = strings.Cut(strings.TrimSpace(s), " ")
	return word, strings.TrimSpace(rest)
}

// isUnit reports whether s may be a unit of work.
func isUnit(s string) bool {
	const most = 40
	return s != "" && len(s) <= most && s[0] >= 'a' && s[0] <= 'z' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// amount reads how much was done: 512, 1e15, 0.
func amount(s string) (float64, bool) {
	const most = 1e30
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && n >= 0 && n <= most && strings.Trim(s, "0123456789.eE+") == ""
}

func positive(s string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	return n, err == nil && n > 0 && n < 1e9
}

// String gives the line for an event, its time first.
func (e Event) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d.%06d %s", e.At.Unix(), e.At.Nanosecond()/1000, e.Edge)
	switch {
	case e.Edge == Count:
		b.WriteString(" " + e.Name + " " + strconv.FormatFloat(e.N, 'f', -1, 64))
	case e.Name != "":
		b.WriteString(" " + e.Name)
	case e.Index > 0:
		fmt.Fprintf(&b, " %d", e.Index)
		if e.Of > 0 {
			fmt.Fprintf(&b, "/%d", e.Of)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Metrics)) {
		b.WriteString(" " + name + "=" + strconv.FormatFloat(e.Metrics[name], 'g', -1, 64))
	}
	return b.String()
}

// Append writes an event to a file of events, with one write. It never waits: a
// path that is no file any more is an error, and a run that has ended is
// fs.ErrNotExist.
func Append(path string, e Event) error {
	line := e.String()
	if _, err := ParseEvent(line, e.At); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|nonblocking, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "write", Path: path, Err: errors.New("not a regular file")}
	}
	if err == nil {
		_, err = f.WriteString(line + "\n")
	}
	if err == nil {
		ring(path)
	}
	return errors.Join(err, f.Close())
}
