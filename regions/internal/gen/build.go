package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The columns of the readable tables.
var (
	sourceColumns = []string{"id", "name", "publisher", "licence", "url", "attribution", "note"}
	zoneColumns   = []string{"code", "alpha3", "kind", "country", "continent", "name", "aliases"}
	figureColumns = []string{"zone", "scope", "basis", "source", "year", "g_per_kwh"}
)

// A figure is a row of intensity.csv, zone and source as row numbers.
type figure struct {
	zone   int
	scope  string
	basis  string
	source int
	year   int
	value  string // as published
	band   string // low, high and note, with tabs before each; "" for none
}

// tables are the readable tables, checked.
type tables struct {
	version        string
	sources, zones [][]string
	figures        []figure
	places         places
	hours          hours
	names          [][]string
	used           []int // sources of places, hours and names
}

// The embedded forms, by what their first line begins with.
var headers = map[string]string{
	"table.txt": "carbonctl-regions/3\t", "places.txt": "carbonctl-places/3\t", "names.txt": "carbonctl-names/1\t", "hours.txt": "carbonctl-hours/1\t",
}

// build gives the embedded forms by file; package regions describes them. All carry
// one version, with a hash over all of them.
func build(data fs.FS) (map[string][]byte, error) {
	t, err := read(data)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(t.derive(data), t.readRanges(data)); err != nil {
		return nil, err
	}
	flat, err := t.flat(data)
	if err != nil {
		return nil, err
	}
	water, err := t.water(data)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{"table.txt": t.text(), "places.txt": append(t.placesText(), water...), "names.txt": t.namesText(), "hours.txt": t.hoursText(flat)}
	sum := sha256.New()
	for _, file := range slices.Sorted(maps.Keys(texts)) {
		sum.Write(texts[file])
	}
	version := fmt.Sprintf("%s+%.4x\n", t.version, sum.Sum(nil))
	for file, text := range texts {
		texts[file] = append([]byte(headers[file]+version), text...)
	}
	return texts, nil
}

// writeSources writes the sources that are used, and gives their numbers in
// the text.
func (t *tables) writeSources(b *bytes.Buffer, used func(source int) bool) []int {
	numbers, n := make([]int, len(t.sources)), 0
	for i, s := range t.sources {
		if used(i) {
			fmt.Fprintf(b, "s\t%s\n", strings.Join(s, "\t"))
			numbers[i] = n
			n++
		}
	}
	return numbers
}

func (t *tables) text() []byte {
	var b bytes.Buffer
	numbers := t.writeSources(&b, func(source int) bool {
		return slices.ContainsFunc(t.figures, func(f figure) bool { return f.source == source })
	})
	rest := t.figures
	for i, z := range t.zones {
		fmt.Fprintf(&b, "z\t%s\n", strings.Join(z, "\t"))
		n := 0
		for n < len(rest) && rest[n].zone == i {
			n++
		}
		writeSeries(&b, rest[:n], numbers)
		rest = rest[n:]
	}
	return b.Bytes()
}

// writeSeries writes the figures of one zone, a line for each scope, basis and
// source.
func writeSeries(b *bytes.Buffer, figures []figure, numbers []int) {
	for i, f := range figures {
		if i > 0 && sameSeries(f, figures[i-1]) && figures[i-1].band == "" && f.band == "" {
			b.WriteString(strings.Repeat(" -", f.year-figures[i-1].year-1))
			b.WriteString(" " + f.value)
			continue
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "v\t%.1s\t%.1s\t%d\t%d\t%s%s", f.scope, f.basis, numbers[f.source], f.year, f.value, f.band)
	}
	b.WriteByte('\n')
}

func sameSeries(f, g figure) bool {
	return f.zone == g.zone && f.scope == g.scope && f.basis == g.basis && f.source == g.source
}

// order is that of the embedded form: preferred figures first.
func order(f, g figure) int {
	return cmp.Or(f.zone-g.zone,
		-cmp.Compare(f.scope, g.scope), // lifecycle before direct
		-cmp.Compare(f.basis, g.basis), // generation before consumption
		f.source-g.source,
		f.year-g.year)
}

func read(data fs.FS) (*tables, error) {
	t := &tables{}
	version, err := fs.ReadFile(data, "VERSION")
	if err != nil {
		return nil, err
	}
	t.version = strings.TrimSpace(string(version))
	if t.sources, err = readCSV(data, "sources.csv", sourceColumns); err != nil {
		return nil, err
	}
	if t.zones, err = readCSV(data, "zones.csv", zoneColumns); err != nil {
		return nil, err
	}
	rows, err := readCSV(data, "intensity.csv", figureColumns)
	if err != nil {
		return nil, err
	}
	sources, zones, err := t.ids()
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, row := range rows {
		f, err := readFigure(row, zones, sources)
		if err != nil {
			errs = append(errs, fmt.Errorf("intensity.csv:%d: %w", i+2, err))
			continue
		}
		t.figures = append(t.figures, f)
	}
	slices.SortStableFunc(t.figures, order)
	if len(errs) == 0 {
		errs = append(errs, t.readPlaces(data, zones, sources), t.readHours(data, zones, sources), t.readNames(data, zones, sources))
	}
	errs = append(errs, t.check()...)
	return t, errors.Join(errs...)
}

// uses reports whether anything but yearly figures is from a source.
func (t *tables) uses(source int) bool { return slices.Contains(t.used, source) }

// ids gives the row of each source and zone.
func (t *tables) ids() (sources, zones map[string]int, err error) {
	number := func(file string, rows [][]string) map[string]int {
		ids := map[string]int{}
		for i, row := range rows {
			if _, twice := ids[row[0]]; twice || row[0] == "" {
				err = errors.Join(err, fmt.Errorf("%s:%d: id %q is empty or stands twice", file, i+2, row[0]))
			}
			ids[row[0]] = i
		}
		return ids
	}
	return number("sources.csv", t.sources), number("zones.csv", t.zones), err
}

// check finds figures that stand twice, and sources and zones without any.
func (t *tables) check() (errs []error) {
	usedSource, usedZone := make([]bool, len(t.sources)), make([]bool, len(t.zones))
	for i, f := range t.figures {
		usedSource[f.source], usedZone[f.zone] = true, true
		if i > 0 && order(f, t.figures[i-1]) == 0 {
			errs = append(errs, fmt.Errorf("intensity.csv: %s %s %s %s %d stands twice",
				t.zones[f.zone][0], f.scope, f.basis, t.sources[f.source][0], f.year))
		}
	}
	for i, used := range usedSource {
		if !used && !t.uses(i) && t.sources[i][0] != derivedID && t.sources[i][0] != waterID {
			errs = append(errs, fmt.Errorf("sources.csv:%d: no figure comes from %s", i+2, t.sources[i][0]))
		}
	}
	for i, used := range usedZone {
		if !used {
			errs = append(errs, fmt.Errorf("zones.csv:%d: no figure for %s", i+2, t.zones[i][0]))
		}
	}
	return errs
}

// plainNumber leaves out the signs, exponents and names that ParseFloat takes.
var plainNumber = regexp.MustCompile(`^[0-9]{1,4}(\.[0-9]{1,3})?$`)

func readFigure(row []string, zones, sources map[string]int) (f figure, err error) {
	var ok bool
	if f.zone, ok = zones[row[0]]; !ok {
		return f, fmt.Errorf("no zone %q in zones.csv", row[0])
	}
	if f.scope = row[1]; f.scope != "lifecycle" && f.scope != "direct" {
		return f, fmt.Errorf("scope %q: want lifecycle or direct", f.scope)
	}
	if f.basis = row[2]; f.basis != "generation" && f.basis != "consumption" {
		return f, fmt.Errorf("basis %q: want generation or consumption", f.basis)
	}
	if f.source, ok = sources[row[3]]; !ok {
		return f, fmt.Errorf("no source %q in sources.csv", row[3])
	}
	if f.year, err = strconv.Atoi(row[4]); err != nil || f.year < 1990 || f.year > 2100 {
		return f, fmt.Errorf("year %q: want 1990 to 2100", row[4])
	}
	f.value = row[5]
	// Burning nothing but lignite in an old plant gives about 1,300 g/kWh.
	if v, _ := strconv.ParseFloat(f.value, 64); !plainNumber.MatchString(f.value) || v > 2000 {
		return f, fmt.Errorf("g_per_kwh %q: want 0 to 2000 with at most three decimals", f.value)
	}
	if f.scope == "lifecycle" && strings.Trim(f.value, "0.") == "" {
		return f, errors.New("a lifecycle figure of 0 is a missing one: leave it out")
	}
	return f, nil
}

// readCSV gives the rows below the header, which must be the columns wanted.
func readCSV(data fs.FS, name string, columns []string) ([][]string, error) {
	text, err := fs.ReadFile(data, name)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], columns) {
		return nil, fmt.Errorf("%s:1: want the columns %s", name, strings.Join(columns, ","))
	}
	for i, row := range rows[1:] {
		if strings.ContainsAny(strings.Join(row, ""), "\t\r\n") {
			return nil, fmt.Errorf("%s:%d: a cell holds a tab or a line break", name, i+2)
		}
	}
	return rows[1:], nil
}
