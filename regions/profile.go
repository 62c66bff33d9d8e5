package regions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrNoForecast is wrapped where nothing is known of the hours to come.
var ErrNoForecast = errors.New("no forecast")

// maxForecast bounds how far a forecast may reach.
const maxForecast = 366 * 24 * time.Hour

// Forecast gives typical hours, of Kind Profile, where the table has a profile
// of an area in the zone: the zone's yearly figure times the shape of the day in
// that month. It is no forecast of weather. Instead names the area and the year
// of its profile. Elsewhere the error wraps ErrNoForecast. Query.Market is not
// looked at.
func (t *Table) Forecast(ctx context.Context, q Query, until time.Time) ([]Intensity, error) {
	q.Market = false
	year, err := t.Intensity(ctx, q)
	if err != nil {
		return nil, err
	}
	a, source := t.profile(year.Zone)
	if a == nil {
		return nil, fmt.Errorf("%w: there are no typical hours for %s", ErrNoForecast, year.Zone)
	}
	from := q.Time
	if from.IsZero() {
		from = time.Now()
	}
	if until.Sub(from) > maxForecast {
		return nil, fmt.Errorf("forecast until %s: more than a year", stamp(until))
	}
	year.Instead = and(fmt.Sprintf("typical hours of %s in %d, scaled to the year's mean", a.name, a.year), year.Instead)
	year.Kind, year.Source = Profile, year.Source+"; hours: "+source.Name
	mean := a.mean()
	var series []Intensity
	for hour := from.UTC().Truncate(time.Hour); hour.Before(until); hour = hour.Add(time.Hour) {
		in := year
		in.From, in.To = hour, hour.Add(time.Hour)
		in.PerKWh *= Grams(a.months[hour.Month()-1][hour.Hour()] / mean)
		series = append(series, in)
	}
	if len(series) == 0 {
		return nil, fmt.Errorf("%w: %s is not after %s", ErrNoForecast, stamp(until), stamp(from))
	}
	return series, nil
}

// profile is the area whose hours stand for a zone, or nil.
func (t *Table) profile(zone string) (*area, Source) {
	if t.places == nil {
		return nil, Source{}
	}
	p := t.places()
	for i := range p.areas {
		a := &p.areas[i]
		if slices.Contains(strings.Split(a.zones, ";"), zone) {
			return a, p.sources[a.source]
		}
	}
	return nil, Source{}
}

// mean of the year. Its months count by their days.
func (a *area) mean() float64 {
	var sum, days float64
	for m, hours := range a.months {
		n := float64(time.Date(a.year, time.Month(m+2), 0, 0, 0, 0, 0, time.UTC).Day())
		days += n
		for _, v := range hours {
			sum += v * n / 24
		}
	}
	return sum / days
}
