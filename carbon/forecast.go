package carbon

import (
	"context"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/regions"
)

// A forecaster is a regions.Provider that also knows what is to come.
type forecaster interface {
	// Forecast gives the intensities from q.Time to until, in order of time, as
	// far as they are known.
	Forecast(ctx context.Context, q regions.Query, until time.Time) ([]regions.Intensity, error)
}

// forecasts asks for forecasts while the run goes on: predictions want them. As
// with grid, nothing waits for an answer.
type forecasts struct {
	from    forecaster // nil: nobody has one
	zone    string
	asked   time.Time
	answers chan []regions.Intensity // nil while nothing is asked
	cancel  context.CancelFunc
}

// Forecasts are asked for two days, again each hour.
const (
	forecastFor     = 48 * time.Hour
	forecastEvery   = time.Hour
	forecastTimeout = time.Minute
)

// look gives a forecast that has come in, nil if none has, and asks for the next
// where that is due. What fails is asked again in an hour: predictions then hold
// the intensity of now.
func (o *forecasts) look(now time.Time, epochs bool) []regions.Intensity {
	switch {
	case o.from == nil:
	case o.answers != nil:
		select {
		case f := <-o.answers:
			o.answers = nil
			return f
		default:
		}
	case epochs && (o.asked.IsZero() || now.Sub(o.asked) >= forecastEvery):
		ctx, cancel := context.WithTimeout(context.Background(), forecastTimeout)
		answers, from := make(chan []regions.Intensity, 1), o.from
		o.asked, o.answers, o.cancel = now, answers, cancel
		q := regions.Query{Zone: o.zone, Time: now.Round(0)}
		go func() {
			defer cancel()
			f, err := from.Forecast(ctx, q, q.Time.Add(forecastFor))
			if err != nil || slices.ContainsFunc(f, func(in regions.Intensity) bool { return usable(in) != nil }) {
				f = nil
			}
			answers <- f
		}()
	}
	return nil
}

// stop ends a question that is underway, and does not wait for it.
func (o *forecasts) stop() {
	if o.answers != nil {
		o.cancel()
	}
}
