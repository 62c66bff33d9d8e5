package regions

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Intensity gives the yearly mean of a zone: the newest year of the scope wanted, or the year
// wanted. Zone is as for [Table.Place], or blank for the world's mean, of Kind WorldDefault.
// With no Scope wanted it is Lifecycle where the zone has that in any year, else Direct, with
// the reason in Instead.
//
// Of several figures for one scope and year it takes the basis of the zone's newest figure,
// generation before consumption, and then the source that comes first in [Table.Sources]. A
// direct figure that was derived, because none is published, has that in Instead.
//
// With Market it is what the cloud provider publishes for the region named, by
// its contracts, never the grid's.
//
// Besides the errors of Place, a scope or year for which nothing is known is a *MissingError.
// Without a Year it is that of Query.Time, or the nearest, with the reason in Instead. The
// context is ignored.
func (t *Table) Intensity(_ context.Context, q Query) (Intensity, error) {
	if q.Scope != "" && q.Scope != Lifecycle && q.Scope != Direct {
		return Intensity{}, fmt.Errorf("unknown scope %q: use %s or %s", q.Scope, Lifecycle, Direct)
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
