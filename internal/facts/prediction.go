package facts

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
)

// Underway reports whether a prediction is of more than what has been.
func Underway(q *footprint.Prediction) bool { return q != nil && q.AfterEpochs < q.OfEpochs }

// Predicted says what a whole run is expected to need: "7.1 g CO2e (6.3 to 8.6 g, 90 %
// interval) from 21.9 Wh in 1m 20s for 40 epochs, after 1".
func Predicted(q footprint.Prediction) string {
	if q.Energy.Expected == 0 {
		return format.Duration(format.Seconds(q.DurationS.Expected)) + " " + epochsOf(q)
	}
	bounds := Range(q.Emissions, format.MassBounds)
	if level := Level(q); level != "" {
		bounds += ", " + level
	}
	return fmt.Sprintf("%s CO2e (%s) from %s in %s %s", format.MassWithin(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High), bounds,
		format.EnergyWithin(q.Energy.Expected, q.Energy.Low, q.Energy.High), format.Duration(format.Seconds(q.DurationS.Expected)), epochsOf(q))
}

// Range shows the bounds of what is expected.
func Range[T ~int64 | ~float64](r footprint.Range[T], bounds func(expected, low T, high *T) string) string {
	return bounds(r.Expected, r.Low, r.High)
}

func epochsOf(q footprint.Prediction) string {
	if q.Fraction != nil {
		return fmt.Sprintf("for %d epochs, provisional after %s of the first", q.OfEpochs, format.Percent(*q.Fraction))
	}
	return fmt.Sprintf("for %d epochs, after %d", q.OfEpochs, q.AfterEpochs)
}

// Level names the interval of a prediction, "" where it has none.
func Level(q footprint.Prediction) string {
	if q.Level == nil {
		return ""
	}
	return fmt.Sprintf("%.0f %% interval", 100**q.Level)
}

// Hindsight says how far the first and the last prediction of a run lay from what it
// emitted, nil where that is not known: "after 1: 6.43 g (−9 %)".
func Hindsight(r footprint.Report) (said []string) {
	q := r.Prediction
	if q == nil || Underway(q) || r.Status != footprint.Completed || !Known(r) {
		return nil
	}
	for _, e := range q.History {
		if off, ok := e.Spread.Emissions.Off(r.Emissions); ok && e.AfterEpochs < q.OfEpochs {
			said = append(said, fmt.Sprintf("after %d: %s (%s)", e.AfterEpochs, r.MassScale().Text(float64(e.Spread.Emissions.Expected)), format.Signed(off)))
		}
	}
	if len(said) > 2 {
		said = append(said[:1], said[len(said)-1])
	}
	return said
}

// PredictionFigure is the headline of a run that has not had all its epochs.
func PredictionFigure(r footprint.Report) []layout.Figure {
	q := r.Prediction
	if !Underway(q) {
		return nil
	}
	f := layout.Figure{Label: "Whole run, predicted", Value: format.Duration(format.Seconds(q.DurationS.Expected)), Details: []string{epochsOf(*q)}}
	if Known(r) {
		f.Details = []string{"(" + Range(q.Emissions, format.MassBounds) + ")", epochsOf(*q), format.EnergyWithin(q.Energy.Expected, q.Energy.Low, q.Energy.High) + ", " + f.Value}
		if alone := Range(q.Spread.Emissions, format.MassBounds); q.Level != nil && alone != Range(q.Emissions, format.MassBounds) {
			f.Details[0] = f.Details[0] + ", " + alone + " without the energy's own bounds"
		}
		f.Value = format.MassWithin(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High) + " CO2e"
	}
	return []layout.Figure{f}
}

// Predictions says what was expected of the whole run as it went on, and,
// where all of it has been, how good that was.
func Predictions(r footprint.Report) layout.Section {
	q := r.Prediction
	if q == nil || q.Fraction != nil { // within the first epoch the headline has all
		return layout.Section{}
	}
	var all []footprint.Earlier
	for _, e := range q.History {
		if e.AfterEpochs < min(q.AfterEpochs, q.OfEpochs) { // after all epochs nothing is left to be predicted
			all = append(all, e)
		}
	}
	if Underway(q) {
		all = append(all, footprint.Earlier{AfterEpochs: q.AfterEpochs, DurationS: q.DurationS, Energy: q.Energy, Emissions: q.Emissions, Spread: q.Spread})
	}
	if len(all) == 0 {
		return layout.Section{}
	}
	f := foresight{level: q.Level != nil, known: r.Status == footprint.Completed && !Underway(q)}
	p := layout.Section{Title: "Prediction", Paper: true}
	note := fmt.Sprintf("What the whole run of %d epochs was expected to need after some of them, by the method %q", q.OfEpochs, q.Method)
	if level := Level(*q); level != "" {
		note += "; low to high is the " + level + " by the spread of the epochs, without the energy's own bounds"
	}
	p.Notes = []string{note + "."}
	taken := "so far"
	if r.Status == footprint.Completed {
		taken = "in the end"
	}
	switch {
	case f.known:
		note := "Off is how far what was expected lies from what the run took in the end"
		if f.level {
			note += "; held, whether that lies between low and high"
		}
		p.Notes = append(p.Notes, note+".")
	case r.Status == footprint.Completed:
		p.Notes = append(p.Notes, fmt.Sprintf("The run ended after %d of them: what all would have taken is unknown.", q.AfterEpochs))
	}
	p.Table.Columns = []layout.Column{layout.Text("predicted"), layout.Text("after epoch"), layout.Amount("low"), layout.Amount("expected"), layout.Amount("high"), layout.Amount(taken), layout.Amount("off"), layout.Text("held")}
	head, tail := Ends(len(all))
	rows := func(row func(e footprint.Earlier) []string) {
		for i, e := range all {
			switch {
			case i < head || i >= tail:
				cells := row(e)
				if !f.known && i < len(all)-1 {
					cells[5] = "" // it was less then
				}
				cells[1] = strconv.Itoa(e.AfterEpochs)
				p.Table.Rows = append(p.Table.Rows, cells)
			case i == head:
				p.Table.Rows = append(p.Table.Rows, rest(tail-head, p.Table.Columns))
			}
		}
	}
	rows(func(e footprint.Earlier) []string {
		return predictionRow(f, "time", e.DurationS, r.DurationS, func(s float64) string { return format.Duration(format.Seconds(s)) })
	})
	if Known(r) {
		rows(func(e footprint.Earlier) []string {
			return predictionRow(f, "energy", e.Spread.Energy, r.Energy, func(x energy.Energy) string {
				return format.EnergyScale(e.Spread.Energy.Expected, e.Spread.Energy.Low, e.Spread.Energy.High).Text(x.Joules())
			})
		})
		rows(func(e footprint.Earlier) []string {
			return predictionRow(f, "CO2e", e.Spread.Emissions, r.Emissions, func(g regions.Grams) string {
				return format.MassScale(e.Spread.Emissions.Expected, e.Spread.Emissions.Low, e.Spread.Emissions.High).Text(float64(g))
			})
		})
		p.Paper = true
	}
	return p
}

// foresight says what can be told of predictions.
type foresight struct {
	level bool // they have an interval
	known bool // the truth is
}

func predictionRow[T ~int64 | ~float64](f foresight, what string, p footprint.Range[T], taken T, show func(T) string) []string {
	row := []string{what, "", "", show(p.Expected), "", show(taken), "", ""}
	if f.level {
		row[2] = show(p.Low)
		if p.High != nil {
			row[4] = show(*p.High)
		}
	}
	if off, ok := p.Off(taken); ok && f.known {
		row[6] = format.Signed(off)
	}
	if f.known && f.level {
		row[7] = "no"
		if p.Holds(taken) {
			row[7] = "yes"
		}
	}
	return row
}

// Budget says what the run was allowed, and whether it has kept to that.
func Budget(r footprint.Report) layout.Section {
	b := r.Budget
	if b == nil {
		return layout.Section{}
	}
	basis := map[string]string{
		"measured": "measured: what the run has used", "predicted": "predicted: whether the next epoch will fit",
	}[b.Basis]
	used, tripped := "", "no"
	if part, ok := r.BudgetUsed(); ok {
		used = format.Percent(part)
	}
	if b.TrippedAt != nil {
		tripped = b.TrippedAt.UTC().Format("2006-01-02 15:04:05 MST")
		if after := b.TrippedAt.Sub(r.StartedAt); !r.StartedAt.IsZero() && after >= 0 {
			tripped += ", after " + format.Duration(after)
		}
	}
	return layout.Section{Title: "Budget", Table: layout.Pairs("limit", b.Limit, "used", used, "basis", cmp.Or(basis, b.Basis), "action", b.Action, "reached", tripped)}
}
