package regions

import (
	_ "embed"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
)

//go:generate go run ./internal/gen

//go:embed table.txt
var tableText string

// ZoneKind is the kind of a Zone.
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

// Builtin is the table that comes with the package; docs/regions-data.md describes it. The
// first call reads which codes there are, the first lookup of a name or of a zone's figures
// those; until then they cost nothing.
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
