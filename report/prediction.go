package report

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// underway reports whether a prediction is of more than what has been.
func underway(q *footprint.Prediction) bool { return q != nil && q.AfterEpochs < q.OfEpochs }

// Predicted says what a whole run is expected to need: "7.1 g CO2e (6.3 to 8.6 g, 90 %
// interval) from 21.9 Wh in 1m 20s for 40 epochs, after 1".
func Predicted(q footprint.Prediction) string {
	if q.Energy.Expected == 0 {
		return Duration(seconds(q.DurationS.Expected)) + " " + epochsOf(q)
	}
	bounds := rangeText(q.Emissions, massBounds)
	if level := levelText(q); level != "" {
		bounds += ", " + level
	}
	return fmt.Sprintf("%s CO2e (%s) from %s in %s %s", MassWithin(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High), bounds,
		EnergyWithin(q.Energy.Expected, q.Energy.Low, q.Energy.High), Duration(seconds(q.DurationS.Expected)), epochsOf(q))
}

// rangeText shows the bounds of what is expected.
func rangeText[T ~int64 | ~float64](r footprint.Range[T], bounds func(expected, low T, high *T) string) string {
	return bounds(r.Expected, r.Low, r.High)
}

func epochsOf(q footprint.Prediction) string {
	if q.Fraction != nil {
		return fmt.Sprintf("for %d epochs, provisional after %s of the first", q.OfEpochs, Percent(*q.Fraction))
	}
	return fmt.Sprintf("for %d epochs, after %d", q.OfEpochs, q.AfterEpochs)
}

func levelText(q footprint.Prediction) string {
	if q.Level == nil {
		return ""
	}
	return fmt.Sprintf("%.0f %% interval", 100**q.Level)
}

// hindsight says how far the first and the last prediction of a run lay from what it
// emitted, nil where that is not known: "after 1: 6.43 g (−9 %)".
func hindsight(r footprint.Report) (said []string) {
	q := r.Prediction
	if q == nil || underway(q) || r.Status != footprint.Completed || !known(r) {
		return nil
	}
	for _, e := range q.History {
		if off, ok := e.Spread.Emissions.Off(r.Emissions); ok && e.AfterEpochs < q.OfEpochs {
			said = append(said, fmt.Sprintf("after %d: %s (%s)", e.AfterEpochs, r.MassScale().Text(float64(e.Spread.Emissions.Expected)), signed(off)))
		}
	}
	if len(said) > 2 {
		said = append(said[:1], said[len(said)-1])
	}
	return said
}

// predictionFigure is the headline of a run that has not had all its epochs.
func predictionFigure(r footprint.Report) []figure {
	q := r.Prediction
	if !underway(q) {
		return nil
	}
	f := figure{"Whole run, predicted", Duration(seconds(q.DurationS.Expected)), []string{epochsOf(*q)}}
	if known(r) {
		f.details = []string{"(" + rangeText(q.Emissions, massBounds) + ")", epochsOf(*q), EnergyWithin(q.Energy.Expected, q.Energy.Low, q.Energy.High) + ", " + f.value}
		if alone := rangeText(q.Spread.Emissions, massBounds); q.Level != nil && alone != rangeText(q.Emissions, massBounds) {
			f.details[0] = f.details[0] + ", " + alone + " without the energy's own bounds"
		}
		f.value = MassWithin(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High) + " CO2e"
	}
	return []figure{f}
}

// predictionSection says what was expected of the whole run as it went on, and,
// where all of it has been, how good that was.
func predictionSection(r footprint.Report) section {
	q := r.Prediction
	if q == nil || q.Fraction != nil { // within the first epoch the headline has all
		return section{}
	}
	var all []footprint.Earlier
	for _, e := range q.History {
		if e.AfterEpochs < min(q.AfterEpochs, q.OfEpochs) { // after all epochs nothing is left to be predicted
			all = append(all, e)
		}
	}
	if underway(q) {
		all = append(all, footprint.Earlier{AfterEpochs: q.AfterEpochs, DurationS: q.DurationS, Energy: q.Energy, Emissions: q.Emissions, Spread: q.Spread})
	}
	if len(all) == 0 {
		return section{}
	}
	f := foresight{level: q.Level != nil, known: r.Status == footprint.Completed && !underway(q)}
	p := section{title: "Prediction", paper: true}
	note := fmt.Sprintf("What the whole run of %d epochs was expected to need after some of them, by the method %q", q.OfEpochs, q.Method)
	if level := levelText(*q); level != "" {
		note += "; low to high is the " + level + " by the spread of the epochs, without the energy's own bounds"
	}
	p.notes = []string{note + "."}
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
		p.notes = append(p.notes, note+".")
	case r.Status == footprint.Completed:
		p.notes = append(p.notes, fmt.Sprintf("The run ended after %d of them: what all would have taken is unknown.", q.AfterEpochs))
	}
	p.table.columns = []column{{"predicted", text}, {"after epoch", text}, {"low", amount}, {"expected", amount}, {"high", amount}, {taken, amount}, {"off", amount}, {"held", text}}
	head, tail := parts(len(all))
	rows := func(row func(e footprint.Earlier) []string) {
		for i, e := range all {
			switch {
			case i < head || i >= tail:
				cells := row(e)
				if !f.known && i < len(all)-1 {
					cells[5] = "" // it was less then
				}
				cells[1] = strconv.Itoa(e.AfterEpochs)
				p.table.rows = append(p.table.rows, cells)
			case i == head:
				p.table.rows = append(p.table.rows, rest(tail-head, p.table.columns))
			}
		}
	}
	rows(func(e footprint.Earlier) []string {
		return predictionRow(f, "time", e.DurationS, r.DurationS, func(s float64) string { return Duration(seconds(s)) })
	})
	if known(r) {
		rows(func(e footprint.Earlier) []string {
			return predictionRow(f, "energy", e.Spread.Energy, r.Energy, func(x energy.Energy) string {
				return EnergyScale(e.Spread.Energy.Expected, e.Spread.Energy.Low, e.Spread.Energy.High).Text(x.Joules())
			})
		})
		rows(func(e footprint.Earlier) []string {
			return predictionRow(f, "CO2e", e.Spread.Emissions, r.Emissions, func(g regions.Grams) string {
				return MassScale(e.Spread.Emissions.Expected, e.Spread.Emissions.Low, e.Spread.Emissions.High).Text(float64(g))
			})
		})
		p.paper = true
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
		row[6] = signed(off)
	}
	if f.known && f.level {
		row[7] = "no"
		if p.Holds(taken) {
			row[7] = "yes"
		}
	}
	return row
}

// budgetSection says what the run was allowed, and whether it has kept to that.
func budgetSection(r footprint.Report) section {
	b := r.Budget
	if b == nil {
		return section{}
	}
	basis := map[string]string{
		"measured": "measured: what the run has used", "predicted": "predicted: whether the next epoch will fit",
	}[b.Basis]
	used, tripped := "", "no"
	if part, ok := r.BudgetUsed(); ok {
		used = Percent(part)
	}
	if b.TrippedAt != nil {
		tripped = b.TrippedAt.UTC().Format("2006-01-02 15:04:05 MST")
		if after := b.TrippedAt.Sub(r.StartedAt); !r.StartedAt.IsZero() && after >= 0 {
			tripped += ", after " + Duration(after)
		}
	}
	return section{title: "Budget", table: facts("limit", b.Limit, "used", used, "basis", cmp.Or(basis, b.Basis), "action", b.Action, "reached", tripped)}
}
