// Package exposition writes metrics in the two text formats that Prometheus and what is
// compatible with it read: its own, 0.0.4, and OpenMetrics 1.0.0. The official client
// does that too; linked into the command it would cost each start a millisecond and more,
// which is why it is in export/prometheus alone, whose tests compare the two.
package exposition

import (
	"bufio"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind says what a family's values are.
type Kind string

// The kinds.
const (
	Counter Kind = "counter" // never falls while what counts lives
	Gauge   Kind = "gauge"
	Info    Kind = "info" // always 1: what counts is in the labels
)

// A Family is all series of one name.
type Family struct {
	// Name is without the suffix of its kind, "_total" or "_info"; it ends in the unit
	// where there is one.
	Name string
	Kind Kind
	Unit string // "joules"; "" for none
	// Help is one sentence. A node exporter refuses the same name with another help, so
	// that it must never change.
	Help    string
	Samples []Sample
}

// A Sample is one value of a family.
type Sample struct {
	Labels []Label
	Value  float64
}

// A Label tells a series from the others of its family. Any name and value can be
// written: see Name; bytes that are not UTF-8 become U+FFFD.
type Label struct{ Name, Value string }

// Series is the name of the family's samples, and of the whole family in format 0.0.4.
func (f Family) Series() string {
	switch f.Kind {
	case Counter:
		return f.Name + "_total"
	case Info:
		return f.Name + "_info"
	}
	return f.Name
}

// A Format is a form of the text.
type Format int

// The formats. The zero Format is what every reader knows.
const (
	Text        Format = iota // Prometheus text 0.0.4
	OpenMetrics               // OpenMetrics text 1.0.0
)

// ContentType is how HTTP names the format.
func (f Format) ContentType() string {
	if f == OpenMetrics {
		return "application/openmetrics-text; version=1.0.0; charset=utf-8"
	}
	return "text/plain; version=0.0.4; charset=utf-8"
}

// Write writes families, those without a sample left out. Samples have no time: they are
// of the moment at which they are read.
func (f Format) Write(w io.Writer, families []Family) error {
	out := bufio.NewWriter(w)
	for _, family := range families {
		if len(family.Samples) == 0 {
			continue
		}
		f.head(out, family)
		for _, s := range family.Samples {
			out.WriteString(family.Series())
			labels(out, s.Labels)
			out.WriteByte(' ')
			out.WriteString(Number(s.Value))
			out.WriteByte('\n')
		}
	}
	if f == OpenMetrics {
		out.WriteString("# EOF\n")
	}
	return out.Flush() // it keeps the first error
}

func (f Format) head(out *bufio.Writer, family Family) {
	name, kind, escape := family.Series(), string(family.Kind), textHelp
	switch {
	case f == OpenMetrics:
		name, escape = family.Name, value
	case family.Kind == Info:
		kind = string(Gauge)
	}
	out.WriteString("# TYPE " + name + " " + kind + "\n")
	if f == OpenMetrics && family.Unit != "" {
		out.WriteString("# UNIT " + name + " " + family.Unit + "\n")
	}
	out.WriteString("# HELP " + name + " " + escape.Replace(family.Help) + "\n")
}

var (
	textHelp = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	value    = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func labels(out *bufio.Writer, all []Label) {
	if len(all) == 0 {
		return
	}
	names := make([]string, 0, 8)
	for i, l := range all {
		out.WriteByte("{,"[min(i, 1)])
		name := unique(names, Name(l.Name))
		names = append(names, name)
		out.WriteString(name)
		out.WriteString(`="`)
		value.WriteString(out, strings.ToValidUTF8(l.Value, "�"))
		out.WriteByte('"')
	}
	out.WriteByte('}')
}

// unique gives a name that no label before has: two keys may differ in a sign alone that
// a label's name can't hold, and a reader refuses all of a text in which one is twice.
func unique(before []string, name string) string {
	for n, base := 2, name; slices.Contains(before, name); n++ {
		name = base + "_" + strconv.Itoa(n)
	}
	return name
}

// Name makes the name of a label of any text: what it may not hold becomes "_". Names
// that begin with two of those are the server's own.
func Name(s string) string {
	b := []byte(s)
	for i, c := range b {
		if !(c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' && i > 0) {
			b[i] = '_'
		}
	}
	for len(b) > 1 && b[0] == '_' && b[1] == '_' {
		b = b[1:]
	}
	if len(b) == 0 {
		return "_"
	}
	return string(b)
}

// Number writes a value with all of its digits.
func Number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
