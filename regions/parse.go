package regions

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"sync"
)

// header begins the text form of a table, its version follows after a tab.
//
// The text is lines of tab-separated cells, the first of which says what the
// line is:
//
//	s  a source: id, name, publisher, licence, url, attribution, note
//	z  a zone: code, alpha-3, kind, country, continent, name, aliases (";" between)
//	v  figures of the zone above: scope (l, d), basis (g, c), number of the
//	   source from 0, first year, g/kWh by year (" " between, "-" for a gap);
//	   where the last one has a range also low, high, and a note or nothing
//
// Sources come first, in order of preference; so do the figures of a zone.
const header = "carbonctl-regions/3\t"

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
	for i := range t.zones {
		if z := &t.zones[i]; len(z.series) == 0 {
			return nil, fmt.Errorf("zone %s has no figures", z.Code)
		}
	}
	return t, t.index()
}

// skim reads a text that parse accepts, less names and figures: they are read when
// one is first asked for, since most processes ask for the figures of one code.
func skim(text string) (*Table, error) {
	first, rest, _ := strings.Cut(text, "\n")
	n := strings.Count(rest, "\nz\t")
	t := &Table{version: strings.TrimPrefix(first, header), zones: make([]entry, 0, n)}
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if err := t.line(line); err != nil {
			return nil, err
		}
		if len(t.zones) == 0 {
			continue // a source
		}
		end := strings.Index(rest, "\nz\t") + 1
		if end == 0 {
			end = len(rest)
		}
		t.zones[len(t.zones)-1].unread = &unread{lines: rest[:end], sources: len(t.sources)}
		rest = rest[end:]
	}
	var err error
	t.codes, err = codesOf(t.zones)
	t.names = sync.OnceValue(func() names {
		n, err := namesOf(t.zones)
		if err != nil {
			panic(untested(err))
		}
		return n
	})
	return t, err
}

// untested is what cannot be: the text is part of the program and a test parses it.
func untested(err error) string { return "regions: built-in table: " + err.Error() }

// unread are figures that skim has left for later.
type unread struct {
	lines   string
	sources int // how many there are
	once    sync.Once
	series  []series
}

// read reads them when first called.
func (u *unread) read() []series {
	u.once.Do(func() {
		for line := range strings.Lines(u.lines) {
			var cells [maxCells]string
			_, c, err := split(strings.TrimSuffix(line, "\n"), &cells)
			if err == nil {
				var s series
				s, err = figures(c, u.sources)
				u.series = append(u.series, s)
			}
			if err != nil {
				panic(untested(err))
			}
		}
	})
	return u.series
}

// all are the figures of a zone. What it returns is not changed.
func (e *entry) all() []series {
	if e.unread != nil {
		return e.unread.read()
	}
	return e.series
}

func (t *Table) line(line string) error {
	var cells [maxCells]string
	kind, c, err := split(line, &cells)
	if err != nil {
		return err
	}
	n := len(c) + 1
	switch {
	case kind == "s" && n == 8 && len(t.zones) == 0:
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
	case kind == "v" && (n == 6 || n == 9) && len(t.zones) > 0:
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

// maxCells is how many cells a line of figures has with all that it may.
const maxCells = 9

// split cuts a line at its tabs, into what it is and the other cells.
func split(line string, cells *[maxCells]string) (kind string, rest []string, err error) {
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
	last := s.values[len(s.values)-1]
	if last < 0 {
		return s, errors.New("figures end in a gap")
	}
	if len(c) > 5 {
		var lowErr, highErr error
		s.low, lowErr = strconv.ParseFloat(c[5], 64)
		s.high, highErr = strconv.ParseFloat(c[6], 64)
		if lowErr != nil || highErr != nil || !(0 <= s.low && s.low <= last && last <= s.high && s.high < math.Inf(1)) {
			return s, fmt.Errorf("bad range %q to %q", c[5], c[6])
		}
		s.note = c[7]
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

// codesOf indexes the codes of the zones.
func codesOf(zones []entry) (map[string]int32, error) {
	codes := make(map[string]int32, 2*len(zones))
	var room [maxKey]byte
	for i := range zones {
		z := &zones[i]
		for _, code := range [...]string{z.Code, z.Alpha3} {
			key := string(fold(room[:0], code))
			switch old, taken := codes[key]; {
			case code == "": // no alpha-3
			case key == "":
				return nil, unusable(z, code)
			case taken && old != int32(i):
				return nil, fmt.Errorf("zone %s: code %q stands for %s too", z.Code, code, zones[old].Code)
			default:
				codes[key] = int32(i)
			}
		}
	}
	return codes, nil
}

func unusable(z *entry, name string) error {
	return fmt.Errorf("zone %s: name %q cannot be used", z.Code, name)
}

// names are what zones are called besides their codes: from a folded name to an index
// of the zones or, where several share it, to ^index of shared.
type names struct {
	one    map[string]int32
	shared [][]int32
}

func namesOf(zones []entry) (names, error) {
	n := names{one: make(map[string]int32, 2*len(zones))}
	var room [maxKey]byte
	for i := range zones {
		z := &zones[i]
		for name := range z.keys() {
			key := string(fold(room[:0], name))
			switch {
			case key == "":
				return n, unusable(z, name)
			case name != z.Code && name != z.Alpha3:
				n.add(key, int32(i))
			}
		}
	}
	return n, nil
}

// add makes key lead to zone i, besides the zones it leads to already.
func (n *names) add(key string, i int32) {
	old, taken := n.one[key]
	switch {
	case !taken:
		n.one[key] = i
	case old == i:
	case old >= 0:
		n.one[key] = ^int32(len(n.shared))
		n.shared = append(n.shared, []int32{old, i})
	default:
		both := &n.shared[^old]
		if (*both)[len(*both)-1] != i {
			*both = append(*both, i)
		}
	}
}

// index makes the zones findable.
func (t *Table) index() (err error) {
	if t.codes, err = codesOf(t.zones); err != nil {
		return err
	}
	n, err := namesOf(t.zones)
	t.names = func() names { return n }
	return err
}
