package regions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ErrNoForecast is wrapped where nothing is known of the hours to come.
var ErrNoForecast = errors.New("no forecast")

// A NoProfileError reports that no typical hours of a zone are known. It wraps
// [ErrNoForecast].
type NoProfileError struct {
	Zone  string
	Known []string // the zones that have typical hours, in the order of their codes
}

func (e *NoProfileError) Error() string {
	return fmt.Sprintf("%v: no typical hours for %s", ErrNoForecast, e.Zone)
}

// Unwrap gives ErrNoForecast.
func (e *NoProfileError) Unwrap() error { return ErrNoForecast }

// maxForecast bounds how far a forecast may reach.
const maxForecast = 366 * 24 * time.Hour

// Forecast gives typical hours, of Kind Profile, where the table has those of the zone
// ([Table.Hours]): the zone's yearly figure times the ratio of that hour in that month. It is
// no forecast of weather. Instead names the area and the years. A zone whose mix hardly
// changes with the hour has the year's figure at all hours, with the reason in Instead.
// Elsewhere the error wraps ErrNoForecast. Query.Market is ignored.
func (t *Table) Forecast(ctx context.Context, q Query, until time.Time) ([]Intensity, error) {
	q.Market = false
	from := q.Time
	if from.IsZero() {
		from = time.Now()
	}
	if until.Sub(from) > maxForecast {
		return nil, fmt.Errorf("forecast until %s: more than a year", stamp(until))
	}
	year, h, err := t.hourly(ctx, q)
	if err != nil {
		return nil, err
	}
	var series []Intensity
	for hour := from.UTC().Truncate(time.Hour); hour.Before(until); hour = hour.Add(time.Hour) {
		series = append(series, h.at(year, hour))
	}
	if len(series) == 0 {
		return nil, fmt.Errorf("%w: %s is not after %s", ErrNoForecast, stamp(until), stamp(from))
	}
	return series, nil
}

// hourly gives what a query's typical hours are made of: the zone's yearly figure, which
// says already that it becomes one of hours, and their ratios.
func (t *Table) hourly(ctx context.Context, q Query) (year Intensity, h Hours, err error) {
	if year, err = t.Intensity(ctx, q); err != nil {
		return year, h, err
	}
	ok := false
	if t.typical != nil {
		h, ok = t.typical().of(year.Zone)
	}
	if !ok {
		return year, h, &NoProfileError{Zone: year.Zone, Known: t.profiled()}
	}
	why := h.String()
	if year.Scope == Direct && h.Fit != "steady" {
		why += "; their shape is that of lifecycle emissions"
	}
	year.Instead = and(why, year.Instead)
	year.Kind = Profile
	if h.Source != "" {
		year.Source += "; hours: " + h.Source
	}
	return year, h, nil
}

// profiled lists the zones that have typical hours.
func (t *Table) profiled() []string {
	if t.typical == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(t.typical().zones))
}

// at is the yearly figure brought to the hour that begins at a time.
func (h *Hours) at(year Intensity, hour time.Time) Intensity {
	year.From, year.To = hour, hour.Add(time.Hour)
	ratio := Grams(h.Ratio[hour.Month()-1][hour.Hour()])
	year.PerKWh, year.Low, year.High = year.PerKWh*ratio, year.Low*ratio, year.High*ratio
	return year
}
