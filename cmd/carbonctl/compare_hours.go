package main

import (
	"fmt"
	"time"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
)

// dayAhead is how far the hours may be chosen from when the work began.
const dayAhead = 24 * time.Hour

// atHours brings places to their greenest hours of the day after the work began, and here
// to those at which it ran. The notes say what that would have saved here, and which places
// have no typical hours.
func (w work) atHours(t *regions.Table, here *regions.Site, sites []regions.Site) (notes []string, err error) {
	from, length := w.started, max(w.took, time.Minute)
	base := "when it ran"
	if from.IsZero() { // no run, or many
		from, length, base = time.Now(), time.Hour, "now, for an hour's work"
	}
	by := from.Add(dayAhead + length)
	best, atOnce, ok, err := t.AtBestHours(*here, length, from, by)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--hours: %w", err)
	case !ok:
		notes = append(notes, fmt.Sprintf("here: no typical hours for %s, so its yearly mean.", here.Zone.Code))
	default:
		saved := 0.0
		if atOnce > 0 {
			saved = float64(1 - best.Intensity.PerKWh/atOnce)
		}
		notes = append(notes, fmt.Sprintf("here at its greenest hours, from %s: %s g/kWh, %s less than %s.",
			best.Intensity.From.UTC().Format("15:04 UTC"), format.Digits(float64(best.Intensity.PerKWh)), format.Percent(saved), base))
		here.Intensity.Kind, here.Intensity.Source, here.Intensity.PerKWh = best.Intensity.Kind, best.Intensity.Source, atOnce
		here.Intensity.From, here.Intensity.To = from, from.Add(length)
	}
	without := 0
	for i := range sites {
		if sites[i], _, ok, err = t.AtBestHours(sites[i], length, from, by); err != nil {
			return nil, fmt.Errorf("--hours: %w", err)
		}
		if !ok {
			without++
		}
	}
	note := "each place begins at its greenest typical hours within a day (UTC)"
	if without > 0 {
		note += fmt.Sprintf("; %d without typical hours: yearly mean", without)
	}
	return append(notes, note+"."), nil
}
