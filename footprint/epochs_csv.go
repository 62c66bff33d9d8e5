package footprint

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/formula"
	"github.com/carbonctl/carbonctl/regions"
)

// Ended gives the epochs that ended with the latest sample, as a report would
// show them. Reports leave some out where there are many; this is for who wants
// all.
func (a *Account) Ended() []Epoch {
	var epochs []Epoch
	for _, x := range a.marks.fresh {
		if x.mark.Edge == EpochStart {
			epochs = append(epochs, a.epoch(x, endless))
		}
	}
	return epochs
}

// endless is an edge that no stretch reaches beyond.
var endless = edge{point: point{energy: energy.MaxEnergy, grams: regions.Grams(math.Inf(1))}}

// metricsCell is a JSON object, "" for no results.
func metricsCell(all map[string]float64) string {
	if len(all) == 0 {
		return ""
	}
	b, _ := json.Marshal(all) // they are finite
	return string(b)
}

// EpochWriter writes epochs as CSV, with the keys of a report for columns. It
// is for one goroutine at a time.
type EpochWriter struct {
	w     *csv.Writer
	began bool
}

// NewEpochWriter writes to w, one line at once.
func NewEpochWriter(w io.Writer) *EpochWriter { return &EpochWriter{w: csv.NewWriter(w)} }

// Write writes one epoch, the header before the first.
func (w *EpochWriter) Write(e Epoch) error {
	if !w.began {
		w.began = true
		_ = w.w.Write([]string{
			"index", "name", "started_at", "duration_s", "energy_joules", "energy_low_joules", "energy_high_joules",
			"emissions_g", "coverage", "predicted_total_g", "metrics",
		})
	}
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	predicted := ""
	if e.PredictedTotal != nil {
		predicted = number(float64(*e.PredictedTotal))
	}
	high := ""
	if e.EnergyHigh != nil {
		high = e.EnergyHigh.Fixed()
	}
	_ = w.w.Write([]string{
		strconv.Itoa(e.Index), formula.Guard(e.Name), e.StartedAt.Format("2006-01-02T15:04:05.000Z"), number(e.DurationS),
		e.Energy.Fixed(), e.EnergyLow.Fixed(), high, number(float64(e.Emissions)), number(e.Coverage), predicted, metricsCell(e.Metrics),
	})
	w.w.Flush()
	if err := w.w.Error(); err != nil { // those of Write too
		return fmt.Errorf("write epochs: %w", err)
	}
	return nil
}
