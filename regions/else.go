package regions

import (
	"context"
	"errors"
	"time"
)

// Else is a Provider that asks first and, where that fails, then: a live
// service, then the yearly table. The second's answer says in Instead what the
// first's error was, so that no one takes it for the first's. Both fail: both
// errors. An answer of first that is Marginal is a failure too, since what
// follows may add it up; a market-based one is, unless it was asked for.
//
// It has Forecast, in the same manner, where first or then has one.
func Else(first, then Provider) Provider {
	return fallback{first, then}
}

type fallback struct{ first, then Provider }

var errMarginal = errors.New("the answer is marginal, not an average")

func (f fallback) Intensity(ctx context.Context, q Query) (Intensity, error) {
	in, err := f.first.Intensity(ctx, q)
	switch {
	case err == nil && in.Marginal:
		err = errMarginal
	case err == nil && in.Market && !q.Market:
		err = errors.New("the answer is market-based")
	case err == nil:
		return in, nil
	}
	in, thenErr := f.then.Intensity(ctx, q)
	if thenErr != nil {
		return Intensity{}, errors.Join(err, thenErr)
	}
	in.Instead = and(because(err), in.Instead)
	return in, nil
}

func (f fallback) Forecast(ctx context.Context, q Query, until time.Time) ([]Intensity, error) {
	series, err := forecast(ctx, f.first, q, until)
	if err == nil {
		return series, nil
	}
	series, thenErr := forecast(ctx, f.then, q, until)
	if thenErr != nil {
		return nil, errors.Join(err, thenErr)
	}
	for i := range series {
		series[i].Instead = and(because(err), series[i].Instead)
	}
	return series, nil
}

func forecast(ctx context.Context, p Provider, q Query, until time.Time) ([]Intensity, error) {
	f, ok := p.(Forecaster)
	if !ok {
		return nil, ErrNoForecast
	}
	return f.Forecast(ctx, q, until)
}

func because(err error) string { return "instead of a live value: " + err.Error() }
