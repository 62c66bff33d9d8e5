package regions

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A PUE is power usage effectiveness: the energy of a data centre over that of
// its computers, at least 1.
type PUE struct {
	Value float64 `json:"value"`
	Year  int     `json:"year,omitempty"`
	// Of is whose it is: "region", "provider" (the mean of all its data centres), "industry"
	// (the mean of a survey) or "given".
	Of     string `json:"of"`
	Source string `json:"source"`
}

// PUE is that of a cloud region, or of a data centre that is not known for nil.
// One rule holds for all providers: what is published of the region, newest
// first; else the provider's mean over all its data centres; else the mean of
// the industry's yearly survey. A table without places knows none: 1, from "".
func (t *Table) PUE(c *CloudRegion) PUE {
	if t.places == nil {
		return PUE{Value: 1}
	}
	if c != nil {
		if f, ok := c.Figure(PUEMeasure, 0); ok {
			return PUE{f.Value, f.Year, "region", f.Source}
		}
		if f, ok := newest(t.places().figures(c.Provider), PUEMeasure, 0); ok {
			return PUE{f.Value, f.Year, "provider", f.Source}
		}
	}
	if f, ok := newest(t.places().figures(""), PUEMeasure, 0); ok {
		return PUE{f.Value, f.Year, "industry", f.Source}
	}
	return PUE{Value: 1}
}

// A Site is somewhere that work could run, with what a comparison needs.
type Site struct {
	Zone      Zone
	Cloud     *CloudRegion // nil: a country, or a zone that was named
	Intensity Intensity
	PUE       PUE
	// Kilometres from the point of the Filter, nil if there is none or the
	// site's own place is not known.
	Kilometres *float64
}

// A Filter leaves sites out. The zero Filter leaves out nothing but cloud
// regions that are not open yet.
type Filter struct {
	Providers  []string // "aws"; a filter by provider leaves out countries
	Continents []string // codes or names: "EUROPE", "north america"
	// Within this many kilometres of From, 0 for any distance. Countries, which
	// are no points, are left out then, as are regions of unknown place.
	Within float64
	From   Point
	// Measure distances even with no bound on them.
	Distances bool
	// CloudOnly leaves out countries, CountryOnly cloud regions; zones of a user's own
	// table are left out by neither.
	CloudOnly, CountryOnly bool
	// Usual leaves out [CloudRegion.Special] regions.
	Usual bool
}

// Site is the one that a query names. A scope that the zone lacks is taken from its country,
// as Intensity.Instead has it; of no scope at all it is Lifecycle.
func (t *Table) Site(q Query) (Site, error) {
	if strings.TrimSpace(q.Zone) == "" {
		q.Zone = string(World)
	}
	e, at, err := t.locate(q.Zone)
	if err != nil {
		return Site{}, err
	}
	s := Site{Zone: e.Zone, PUE: t.PUE(at.cloud)}
	if at.cloud != nil {
		c := *at.cloud
		s.Cloud = &c
	}
	if q.Scope == "" && !q.Market {
		q.Scope = Lifecycle
	}
	s.Intensity, err = t.Intensity(context.Background(), q)
	var missing *MissingError
	if errors.As(err, &missing) && !q.Market && e.Country != "" && e.Country != e.Code {
		up, upErr := t.Intensity(context.Background(), Query{Zone: e.Country, Scope: q.Scope, Year: q.Year})
		if upErr != nil {
			return Site{}, err
		}
		up.Instead = and(fmt.Sprintf("that of %s: no %s figure is published for %s", up.Name, q.Scope, e.Code), up.Instead)
		if s.Cloud != nil {
			up.Provider, up.CloudRegion = s.Cloud.Provider, s.Cloud.Region
		}
		s.Intensity, err = up, nil
	}
	return s, err
}

// Sites gives all cloud regions and countries that a filter leaves, in no order that means
// anything. Scope and year are those of the query; its Zone is ignored. All are of one scope,
// so that they can be compared: Lifecycle if none is asked for. Those without a figure are
// left out and counted.
func (t *Table) Sites(q Query, f Filter) (sites []Site, without int, err error) {
	if err := t.check(&f); err != nil {
		return nil, 0, err
	}
	var names []string
	for c := range t.Clouds() {
		if !c.Announced && !f.CountryOnly && !(f.Usual && c.Special()) && (len(f.Providers) == 0 || slices.Contains(f.Providers, c.Provider)) {
			names = append(names, c.String())
		}
	}
	if len(f.Providers) == 0 && f.Within == 0 && !q.Market {
		for z := range t.Zones() {
			if z.Kind == Country && !f.CloudOnly || z.Kind == Private && t.cloudOf(z.Code) == nil {
				names = append(names, z.Code)
			}
		}
	}
	for _, name := range names {
		q.Zone = name
		s, err := t.Site(q)
		var missing *MissingError
		switch {
		case errors.As(err, &missing):
			without++
			continue
		case err != nil:
			return nil, 0, err
		}
		if s.passes(f) {
			sites = append(sites, s)
		}
	}
	return sites, without, nil
}

// check brings the names of a filter to those of the table.
func (t *Table) check(f *Filter) error {
	if f.Within < 0 {
		return fmt.Errorf("distance %v km: want 0 or more", f.Within)
	}
	f.Providers, f.Continents = slices.Clone(f.Providers), slices.Clone(f.Continents)
	for i, p := range f.Providers {
		f.Providers[i] = also(strings.ToLower(strings.TrimSpace(p)))
		known := false
		for c := range t.Clouds() {
			known = known || c.Provider == f.Providers[i]
		}
		if !known {
			if near := t.nearestProviders(p); len(near) > 0 {
				return fmt.Errorf("unknown provider %s; nearest: %s", quote(p), strings.Join(near, ", "))
			}
			return fmt.Errorf("unknown provider %s: use one of %s", quote(p), strings.Join(t.providers(), ", "))
		}
	}
	for i, c := range f.Continents {
		z, err := t.Zone(c)
		if err != nil {
			return err
		}
		if z.Kind != Group || z.Code == "EU27" {
			return fmt.Errorf("%s (%s) is not a continent", z.Code, z.Name)
		}
		f.Continents[i] = z.Code
	}
	return nil
}

// passes reports whether the filter leaves the site in, and measures its
// distance.
func (s *Site) passes(f Filter) bool {
	if len(f.Continents) > 0 && !slices.Contains(f.Continents, s.Zone.Continent) {
		return false
	}
	if f.Within == 0 && !f.Distances {
		return true
	}
	if s.Cloud != nil && s.Cloud.City != "" {
		km := f.From.Kilometres(s.Cloud.Point)
		s.Kilometres = &km
	}
	return f.Within == 0 || s.Kilometres != nil && *s.Kilometres <= f.Within
}

// Point is where a place is: its cloud region's city, or the middle of the
// cities that we know in its zone. ok is false where none is known.
func (t *Table) Point(name string) (p Point, ok bool) {
	if p, err, meant := point(name); meant && err == nil {
		return p, true
	}
	e, at, err := t.locate(name)
	if err != nil || t.places == nil {
		return Point{}, false
	}
	if at.cloud != nil && at.cloud.City != "" {
		return at.cloud.Point, true
	}
	const radian = math.Pi / 180
	var x, y, z float64 // as vectors, so that no meridian is special
	for _, c := range t.places().cities() {
		if c.zone == e.Code || strings.HasPrefix(c.zone, e.Code+"-") {
			lat, lon := c.point.Lat*radian, c.point.Lon*radian
			x, y, z = x+math.Cos(lat)*math.Cos(lon), y+math.Cos(lat)*math.Sin(lon), z+math.Sin(lat)
			ok = true
		}
	}
	return Point{math.Atan2(z, math.Hypot(x, y)) / radian, math.Atan2(y, x) / radian}, ok
}
