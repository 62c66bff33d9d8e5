package regions

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
)

// header begins the text form of a table, its version follows after a tab.
//
// The text is lines of tab-separated cells, the first of which says what the
// line is:
//
//	s  a source: id, name, publisher, licence, url, attribution, note
//	z  a zone: code, alpha-3, kind, country, continent, name, aliases (";" between)
//	v  figures of the zone above: scope (l, d), basis (g, c), number of the
//	   source from 0, first year, g/kWh by year (" " between, "-" for a gap)
//
// Sources come first, in order of preference; so do the figures of a zone.
const header = "carbonctl-regions/2\t"

// parse reads the text form. A table that it accepts answers every query
// without surprise: all figures are finite and not negative, all zones have
// some, and no code stands for two zones.
func parse(text string) (*Table, error) {
	first, rest, _ := strings.Cut(text, "\n")
	version, ok := strings.CutPrefix(first, header)
	if !ok || version == "" {
		return nil, errors.New("line 1: not a table of regions")
	}
	t := &Table{version: version, zones: make([]entry, 0, strings.Count(rest, "\nz\t"))}
	for n := 2; rest != ""; n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if err := t.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return t, t.index()
}

func (t *Table) line(line string) error {
	var cells [8]string
	kind, c, err := split(line, &cells)
	if err != nil {
		return err
	}
	n := len(c) + 1
	switch {
	case kind == "s" && n == 8:
		t.sources = append(t.sources, Source{c[0], c[1], c[2], c[3], c[4], c[5], c[6]})
	case kind == "z" && n == 8:
		z := Zone{Code: c[0], Alpha3: c[1], Kind: ZoneKind(c[2]), Country: c[3], Continent: c[4], Name: c[5]}
		if z.Code == "" || z.Name == "" {
			return errors.New("zone without code or name")
		}
		switch z.Kind {
		case World, Group, Country, Subdivision, Subregion:
		default:
			return fmt.Errorf("unknown kind of zone %q", z.Kind)
		}
		t.zones = append(t.zones, entry{Zone: z, aliases: c[6]})
	case kind == "v" && n == 6 && len(t.zones) > 0:
		s, err := figures(c, len(t.sources))
		if err != nil {
			return err
		}
		z := &t.zones[len(t.zones)-1]
		z.series = append(z.series, s)
	default:
		return fmt.Errorf("unexpected line %s", quote(line))
	}
	return nil
}

// split cuts a line at its tabs, into what it is and the other cells.
func split(line string, cells *[8]string) (kind string, rest []string, err error) {
	n := 0
	for cell := range strings.SplitSeq(line, "\t") {
		if n == len(cells) {
			return "", nil, fmt.Errorf("more than %d cells", n)
		}
		cells[n] = cell
		n++
	}
	return cells[0], cells[1:n], nil
}

// figures reads the cells of a v line.
func figures(c []string, sources int) (s series, err error) {
	switch c[0] {
	case "l":
		s.scope = Lifecycle
	case "d":
		s.scope = Direct
	default:
		return s, fmt.Errorf("unknown scope %q", c[0])
	}
	switch c[1] {
	case "g":
		s.basis = "generation"
	case "c":
		s.basis = "consumption"
	default:
		return s, fmt.Errorf("unknown basis %q", c[1])
	}
	if s.source, err = strconv.Atoi(c[2]); err != nil || s.source < 0 || s.source >= sources {
		return s, fmt.Errorf("no source %q", c[2])
	}
	if s.first, err = strconv.Atoi(c[3]); err != nil || s.first < 1900 || s.first > 2200 {
		return s, fmt.Errorf("bad year %q", c[3])
	}
	s.values = make([]float64, 0, strings.Count(c[4], " ")+1)
	for cell := range strings.SplitSeq(c[4], " ") {
		v := -1.0
		if cell != "-" {
			v, err = strconv.ParseFloat(cell, 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 || math.Signbit(v) {
				return s, fmt.Errorf("bad figure %q", cell)
			}
		}
		s.values = append(s.values, v)
	}
	if s.values[len(s.values)-1] < 0 {
		return s, errors.New("figures end in a gap")
	}
	return s, nil
}

// keys gives what a zone may be called, codes first.
func (e *entry) keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(e.Code) || e.Alpha3 != "" && !yield(e.Alpha3) || !yield(e.Name) || e.aliases == "" {
			return
		}
		for alias := range strings.SplitSeq(e.aliases, ";") {
			if !yield(alias) {
				return
			}
		}
	}
}

// index fills codes and names.
func (t *Table) index() error {
	t.codes = make(map[string]int32, 2*len(t.zones))
	t.names = make(map[string]int32, 2*len(t.zones))
	var room [maxKey]byte
	for i := range t.zones {
		z := &t.zones[i]
		if len(z.series) == 0 {
			return fmt.Errorf("zone %s has no figures", z.Code)
		}
		for name := range z.keys() {
			key := string(fold(room[:0], name))
			if key == "" {
				return fmt.Errorf("zone %s: name %q cannot be used", z.Code, name)
			}
			if name != z.Code && name != z.Alpha3 {
				t.name(key, int32(i))
				continue
			}
			if old, taken := t.codes[key]; taken && old != int32(i) {
				return fmt.Errorf("zone %s: code %q stands for %s too", z.Code, name, t.zones[old].Code)
			}
			t.codes[key] = int32(i)
		}
	}
	return nil
}

// name makes key lead to zone i, besides the zones it leads to already.
func (t *Table) name(key string, i int32) {
	old, taken := t.names[key]
	switch {
	case !taken:
		t.names[key] = i
	case old == i:
	case old >= 0:
		t.names[key] = ^int32(len(t.shared))
		t.shared = append(t.shared, []int32{old, i})
	default:
		both := &t.shared[^old]
		if (*both)[len(*both)-1] != i {
			*both = append(*both, i)
		}
	}
}
