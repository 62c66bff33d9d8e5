package regions

import (
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The columns of a user's table. The first four are needed, in any order.
var ownColumns = []string{"zone", "scope", "year", "g_per_kwh", "name", "basis", "source", "licence"}

const (
	ownNeeded  = 4
	maxOwn     = 16 << 20 // bytes of a user's table
	maxOwnErrs = 20       // errors named
	// Burning nothing but lignite in an old plant gives about 1,300 g/kWh; a
	// diesel set of a camp may pass 1,500.
	maxPerKWh = 3000
)

// ReadTable reads a table of the user's own: CSV with a header that names the
// columns zone, scope (lifecycle or direct), year and g_per_kwh, and may name
// name, basis (generation or consumption; else generation), source and licence.
// A zone is a code: one that exists, a cloud region ("aws:eu-west-1"), or a new
// one of letters, digits, ".", ":", "_" and "-". Use [Table.With] to lay it over
// another table.
//
// It is read strictly. Errors are file:line:column, up to twenty of them: columns
// that are missing or not known, zones, years, scopes that aren't any, figures that are not
// numbers from 0 to 3000, and duplicate rows.
func ReadTable(r io.Reader, file string) (*Table, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxOwn+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(text) > maxOwn {
		return nil, fmt.Errorf("%s: more than %d bytes", file, maxOwn)
	}
	o := &ownReader{file: file, seen: map[string]int{}, rows: map[string][]ownRow{}}
	o.csv = csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff")))
	o.csv.ReuseRecord = true
	o.header()
	for len(o.errs) == 0 || o.columns != nil {
		if !o.row() {
			break
		}
	}
	if len(o.codes) == 0 && len(o.errs) == 0 {
		o.fail(1, 1, "no rows below the header")
	}
	if len(o.errs) > 0 {
		return nil, errors.Join(o.errs...)
	}
	t := o.table()
	t.version = fmt.Sprintf("own.%.4x", sha256.Sum256(text))
	return t, t.index()
}

// ownReader collects rows and what is wrong with them.
type ownReader struct {
	file    string
	csv     *csv.Reader
	columns map[string]int // nil: the header is no good
	errs    []error
	seen    map[string]int      // line of a row by its key
	codes   []string            // in order of the file
	rows    map[string][]ownRow // by code
}

type ownRow struct {
	name          string
	scope         Scope
	basis         string
	year          int
	value         float64
	from, licence string
}

func (o *ownReader) fail(line, column int, format string, args ...any) {
	if len(o.errs) < maxOwnErrs {
		o.errs = append(o.errs, fmt.Errorf("%s:%d:%d: %s", o.file, line, column, fmt.Sprintf(format, args...)))
	}
}

// wrong tells an error of encoding/csv.
func (o *ownReader) wrong(err error) {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		o.fail(parse.Line, parse.Column, "%v", parse.Err)
		return
	}
	o.fail(1, 1, "%v", err)
}

func (o *ownReader) header() {
	cells, err := o.csv.Read()
	if errors.Is(err, io.EOF) {
		o.fail(1, 1, "empty: want the columns %s", strings.Join(ownColumns[:ownNeeded], ","))
		return
	}
	if err != nil {
		o.wrong(err)
		return
	}
	columns := map[string]int{}
	for i, cell := range cells {
		line, column := o.csv.FieldPos(i)
		cell = strings.TrimSpace(cell)
		_, twice := columns[cell]
		switch {
		case twice:
			o.fail(line, column, "column %s stands twice", quote(cell))
		case !slices.Contains(ownColumns, cell):
			o.fail(line, column, "unknown column %s: columns are %s", quote(cell), strings.Join(ownColumns, ","))
		}
		columns[cell] = i
	}
	for _, c := range ownColumns[:ownNeeded] {
		if _, ok := columns[c]; !ok {
			o.fail(1, 1, "no column %s", c)
		}
	}
	if len(o.errs) == 0 {
		o.columns = columns
	}
}

// row reads one row, and reports whether there may be another.
func (o *ownReader) row() bool {
	cells, err := o.csv.Read()
	switch {
	case errors.Is(err, io.EOF):
		return false
	case err != nil:
		o.wrong(err)
		return errors.Is(err, csv.ErrFieldCount)
	}
	before := len(o.errs)
	cell := func(name string) (s string, line, column int) {
		i, ok := o.columns[name]
		if !ok {
			return "", 0, 0
		}
		line, column = o.csv.FieldPos(i)
		return strings.Clone(strings.TrimSpace(cells[i])), line, column
	}
	var r ownRow
	code, line, column := cell("zone")
	if !isOwnCode(code) {
		o.fail(line, column, "zone %s: want a code of letters, digits and . : _ -", quote(code))
	}
	scope, l, c := cell("scope")
	if r.scope = Scope(scope); r.scope != Lifecycle && r.scope != Direct {
		o.fail(l, c, "scope %s: want %s or %s", quote(scope), Lifecycle, Direct)
	}
	year, l, c := cell("year")
	if r.year, err = strconv.Atoi(year); err != nil || r.year < 1990 || r.year > 2100 {
		o.fail(l, c, "year %s: want 1990 to 2100", quote(year))
	}
	value, l, c := cell("g_per_kwh")
	r.value, err = strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(r.value) || r.value < 0 || math.Signbit(r.value) || r.value > maxPerKWh {
		o.fail(l, c, "g_per_kwh %s: want a number from 0 to %d", quote(value), maxPerKWh)
	}
	if err == nil && r.value > 0 {
		if err := Plausible(Grams(r.value)); err != nil && r.value <= maxPerKWh {
			o.fail(l, c, "g_per_kwh %s: %v", quote(value), err)
		}
	}
	r.basis, l, c = cell("basis")
	switch r.basis {
	case "":
		r.basis = "generation"
	case "generation", "consumption":
	default:
		o.fail(l, c, "basis %s: want generation or consumption", quote(r.basis))
	}
	if r.name, l, c = cell("name"); r.name != "" && len(fold(nil, r.name)) == 0 {
		o.fail(l, c, "name %s: want letters or digits, at most %d", quote(r.name), maxKey)
	}
	r.licence, _, _ = cell("licence")
	if r.from, _, _ = cell("source"); r.from == "" {
		r.from = "user's table " + o.file
	}
	key := string(fold(nil, code)) + " " + scope + " " + year
	if first, twice := o.seen[key]; twice {
		o.fail(line, column, "%s %s %s stands twice: first in line %d", quote(code), scope, year, first)
	}
	o.seen[key] = line
	if len(o.errs) > before {
		return true
	}
	if _, known := o.rows[code]; !known {
		o.codes = append(o.codes, code)
	}
	o.rows[code] = append(o.rows[code], r)
	return true
}

func isOwnCode(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(".:_-", r):
		default:
			return false
		}
	}
	return len(fold(nil, s)) > 0
}

// table puts the rows in the order of a Table.
func (o *ownReader) table() *Table {
	t := &Table{}
	for _, code := range o.codes {
		rows := o.rows[code]
		e := entry{Zone: Zone{Code: code, Name: code, Kind: Private}}
		slices.SortStableFunc(rows, func(a, b ownRow) int { return a.year - b.year })
		for _, r := range rows {
			if r.name != "" {
				e.Name = r.name
			}
			e.add(r, t.ownSource(r.from, r.licence))
		}
		slices.SortStableFunc(e.series, func(a, b series) int {
			return strings.Compare(string(b.scope)+" "+b.basis, string(a.scope)+" "+a.basis) // lifecycle, generation first
		})
		t.zones = append(t.zones, e)
	}
	return t
}

// add appends a row of a later year to the series that it belongs to.
func (e *entry) add(r ownRow, source int) {
	for i := range e.series {
		if s := &e.series[i]; s.scope == r.scope && s.basis == r.basis && s.source == source {
			for s.last()+1 < r.year {
				s.values = append(s.values, -1)
			}
			s.values = append(s.values, r.value)
			return
		}
	}
	e.series = append(e.series, series{kind: Own, scope: r.scope, basis: r.basis, source: source, first: r.year, values: []float64{r.value}})
}

func (t *Table) ownSource(name, licence string) int {
	for i, s := range t.sources {
		if s.Name == name && s.Licence == licence {
			return i
		}
	}
	t.sources = append(t.sources, Source{ID: "own-" + strconv.Itoa(len(t.sources)+1), Name: name, Publisher: "given by the user", Licence: licence})
	return len(t.sources) - 1
}

// shadowed says which figure of the built-in table one of the user's own stands before.
func (t *Table) shadowed(e *entry, scope Scope) string {
	s, year := e.pick(scope, 0)
	if s == nil {
		return ""
	}
	v, _ := s.at(year)
	return fmt.Sprintf("your own figure, not the built-in %.3g g/kWh (%s, %d)", v, scope, year)
}

// With is the table with another laid over it: for a zone and scope of which
// own has any figure, its figures stand alone, so that no two sources mix; its
// further zones are added. Neither table changes. A new zone whose code begins
// with that of a country ("FR-LAB") lies there.
func (t *Table) With(own *Table) (*Table, error) {
	n := len(own.sources)
	both := &Table{
		version: t.version + "+" + own.version,
		sources: append(slices.Clone(own.sources), t.sources...),
		zones:   make([]entry, 0, len(t.zones)+len(own.zones)),
		places:  t.places, aliases: t.aliases, typical: t.typical,
	}
	for _, e := range t.zones {
		e.series, e.unread = slices.Clone(e.all()), nil
		for i := range e.series {
			e.series[i].source += n
		}
		both.zones = append(both.zones, e)
	}
	for _, e := range own.zones {
		if i, ok := t.codes[string(fold(nil, e.Code))]; ok {
			old := &both.zones[i]
			e.series = slices.Clone(e.series)
			for j := range e.series {
				e.series[j].note = t.shadowed(&t.zones[i], e.series[j].scope)
			}
			old.series = append(slices.Clone(e.all()), slices.DeleteFunc(old.series, func(s series) bool { return e.has(s.scope) })...)
			continue
		}
		country, _, _ := strings.Cut(e.Code, "-")
		if c := t.cloudOf(e.Code); c != nil {
			country, _, _ = strings.Cut(c.Zone, "-")
		}
		if i, ok := t.codes[strings.ToLower(country)]; ok && t.zones[i].Kind == Country {
			e.Country, e.Continent = t.zones[i].Code, t.zones[i].Continent
		}
		both.zones = append(both.zones, e)
	}
	return both, both.index()
}
