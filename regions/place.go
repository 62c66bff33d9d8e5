package regions

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Place is what a region as people write it stands for.
type Place struct {
	Zone  Zone
	Cloud *CloudRegion // the cloud region that was named, or nil
	// Guess is how the zone was found, if not by a name: "the nearest known point is Paris
	// (FR), 1 km away".
	Guess string
	// Near is the cloud region nearest to the point that was given, Kilometres
	// away; nil for a name.
	Near       *CloudRegion
	Kilometres float64
}

// Place finds what a region as people write it stands for: all that [Table.Zone] takes, a
// cloud region or a zone in one ("aws:eu-west-1", "gcp:europe-west6-a"), also without the
// provider where no other has one of that name ("europe-west6"), by the name that the provider
// shows ("France Central") or the ID of a zone in it ("use1-az1"), or a point: latitude and
// longitude in degrees ("48.85,2.35"). A provider's region may also be written "aws/eu-west-1"
// or "azure West Europe". A point means the zone of the nearest known city, which near a
// border can be the wrong one, and is named in Guess. The error is an *UnknownError, an
// *AmbiguousError, or names what is wrong with a point: more than 1000 km from all cities no
// zone is guessed.
func (t *Table) Place(name string) (Place, error) {
	e, at, err := t.locate(name)
	if err != nil {
		return Place{}, err
	}
	p := Place{Zone: e.Zone, Guess: at.guess}
	if at.cloud != nil {
		c := *at.cloud
		p.Cloud = &c
	}
	if at.near != nil {
		c := *at.near
		p.Near, p.Kilometres = &c, at.km
	}
	return p, nil
}

// where is what locate knows besides the zone.
type where struct {
	cloud, near *CloudRegion
	km          float64
	guess       string
}

// locate finds a place. An ordinary name costs it nothing more than find.
func (t *Table) locate(name string) (*entry, where, error) {
	if i := strings.IndexAny(name, ":,"); i >= 0 {
		if p, err, ok := point(name); ok {
			if err != nil {
				return nil, where{}, err
			}
			return t.around(name, p)
		}
		if name[i] == ':' {
			return t.inCloud(name, name[:i], name[i+1:])
		}
	}
	e, err := t.direct(name)
	if e != nil || err != nil {
		return e, where{}, err
	}
	// "aws/us-east-1", "azure West Europe" and, which names no place, "aws"
	provider, region := name, ""
	if i := strings.IndexAny(name, "/ "); i >= 0 {
		provider, region = name[:i], strings.TrimLeft(name[i:], "/ ")
	}
	if t.provider(provider) != nil {
		return t.inCloud(name, provider, region)
	}
	return t.aliased(name, func() error { return &UnknownError{Zone: name, Nearest: t.nearest(name, 3)} })
}

// aliased finds what a name of another kind stands for, where no other way led to it.
func (t *Table) aliased(name string, unknown func() error) (*entry, where, error) {
	target, err := t.alias(name)
	if err != nil {
		return nil, where{}, err
	}
	if provider, region, ok := strings.Cut(target, ":"); ok {
		return t.inCloud(target, provider, region)
	}
	if i, ok := t.codes[strings.ToLower(target)]; ok {
		return &t.zones[i], where{}, nil
	}
	return nil, where{}, unknown()
}

// inCloud finds a cloud region and its zone. A zone of the user's own with that
// very code goes first.
func (t *Table) inCloud(name, provider, region string) (*entry, where, error) {
	c := t.cloud(provider, region)
	var room [2*maxKey + 1]byte
	key := fold(room[:0:maxKey], name)
	if c != nil { // it may have been a zone in it
		key = append(fold(room[:0:maxKey], c.Provider), '-')
		key = append(key, fold(room[maxKey+1:maxKey+1], c.Region)...)
	}
	if i, ok := t.codes[string(key)]; ok {
		return &t.zones[i], where{cloud: c}, nil
	}
	if f := t.provider(provider); c == nil && f != nil && strings.TrimSpace(region) != "" { // "azure:West Europe"
		if target, err := t.alias(region); err == nil && strings.HasPrefix(target, f.provider+":") && target != f.provider+":"+region {
			return t.inCloud(target, f.provider, target[len(f.provider)+1:])
		}
	}
	if c == nil {
		return t.aliased(name, func() error { return t.unknownCloud(provider, region) })
	}
	e, err := t.find(c.Zone)
	return e, where{cloud: c}, err
}

// point reads "48.85,2.35"; ok is whether it was meant as one.
func point(s string) (p Point, err error, ok bool) {
	lat, lon, comma := strings.Cut(s, ",")
	var latErr, lonErr error
	p.Lat, latErr = strconv.ParseFloat(strings.TrimSpace(lat), 64)
	p.Lon, lonErr = strconv.ParseFloat(strings.TrimSpace(lon), 64)
	if !comma || latErr != nil || lonErr != nil {
		return p, nil, false
	}
	if !(math.Abs(p.Lat) <= 90 && math.Abs(p.Lon) <= 180) {
		return p, fmt.Errorf("point %s: want a latitude of -90 to 90 and a longitude of -180 to 180 degrees", quote(s)), true
	}
	return p, nil, true
}

// ParsePoint reads a point in degrees: "48.85,2.35".
func ParsePoint(s string) (Point, error) {
	p, err, ok := point(s)
	if !ok {
		return Point{}, fmt.Errorf("point %s: want latitude and longitude in degrees, as 48.85,2.35", quote(s))
	}
	return p, err
}

// maxFar is how far a point may be from all known cities: beyond lie oceans, ice and
// islands of countries that the nearest city is not in.
const maxFar = 1000 // km

// around finds the zone of the nearest city, and the nearest cloud region.
func (t *Table) around(name string, p Point) (*entry, where, error) {
	if t.places == nil || len(t.places().cities()) == 0 {
		return nil, where{}, &UnknownError{Zone: name}
	}
	cities := t.places().cities()
	best, km := 0, math.Inf(1)
	across, acrossKm := 0, math.Inf(1) // the nearest one of another zone
	for i := range cities {
		switch d := p.Kilometres(cities[i].point); {
		case d < km:
			if cities[i].zone != cities[best].zone {
				across, acrossKm = best, km
			}
			best, km = i, d
		case d < acrossKm && cities[i].zone != cities[best].zone:
			across, acrossKm = i, d
		}
	}
	if km > maxFar {
		return nil, where{}, fmt.Errorf("point %s: the nearest known point is %s (%s), %.0f km away: give a zone instead", quote(name), cities[best].name, cities[best].zone, km)
	}
	at := where{km: math.Inf(1)}
	for c := range t.places().clouds() {
		if c.City == "" || c.Announced {
			continue
		}
		// Of several in one city the one that most is known of.
		if d := p.Kilometres(c.Point); d < at.km || d == at.km && len(c.figures) > len(at.near.figures) {
			at.near, at.km = c, d
		}
	}
	e, err := t.find(cities[best].zone)
	if err != nil {
		return nil, where{}, err
	}
	at.guess = fmt.Sprintf("the nearest known point is %s (%s), %.0f km away", cities[best].name, e.Code, km)
	if km > 10 && acrossKm < 2*km { // it may lie beyond a border
		at.guess += fmt.Sprintf("; %s (%s) is %.0f km away", cities[across].name, cities[across].zone, acrossKm)
	}
	return e, at, nil
}

// market is what the provider publishes by its contracts.
func (w where) market(e *entry, year int) (Intensity, error) {
	if w.cloud == nil {
		return Intensity{}, fmt.Errorf("%s (%s) is not a cloud region: market-based figures are a provider's; name one, such as aws:eu-west-1", e.Code, e.Name)
	}
	c := w.cloud
	f, ok := c.Figure(MarketFactor, year)
	if !ok {
		m := &MissingError{Zone: c.String(), Name: c.City, Scope: "market-based", Year: year, Scopes: []Scope{"location-based"}}
		before, after := 0, 0
		for _, f := range c.figures {
			switch {
			case f.Measure != MarketFactor:
			case f.Year < year:
				before = max(before, f.Year)
			case after == 0 || f.Year < after:
				after = f.Year
			}
		}
		m.add(before, after)
		return Intensity{}, m
	}
	return Intensity{
		Zone: e.Code, Name: e.Name, Provider: c.Provider, CloudRegion: c.Region,
		Kind: AnnualAverage, Market: true, Year: f.Year, PerKWh: Grams(f.Value), Source: f.Source, Licence: f.Licence,
	}, nil
}
