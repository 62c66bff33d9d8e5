package serve

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/regions"
)

// rating is EmissionsData of the SDK: what a kWh emits from a time on.
type rating struct {
	Location string        `json:"location"`
	Time     time.Time     `json:"time"`
	Rating   regions.Grams `json:"rating"`
	Duration string        `json:"duration"` // "01:00:00"
}

// point is EmissionsDataDTO of the SDK.
type point struct {
	Location string        `json:"location"`
	Time     time.Time     `json:"timestamp"`
	Minutes  float64       `json:"duration"`
	Value    regions.Grams `json:"value"`
}

// outlook is EmissionsForecastDTO of the SDK.
type outlook struct {
	Requested time.Time `json:"requestedAt"`
	Generated time.Time `json:"generatedAt"`
	Location  string    `json:"location"`
	Start     time.Time `json:"dataStartAt"`
	End       time.Time `json:"dataEndAt"`
	Window    int       `json:"windowSize"`
	Optimal   []point   `json:"optimalDataPoints"`
	Data      []point   `json:"forecastData"`
}

// place finds a location as clients of the SDK write it: all that a region may
// be, or the name of a cloud region alone ("westeurope"), if only one provider
// has it or all that do are on one grid.
func (s *server) place(location string) (zone string, err error) {
	_, err = s.Table.Place(location)
	var unknown *regions.UnknownError
	if err == nil || !errors.As(err, &unknown) || strings.Contains(location, ":") {
		return location, wrong(err)
	}
	var matches []string
	grids := map[string]bool{}
	for c := range s.Table.Clouds() {
		if strings.EqualFold(c.Region, strings.TrimSpace(location)) {
			matches = append(matches, c.String())
			grids[c.Zone] = true
		}
	}
	switch {
	case len(matches) == 0:
		return "", err
	case len(grids) > 1:
		return "", &regions.AmbiguousError{Zone: location, Matches: matches}
	}
	return matches[0], nil
}

// span is the stretch of time of a question, in whole hours.
func (s *server) span(p *params, first, last string) (from, to time.Time) {
	from = p.time(first, s.Now().UTC())
	to = p.time(last, from)
	if to.Before(from) {
		p.fail("%s is before %s", last, first)
	}
	from, to = hours(from, to)
	if to.Sub(from) > maxPoints*time.Hour {
		p.fail("%s is more than %d hours after %s", last, maxPoints, first)
	}
	return from, to
}

// hours widens a stretch of time to whole hours, at least one.
func hours(from, to time.Time) (time.Time, time.Time) {
	from = from.Truncate(time.Hour)
	if to = to.Add(time.Hour - 1).Truncate(time.Hour); !to.After(from) {
		to = from.Add(time.Hour)
	}
	return from, to
}

// An inquiry is what one request may ask: so many figures, and so many of them of a live
// service.
type inquiry struct {
	*server
	r            *http.Request
	points, live int
}

func (s *server) inquire(r *http.Request) *inquiry { return &inquiry{s, r, maxPoints, maxAsked} }

// ratings gives a location's figures, hour by hour. Those of the table are the same for all
// hours of a year; one of a live service that holds for longer is asked for once.
func (i *inquiry) ratings(location string, from, to time.Time) ([]rating, error) {
	zone, err := i.place(location)
	if err != nil {
		return nil, err
	}
	n := int(to.Sub(from) / time.Hour)
	if i.points -= n; i.points < 0 {
		return nil, badRequest{fmt.Errorf("more than %d hours in total: use a shorter time or fewer locations", maxPoints)}
	}
	all := make([]rating, 0, n)
	var in regions.Intensity
	for at := from; at.Before(to); at = at.Add(time.Hour) {
		if in.From.IsZero() || at.Before(in.From) || !at.Before(in.To) {
			if i.live--; i.Live != nil && i.live < 0 {
				return nil, badRequest{fmt.Errorf("the live service would be asked more than %d times: ask for a shorter time or fewer locations, or start carbonctl serve without --live for the means of years", maxAsked)}
			}
			if in, err = i.ask(i.r, regions.Query{Zone: zone, Time: at}); err != nil {
				return nil, err
			}
		}
		all = append(all, rating{location, at, in.PerKWh, "01:00:00"})
	}
	return all, nil
}

func (s *server) byLocation(r *http.Request) (any, error) {
	p := read(r, "location", "time", "toTime")
	location := p.needed("location")
	from, to := s.span(p, "time", "toTime")
	if p.err != nil {
		return nil, p.err
	}
	return s.inquire(r).ratings(location, from, to)
}

func (s *server) byLocations(r *http.Request) (any, error) { return s.several(r) }

func (s *server) several(r *http.Request) ([]rating, error) {
	p := read(r, "location…", "locations…", "time", "toTime")
	list := p.list()
	from, to := s.span(p, "time", "toTime")
	if p.err != nil {
		return nil, p.err
	}
	all, i := []rating{}, s.inquire(r)
	for _, location := range list {
		more, err := i.ratings(location, from, to)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// list are the locations that were asked for; the SDK's documents have both names.
func (p *params) list() []string {
	all := append(p.values["location"], p.values["locations"]...)
	switch {
	case len(all) == 0 || slices.ContainsFunc(all, func(s string) bool { return strings.TrimSpace(s) == "" }):
		p.fail("location is missing")
	case len(all) > maxLocations:
		p.fail("more than %d locations", maxLocations)
	}
	return all
}

// best gives the ratings that are the least of all.
func (s *server) best(r *http.Request) (any, error) {
	all, err := s.several(r)
	if err != nil {
		return nil, err
	}
	least := slices.MinFunc(all, func(a, b rating) int { return compare(a.Rating, b.Rating) }).Rating
	return slices.DeleteFunc(all, func(x rating) bool { return x.Rating > least }), nil
}

func compare(a, b regions.Grams) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (s *server) average(r *http.Request) (any, error) {
	p := read(r, "location", "startTime", "endTime")
	location := p.needed("location")
	p.needed("startTime")
	p.needed("endTime")
	from, to := s.span(p, "startTime", "endTime")
	start, end := p.time("startTime", from), p.time("endTime", to)
	if !end.After(start) {
		p.fail("endTime is not after startTime")
	}
	if p.err != nil {
		return nil, p.err
	}
	return s.inquire(r).average(location, start, end)
}

// mean is CarbonIntensityDTO of the SDK.
type mean struct {
	Location string    `json:"location"`
	Start    time.Time `json:"startTime"`
	End      time.Time `json:"endTime"`
	PerKWh   float64   `json:"carbonIntensity"`
}

// average is the mean over a stretch of time, each hour as far as it is in it.
func (i *inquiry) average(location string, start, end time.Time) (mean, error) {
	from, to := hours(start, end)
	all, err := i.ratings(location, from, to)
	if err != nil {
		return mean{}, err
	}
	sum := 0.0 // g/kWh × s
	for _, x := range all {
		a, b := x.Time, x.Time.Add(time.Hour)
		if a.Before(start) {
			a = start
		}
		if b.After(end) {
			b = end
		}
		sum += float64(x.Rating) * max(0, b.Sub(a).Seconds())
	}
	return mean{location, start, end, sum / end.Sub(start).Seconds()}, nil
}

func (s *server) current(r *http.Request) (any, error) {
	p := read(r, "location…", "locations…", "dataStartAt", "dataEndAt", "windowSize")
	now := s.Now().UTC().Truncate(time.Second)
	list, from := p.list(), p.time("dataStartAt", now)
	to := p.time("dataEndAt", from.Add(24*time.Hour))
	minutes := p.whole("windowSize", 0, 5, maxHours*60)
	switch {
	case !to.After(from):
		p.fail("dataEndAt is not after dataStartAt")
	case to.Sub(from) > maxHours*time.Hour:
		p.fail("dataEndAt is more than %d hours after dataStartAt", maxHours)
	}
	if p.err != nil {
		return nil, p.err
	}
	all := []outlook{}
	for _, location := range list {
		zone, err := s.place(location)
		if err != nil {
			return nil, err
		}
		series, err := s.comes(r, regions.Query{Zone: zone, Time: from}, to)
		if err != nil {
			return nil, err
		}
		o, err := look(series, location, from, to, minutes)
		if err != nil {
			return nil, err
		}
		o.Requested, o.Generated = now, now
		all = append(all, o)
	}
	return all, nil
}

// look brings a series into the SDK's form: the mean over each window of that
// many minutes, 0 for those of the series itself or all of [from, to] if that is shorter, within it. The first
// begins at from, the others a figure of the series later each, or, where the
// windows are shorter, one after the other.
func look(series []regions.Intensity, location string, from, to time.Time, minutes int) (outlook, error) {
	step := series[0].To.Sub(series[0].From)
	length := time.Duration(minutes) * time.Minute
	if minutes == 0 {
		length = min(step, to.Sub(from))
	}
	if step < time.Minute || length > to.Sub(from) {
		return outlook{}, badRequest{fmt.Errorf("windowSize: a window of %v does not fit between dataStartAt and dataEndAt", length)}
	}
	o := outlook{Location: location, Start: from, End: to, Window: int(length.Minutes()), Optimal: []point{}, Data: []point{}}
	for at := from; !at.Add(length).After(to); at = at.Add(min(step, length)) {
		w, err := regions.Window(series, length, at, at.Add(length))
		if errors.Is(err, regions.ErrShort) {
			continue // the series ends there or has a gap
		}
		if err != nil {
			return o, err
		}
		o.Data = append(o.Data, point{location, at, length.Minutes(), w.Now})
	}
	if len(o.Data) > 0 {
		least := slices.MinFunc(o.Data, func(a, b point) int { return compare(a.Value, b.Value) }).Value
		for _, x := range o.Data {
			if x.Value <= least {
				o.Optimal = append(o.Optimal, x)
			}
		}
	}
	return o, nil
}
