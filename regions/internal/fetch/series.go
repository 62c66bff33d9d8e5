package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/internal/timespec"
	"github.com/carbonctl/carbonctl/regions"
)

// maxPerKWh is more than any grid emits, in g/kWh; a figure beyond it is in
// another unit.
const maxPerKWh = 3000

// Grams checks a figure that a service gave: nil is a gap.
func Grams(v *float64) (g regions.Grams, ok bool, err error) {
	switch {
	case v == nil:
		return 0, false, nil
	case math.IsNaN(*v) || *v < 0 || *v > maxPerKWh:
		return 0, false, fmt.Errorf("intensity %v g/kWh is out of range: want 0 to %d", *v, maxPerKWh)
	}
	return regions.Grams(*v), true, nil
}

// Stamp reads a time as services write it, of this age.
func Stamp(s string) (time.Time, error) {
	t, err := timespec.Stamp(s)
	if err != nil || t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}, fmt.Errorf("time %.40q: want RFC 3339", s)
	}
	return t.UTC(), nil
}

// JSON reads an answer that must be one object or list.
func JSON(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("the answer has an unexpected JSON format: %s is a %s", wrong.Field, wrong.Value)
	case err != nil:
		return fmt.Errorf("the answer has an unexpected JSON format: %w", err)
	}
	return nil
}

// Order sorts a series by time, and refuses one that stands twice or overlaps.
func Order(series []regions.Intensity) ([]regions.Intensity, error) {
	if len(series) == 0 {
		return nil, ErrNoData
	}
	slices.SortStableFunc(series, func(a, b regions.Intensity) int { return a.From.Compare(b.From) })
	for i := 1; i < len(series); i++ {
		if series[i].From.Before(series[i-1].To) {
			return nil, fmt.Errorf("two figures for %s", series[i].From.Format(time.RFC3339))
		}
	}
	return series, nil
}

// Holding is the intensity of a series that holds at a time.
func Holding(series []regions.Intensity, t time.Time) (regions.Intensity, error) {
	for _, in := range series {
		if !t.Before(in.From) && t.Before(in.To) {
			return in, nil
		}
	}
	return regions.Intensity{}, fmt.Errorf("%w for %s", ErrNoData, t.UTC().Format(time.RFC3339))
}

// Between leaves what a forecast was asked for: from the figure that holds at
// from to the one that holds just before until.
func Between(series []regions.Intensity, from, until time.Time) ([]regions.Intensity, error) {
	series = slices.DeleteFunc(slices.Clone(series), func(in regions.Intensity) bool {
		return !in.To.After(from) || !in.From.Before(until)
	})
	if len(series) == 0 {
		return nil, fmt.Errorf("%w: %w", regions.ErrNoForecast, ErrNoData)
	}
	return series, nil
}
