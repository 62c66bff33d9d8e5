package regions

import (
	"context"
	"errors"
	"time"
)

// AtBestHours is a site with the figure of the hours at which work of a length, from a time
// on and done by another, emits least there by its typical hours: of Kind Profile, From and
// To those hours. atOnce is the mean of work that begins at from. ok is false where the
// site's own zone has no typical hours: the site is as it was then. Market-based figures
// have none.
func (t *Table) AtBestHours(s Site, length time.Duration, from, by time.Time) (best Site, atOnce Grams, ok bool, err error) {
	if s.Intensity.Zone != s.Zone.Code || s.Intensity.Market || s.Intensity.Kind == Own {
		return s, s.Intensity.PerKWh, false, nil
	}
	series, err := t.Forecast(context.Background(), Query{Zone: s.Zone.Code, Scope: s.Intensity.Scope, Year: s.Intensity.Year, Time: from}, by)
	if errors.Is(err, ErrNoForecast) {
		return s, s.Intensity.PerKWh, false, nil
	}
	if err != nil {
		return s, 0, false, err
	}
	slot, err := Window(series, length, from, by)
	if err != nil {
		return s, 0, false, err
	}
	in := series[0]
	s.Intensity.Kind, s.Intensity.Source = in.Kind, in.Source
	s.Intensity.PerKWh, s.Intensity.From, s.Intensity.To = slot.PerKWh, slot.From, slot.To
	s.Intensity.Low, s.Intensity.High = 0, 0
	return s, slot.Now, true, nil
}
