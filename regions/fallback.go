package regions

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Else is a Provider that asks first and, where that fails, then: a live service, then the
// yearly table. The second's answer has the first's error in Instead, so that it can't be
// taken for the first's. Both fail: both errors. An answer of first that is Marginal is a
// failure too, since what follows may add it up; a market-based one is, unless it was asked
// for.
func Else(first, then Provider) Provider {
	return fallback{first, then}
}

type fallback struct{ first, then Provider }

var (
	errMarginal = errors.New("the answer is marginal, not an average")
	errMarket   = errors.New("the answer is market-based")
)

func (f fallback) Intensity(ctx context.Context, q Query) (Intensity, error) {
	in, err := f.first.Intensity(ctx, q)
	switch {
	case err == nil && in.Marginal:
		err = errMarginal
	case err == nil && in.Market && !q.Market:
		err = errMarket
	case err == nil:
		return in, nil
	}
	in, thenErr := instead(ctx, f.first, f.then, q)
	if thenErr != nil {
		return Intensity{}, fmt.Errorf("%w; %w", err, thenErr)
	}
	in.Instead = and(because(err), in.Instead)
	return in, nil
}

// Scope implements Scoped.
func (f fallback) Scope() Scope { return ScopeOf(f.first) }

// ElseForecast is the same of forecasts, where a marginal one will do. A nil first
// is none: it is then alone.
func ElseForecast(first, then Forecaster) Forecaster {
	if first == nil {
		return then
	}
	return fallbackForecast{first, then}
}

type fallbackForecast struct{ first, then Forecaster }

func (f fallbackForecast) Forecast(ctx context.Context, q Query, until time.Time) ([]Intensity, error) {
	series, err := f.first.Forecast(ctx, q, until)
	if err == nil {
		return series, nil
	}
	series, thenErr := f.then.Forecast(ctx, q, until)
	if thenErr != nil {
		return nil, fmt.Errorf("%w; %w", err, thenErr)
	}
	for i := range series {
		series[i].Instead = and("instead of a live forecast: "+err.Error(), series[i].Instead)
	}
	return series, nil
}

func because(err error) string { return "instead of a live value: " + err.Error() }
