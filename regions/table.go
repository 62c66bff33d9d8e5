package regions

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:generate go run ./internal/gen

//go:embed table.txt
var tableText string

// ZoneKind says what sort of place a Zone is.
type ZoneKind string

// The kinds of zone.
const (
	World       ZoneKind = "world"
	Group       ZoneKind = "group"       // a continent, or the European Union
	Country     ZoneKind = "country"     // ISO 3166-1
	Subdivision ZoneKind = "subdivision" // ISO 3166-2: a state or province
	Subregion   ZoneKind = "subregion"   // a part of a grid: "EGRID-CAMX"
	Private     ZoneKind = "own"         // added by a table of the user's own
)

// A Zone is a place for which the table has figures.
type Zone struct {
	// Code is ISO 3166-1 alpha-2 or ISO 3166-2, "EGRID-" and an eGRID
	// subregion's acronym, "WORLD", "EU27", or a continent: "NORTH_AMERICA".
	Code string
	// Alpha3 is ISO 3166-1 alpha-3, for countries only; Kosovo has the
	// user-assigned XKX.
	Alpha3 string
	Name   string
	Kind   ZoneKind
	// Country is the code of the country it is or lies in, "" for World and
	// Group.
	Country string
	// Continent is the code of the Group it lies in: "EUROPE", "NORTH_AMERICA".
	// Of countries on two, Cyprus and Russia count as Europe, Turkey and those of
	// the Caucasus as Asia.
	Continent string
}

// label is the zone as errors name it: "US-GA (Georgia, United States)".
func (t *Table) label(i int32) string {
	z := &t.zones[i].Zone
	if z.Country != "" && z.Country != z.Code {
		if c, ok := t.codes[strings.ToLower(z.Country)]; ok {
			return fmt.Sprintf("%s (%s, %s)", z.Code, z.Name, t.zones[c].Name)
		}
	}
	return fmt.Sprintf("%s (%s)", z.Code, z.Name)
}

// A Source is a publication that figures of the table come from.
type Source struct {
	ID          string // within the table: "egrid-2023"
	Name        string // publisher and edition, as in Intensity.Source
	Publisher   string
	Licence     string // SPDX identifier where there is one
	URL         string
	Attribution string // the words its licence asks for, as in NOTICE
	Note        string // what a reader must know of its figures, or ""
}

// A Table holds yearly mean intensities by zone. It is a Provider, never
// changes, and is safe for concurrent use. The zero Table knows no zone.
type Table struct {
	version string
	sources []Source
	zones   []entry
	// From a folded code to an index of zones. Codes are looked at before names, so
	// that no name can hide one.
	codes map[string]int32
	// What else it knows; nil: none. Each is read when first called.
	names   func() names
	places  func() *places
	aliases func() *aliases
	typical func() *typical
}

// An entry is a zone with its figures.
type entry struct {
	Zone
	aliases string   // separated by ";"
	series  []series // see all
	unread  *unread  // nil: series has them
}

// A series is the figures of one zone, scope, basis and source in successive
// years, in g/kWh; a negative one is a gap.
type series struct {
	kind   Kind // "" is AnnualAverage
	scope  Scope
	basis  string
	source int
	first  int
	values []float64
	// The range of the last figure, 0 and 0 for none, and what is to be said of it.
	low, high float64
	note      string
}

// at gives the figure of a year, and whether there is one.
func (s *series) at(year int) (float64, bool) {
	i := year - s.first
	if i < 0 || i >= len(s.values) || s.values[i] < 0 {
		return 0, false
	}
	return s.values[i], true
}

// last is the newest year: the parser sees to it that a series ends in a figure.
func (s *series) last() int { return s.first + len(s.values) - 1 }

var builtin = sync.OnceValue(func() *Table {
	t, err := skim(tableText)
	if err != nil {
		panic(untested(err))
	}
	t.places, t.aliases, t.typical = builtinPlaces, builtinAliases, builtinTypical
	return t
})

// Builtin is the table that comes with the package; docs/regions.md says what
// is in it. The first call reads which codes there are, the first lookup of a name or
// of a zone's figures those; until then they cost nothing.
func Builtin() *Table { return builtin() }

// Version is the edition of the table and a short hash of its content:
// "2026.1+0f3a52c1".
func (t *Table) Version() string { return t.version }

// Version is that of the built-in table, which it does not parse.
func Version() string {
	first, _, _ := strings.Cut(tableText, "\n")
	return strings.TrimPrefix(first, header)
}

// Sources lists where the figures come from, the preferred ones first; those
// of cloud regions, names and hours come last. A source of several of these comes once.
func (t *Table) Sources() []Source {
	all := slices.Clone(t.sources)
	for _, more := range t.more() {
		for _, s := range more {
			if !slices.ContainsFunc(all, func(have Source) bool { return have.ID == s.ID }) {
				all = append(all, s)
			}
		}
	}
	return all
}

// more are the sources of what is not yearly figures of zones.
func (t *Table) more() (all [][]Source) {
	if t.places != nil {
		all = append(all, t.places().sources)
	}
	if t.aliases != nil {
		all = append(all, t.aliases().sources)
	}
	if t.typical != nil {
		all = append(all, t.typical().sources)
	}
	return all
}

// Zones gives all zones: the world, groups, countries, subdivisions, then
// subregions, each by code.
func (t *Table) Zones() iter.Seq[Zone] {
	return func(yield func(Zone) bool) {
		for i := range t.zones {
			if !yield(t.zones[i].Zone) {
				return
			}
		}
	}
}

// Zone finds a zone by its code, its alpha-3 code or a name, whatever the case,
// accents and punctuation: "FR", "fra", "Côte d'Ivoire", "us-ca", "Allemagne". A
// code is taken before a name: "CA" is Canada. The error is an *UnknownError,
// or an *AmbiguousError where a name belongs to several zones.
func (t *Table) Zone(name string) (Zone, error) {
	e, err := t.find(name)
	if err != nil {
		return Zone{}, err
	}
	return e.Zone, nil
}

func (t *Table) find(name string) (*entry, error) {
	e, err := t.direct(name)
	if e != nil || err != nil {
		return e, err
	}
	if target, err := t.alias(name); err != nil {
		return nil, err
	} else if i, ok := t.codes[strings.ToLower(target)]; ok {
		return &t.zones[i], nil
	}
	return nil, &UnknownError{Zone: name, Nearest: t.nearest(name, 3)}
}

// direct finds a zone by what stands in the table of zones itself, nil for none.
func (t *Table) direct(name string) (*entry, error) {
	var room [maxKey]byte
	key := fold(room[:0], name)
	i, ok := t.codes[string(key)]
	var n names
	if !ok && t.names != nil {
		n = t.names()
		i, ok = n.one[string(key)]
	}
	switch {
	case !ok:
		return nil, nil
	case i < 0:
		e := &AmbiguousError{Zone: name}
		for _, j := range n.shared[^i] {
			e.Matches = append(e.Matches, t.label(j))
		}
		return nil, e
	}
	return &t.zones[i], nil
}

// Intensity gives the yearly mean of a zone: the newest year of the scope
// wanted, or the year wanted. Zone is as for [Table.Place], or blank for the
// world's mean, of Kind WorldDefault. With no Scope wanted it is Lifecycle
// where the zone has that in any year, else Direct, which Instead then says.
//
// Of several figures for one scope and year it takes the basis of the zone's
// newest figure, generation before consumption, and then the source that comes
// first in [Table.Sources]. A direct figure that we derived, because none is
// published, says so in Instead.
//
// With Market it is what the cloud provider publishes for the region named, by
// its contracts, never the grid's.
//
// Besides the errors of Place, a scope or year for which nothing is known is a
// *MissingError. Without a Year it is that of Query.Time, or the nearest that there is,
// which Instead then says. The context is not looked at.
func (t *Table) Intensity(_ context.Context, q Query) (Intensity, error) {
	if q.Scope != "" && q.Scope != Lifecycle && q.Scope != Direct {
		return Intensity{}, fmt.Errorf("scope %q is not known: use %s or %s", q.Scope, Lifecycle, Direct)
	}
	name, unasked := q.Zone, strings.TrimSpace(q.Zone) == ""
	if unasked {
		name = string(World)
	}
	e, at, err := t.locate(name)
	if err != nil {
		return Intensity{}, err
	}
	if q.Market {
		return at.market(e, q.Year)
	}
	scope := q.Scope
	if scope == "" {
		scope = Lifecycle
		if !e.has(Lifecycle) {
			scope = Direct
		}
	}
	wanted := q.Year
	if wanted == 0 && clockSet(q.Time) {
		wanted = e.nearest(scope, q.Time.UTC().Year())
	}
	s, year := e.pick(scope, wanted)
	if s == nil {
		return Intensity{}, e.missing(scope, wanted)
	}
	in := t.intensity(e, s, year)
	if q.Year == 0 {
		in.Instead = and(in.Instead, stale(e.Code, q.Time, year))
	}
	if scope != q.Scope && scope == Direct {
		in.Instead = and(in.Instead, "only direct emissions are published for "+e.Code)
	}
	if at.cloud != nil {
		in.Provider, in.CloudRegion = at.cloud.Provider, at.cloud.Region
	}
	in.Instead = and(in.Instead, at.guess)
	if unasked {
		in.Kind, in.Instead = WorldDefault, "no region was given"
	}
	return in, nil
}

// Immediate implements the interface of that name.
func (*Table) Immediate() {}

// clockSet reports whether a time may be that of a run. One from before there were any
// trackers is of a machine whose clock nobody has set: its year is this one.
func clockSet(t time.Time) bool { return t.UTC().Year() >= 2005 }

// publishing is how many years a yearly figure may be behind: that of a year that goes
// on is not there before its end, and is published in the next.
const publishing = 2

// stale says that a figure is of another year than its time, where that is not because
// it is yet to be published.
func stale(code string, at time.Time, year int) string {
	if !clockSet(at) || year == 0 {
		return ""
	}
	if late := at.UTC().Year() - year; late >= 0 && late <= publishing {
		return ""
	}
	return fmt.Sprintf("that of %d: no figure is published for %s in %d", year, code, at.UTC().Year())
}

// nearest is the year for which there is a figure of a scope that is nearest to the one
// wanted, and of two the later; 0 where there is none.
func (e *entry) nearest(scope Scope, wanted int) (found int) {
	series := e.all()
	for i := range series {
		s := &series[i]
		for year := s.first; s.scope == scope && year <= s.last(); year++ {
			if _, ok := s.at(year); !ok {
				continue
			}
			if d, best := max(year-wanted, wanted-year), max(found-wanted, wanted-found); found == 0 || d < best || d == best && year > found {
				found = year
			}
		}
	}
	return found
}

// and joins two reasons, either of which may be "".
func and(a, b string) string {
	if a != "" && b != "" {
		return a + "; " + b
	}
	return a + b
}

// Series gives all figures of a zone: lifecycle, then direct, by year, the
// one that Intensity would give first within a year. The errors are those of
// Zone.
func (t *Table) Series(name string) ([]Intensity, error) {
	e, err := t.find(name)
	if err != nil {
		return nil, err
	}
	var all []Intensity
	for _, scope := range []Scope{Lifecycle, Direct} {
		start := len(all)
		newest, _ := e.pick(scope, 0)
		series := e.all()
		for i := range series {
			s := &series[i]
			for year := s.first; s.scope == scope && year <= s.last(); year++ {
				if _, ok := s.at(year); ok {
					all = append(all, t.intensity(e, s, year))
				}
			}
		}
		slices.SortStableFunc(all[start:], func(a, b Intensity) int {
			if a.Year != b.Year {
				return a.Year - b.Year
			}
			return rank(a.Basis, newest.basis) - rank(b.Basis, newest.basis)
		})
	}
	return all, nil
}

// rank puts the basis preferred first.
func rank(basis, preferred string) int {
	if basis == preferred {
		return 0
	}
	return 1
}

func (t *Table) intensity(e *entry, s *series, year int) Intensity {
	v, _ := s.at(year)
	from := &t.sources[s.source]
	in := Intensity{
		Zone: e.Code, Name: e.Name, Kind: cmp.Or(s.kind, AnnualAverage),
		Scope: s.scope, Year: year, Basis: s.basis, PerKWh: Grams(v),
		Source: from.Name, Licence: from.Licence,
	}
	if from.ID == derived {
		in.Instead = "derived from the generation mix: no direct figure is published for " + e.Code
	}
	if s.high > 0 && year == s.last() {
		in.Low, in.High = Grams(s.low), Grams(s.high)
	}
	if s.kind == Own || year == s.last() {
		in.Note = s.note
	}
	if v == 0 && s.scope == Direct && s.basis == "generation" {
		in.Note = and(in.Note, "0 by its own plants: what it imports is not counted")
	}
	if s.scope == Lifecycle && s.kind != Own {
		in.Note = and(in.Note, t.below(e, year, v))
	}
	return in
}

// below says that a lifecycle figure is less than the direct one published of the same
// year or, without one, of the newest: less than a part of itself, which one of the two
// has wrong, or other years, imports or plants make so.
func (t *Table) below(e *entry, year int, lifecycle float64) string {
	s, at := e.pick(Direct, year)
	if s == nil {
		s, at = e.pick(Direct, 0)
	}
	if s == nil || t.sources[s.source].ID == derived {
		return ""
	}
	direct, _ := s.at(at)
	if lifecycle >= direct {
		return ""
	}
	return fmt.Sprintf("below the direct figure of %.0f g/kWh (%d, %s): probably too low", direct, at, s.basis)
}

// derived is the ID of the source of figures that we computed ourselves.
const derived = "derived"

func (e *entry) has(scope Scope) bool {
	return slices.ContainsFunc(e.all(), func(s series) bool { return s.scope == scope })
}

// pick chooses the series of a scope that has the year, 0 for the newest year
// that any has. The series of an entry are in order of preference, generation
// before consumption.
func (e *entry) pick(scope Scope, year int) (*series, int) {
	var newest, found *series
	all := e.all()
	for i := range all {
		s := &all[i]
		if s.scope == scope && (newest == nil || s.last() > newest.last()) {
			newest = s
		}
	}
	if newest == nil || year == 0 {
		if newest != nil {
			year = newest.last()
		}
		return newest, year
	}
	for i := range all {
		s := &all[i]
		if s.scope != scope {
			continue
		}
		if _, ok := s.at(year); ok && (found == nil || found.basis != newest.basis && s.basis == newest.basis) {
			found = s
		}
	}
	return found, year
}
