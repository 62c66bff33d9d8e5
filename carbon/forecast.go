package carbon

import (
	"context"
	"time"

	"github.com/carbonctl/carbonctl/regions"
)

// A forecaster is a regions.Provider that also knows what is to come.
type forecaster interface {
	// Forecast gives the intensities from q.Time to until, in order of time, as
	// far as they are known.
	Forecast(ctx context.Context, q regions.Query, until time.Time) ([]regions.Intensity, error)
}

// outlook asks for forecasts while the run goes on: predictions want them.
type outlook struct {
	from   forecaster // nil: nobody has one
	zone   string
	asked  time.Time
	answer chan []regions.Intensity // nil while nothing is asked
	cancel context.CancelFunc
}

// Forecasts are asked for two days, again each hour.
const (
	forecastFor   = 48 * time.Hour
	forecastEvery = time.Hour
)

// look gives a forecast that has come in, nil if none has, and asks for the next
// where that is due. What fails is asked again in an hour: predictions then hold
// the intensity of now.
func (o *outlook) look(ctx context.Context, now time.Time, epochs bool) []regions.Intensity {
	switch {
	case o.from == nil:
	case o.answer != nil:
		select {
		case f := <-o.answer:
			o.cancel()
			o.answer = nil
			return f
		default:
		}
	case epochs && (o.asked.IsZero() || now.Sub(o.asked) >= forecastEvery):
		ctx, o.cancel = context.WithTimeout(ctx, time.Minute)
		answer, from := make(chan []regions.Intensity, 1), o.from
		o.asked, o.answer = now, answer
		q := regions.Query{Zone: o.zone, Time: now.Round(0)}
		go func() {
			f, err := from.Forecast(ctx, q, q.Time.Add(forecastFor))
			if err != nil {
				f = nil
			}
			answer <- f
		}()
	}
	return nil
}

// stop ends a question that is underway, and waits for that as long as for a
// meter.
func (o *outlook) stop() {
	if o.answer == nil {
		return
	}
	o.cancel()
	timeout := time.NewTimer(lastRead)
	defer timeout.Stop()
	select {
	case <-o.answer:
	case <-timeout.C:
	}
	o.answer = nil
}
