package wait

import (
	"context"
	"fmt"
	"time"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/regions"
)

// forecastTimeout is how long a forecast may take to come, with all tries.
const forecastTimeout = 20 * time.Second

// Greenest finds when work of a length, from q.Time on and done by a time, emits
// least: by the forecast of a live service or, where that is nil or fails, by the
// table's typical hours, and then Instead says so.
func Greenest(ctx context.Context, ahead regions.Forecaster, t *regions.Table, q regions.Query, length time.Duration, by time.Time) (screen.Window, error) {
	if by.Sub(q.Time) < length {
		return screen.Window{}, fmt.Errorf("work of %v does not fit between now and %s", length, by.Format(format.MinuteLayout))
	}
	ctx, cancel := context.WithTimeout(ctx, forecastTimeout)
	defer cancel()
	series, err := regions.ElseForecast(ahead, t).Forecast(ctx, q, by)
	if err != nil {
		return screen.Window{}, err
	}
	slot, err := regions.Window(series, length, q.Time, by)
	if err != nil {
		return screen.Window{}, err
	}
	in := series[0]
	w := screen.Window{
		Zone: in.Zone, Name: in.Name, From: slot.From.UTC(), To: slot.To.UTC(), Wait: slot.From.Sub(q.Time).Seconds(), By: by.UTC(),
		PerKWh: float64(slot.PerKWh), Now: float64(slot.Now), Saving: slot.Saving(), Kind: string(slot.Kind),
		Scope: string(in.Scope), Marginal: in.Marginal, Source: in.Source, Licence: in.Licence, Instead: in.Instead,
	}
	if in.Provider != "" {
		w.CloudRegion = in.Provider + ":" + in.CloudRegion
	}
	if end := series[len(series)-1].To.UTC(); w.By.Sub(end) > 10*time.Minute {
		w.Until = &end
	}
	return w, nil
}
