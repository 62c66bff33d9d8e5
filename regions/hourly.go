package regions

import (
	"context"
	"errors"
	"time"
)

// Hourly is a Provider of the typical hours of a table: what a kWh emits at that hour of the
// day in that month, of Kind Profile, with the year's mean in Annual. A zone without typical
// hours has its yearly figure, with the reason in Instead; so has a query for a year or for a
// market-based figure.
func Hourly(t *Table) Provider { return typicalHour{t} }

type typicalHour struct{ table *Table }

// Immediate implements the interface of that name.
func (typicalHour) Immediate() {}

func (p typicalHour) Intensity(ctx context.Context, q Query) (Intensity, error) {
	if q.Year != 0 || q.Market {
		return p.table.Intensity(ctx, q)
	}
	now := q.Time
	if now.IsZero() {
		now = time.Now()
	}
	year, h, err := p.table.hourly(ctx, q)
	if errors.Is(err, ErrNoForecast) {
		in, err := p.table.Intensity(ctx, q)
		in.Instead = and("the year's mean: there are no typical hours for "+in.Zone, in.Instead)
		return in, err
	}
	if err != nil {
		return Intensity{}, err
	}
	year.Annual = year.PerKWh
	return h.at(year, now.UTC().Truncate(time.Hour)), nil
}
