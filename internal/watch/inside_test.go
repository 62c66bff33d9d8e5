package watch_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/watch"
)

var update = flag.Bool("update", false, "rewrite the table of docs/prediction.md; read the difference")

// A part of an epoch takes some seconds in equal steps, each of which ends with a line: %d
// is how many are done, %p how many per cent.
type part struct {
	seconds float64
	steps   int
	line    string
}

// programs print what is there to be seen within an epoch. The first of five starts up for
// 10 s; then each trains for 100 s, and validates for 20 s.
var programs = []struct {
	name, doc string
	head      string
	parts     []part
	off       float64 // how far what is expected may be off the truth, at a half of the first epoch
}{
	{name: "a line of steps", doc: "`step 50/500`", parts: []part{{100, 500, "step %d/500 loss 0.3"}, {20, 0, ""}}, off: 0.2},
	{name: "brackets", doc: "`loss: 2.3  [ 6400/60000]`, ten times", parts: []part{{100, 10, "loss: 2.3  [%d00/1000]"}, {20, 0, ""}}, off: 0.2},
	{name: "a bar with results", doc: "a bar with `loss=0.3`", parts: []part{{100, 500, "%p%|███| %d/500 [00:01<00:09, loss=0.3]\r"}, {20, 0, ""}}, off: 0.2},
	{name: "a bar", doc: "a bar alone", parts: []part{{100, 500, "%p%|███| %d/500 [00:01<00:09]\r"}, {20, 0, ""}}, off: 0.2},
	{name: "per cent", doc: "`[=====>....] 42%`", parts: []part{{100, 500, "[=====>....] %p%\r"}, {20, 0, ""}}, off: 0.2},
	{name: "rich", doc: "`Training ━━━━ 50/500`", parts: []part{{100, 500, "Training ━━━━ %d/500 0:00:10"}, {20, 0, ""}}, off: 0.2},
	{name: "keras", doc: "Keras' bar", parts: []part{{100, 500, "%d/500 [==>...] - ETA: 3s - loss: 0.3\r"}, {20, 0, ""}}, off: 0.2},
	{name: "named validation", doc: "`train: 10%`, then `Validation: 10%`", parts: []part{{100, 500, "train: %p%|███| %d/500 [\r"}, {20, 100, "Validation: %p%|███| %d/100 [\r"}}, off: 0.2},
	{name: "two bars", doc: "two bars alone", parts: []part{{100, 500, "%p%|███| %d/500 [\r"}, {20, 100, "%p%|███| %d/100 [\r"}}, off: 0.2},
	{name: "loading", doc: "a bar that loads for 5 s, then the same two", parts: []part{{5, 50, "%p%|███| %d/50 [\r"}, {100, 500, "%p%|███| %d/500 [\r"}, {20, 100, "%p%|███| %d/100 [\r"}}, off: 0.25},
	{name: "validation in its midst", doc: "a bar with a validation in its midst", parts: []part{{50, 250, "%p%|███| %d/500 [\r"}, {20, 100, "%p%|███| %d/100 [\r"}, {50, 250, "%p%|███| +%d/500 [\r"}}, off: 0.3},
	{name: "download", doc: "a download of 5 s, then a bar", parts: []part{{5, 50, "data.zip: %p%|███| %d/50 [00:01<00:02, 1.2MB/s]\r"}, {100, 500, "train: %p%|███| %d/500 [\r"}, {20, 0, ""}}, off: 0.25},
	{name: "all steps, said", doc: "`Total optimization steps = 2500`, and a bar of them", head: "  Num Epochs = 5\n  Total optimization steps = 2500", parts: []part{{100, 500, "%p%|███| *%d/2500 [\r"}, {20, 0, ""}}, off: 0.2},
	{name: "all steps, not said", doc: "`step 50/2500`, of all epochs", parts: []part{{100, 500, "step *%d/2500"}, {20, 0, ""}}, off: 5},
}

// stamped is a line with the time at which it was printed.
type stamped struct {
	at   float64
	text string
}

const (
	epochsOf = 5
	startUp  = 10
)

// printed gives what a program prints, and how long its first epoch and all of it take.
func printed(head string, parts []part) (lines []stamped, first, whole float64) {
	now := 0.0
	if head != "" {
		lines = append(lines, stamped{now, head})
	}
	now++
	for e := range epochsOf {
		if head == "" {
			lines = append(lines, stamped{now, fmt.Sprintf("Epoch %d/%d", e+1, epochsOf)})
		}
		if e == 0 {
			now += startUp
		}
		for _, p := range parts {
			if p.steps == 0 {
				now += p.seconds
				continue
			}
			for s := range p.steps {
				now += p.seconds / float64(p.steps)
				percent := 100 * (s + 1) / p.steps
				text := strings.NewReplacer("*%d", fmt.Sprint(e*p.steps+s+1), "+%d", fmt.Sprint(p.steps+s+1), "%d", fmt.Sprint(s+1), "%p", fmt.Sprint(percent)).Replace(p.line)
				lines = append(lines, stamped{now, text})
			}
		}
		lines = append(lines, stamped{now, ""})
		if e == 0 {
			first = now
		}
	}
	return lines, first, now
}

// watched gives what is predicted of a run at constant power, each time that progress was
// told, and how many edges of epochs there were.
func watched(t *testing.T, lines []stamped, end float64) (predicted map[float64]footprint.Prediction, edges int) {
	start := time.Unix(1_700_000_000, 0)
	pattern, err := watch.Preset("auto")
	require.NoError(t, err)
	var events []watch.Event
	m := watch.NewMatcher(pattern, func(e watch.Event) { events = append(events, e) })
	s := m.Stream()
	for _, l := range lines {
		text := l.text
		if !strings.HasSuffix(text, "\r") {
			text += "\n"
		}
		s.Feed([]byte(text), start.Add(time.Duration(l.at*float64(time.Second))))
	}
	m.Close(false)

	cpu := energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, BandLow: 1, BandHigh: 1}
	a := footprint.Account{Run: footprint.Run{Epochs: epochsOf}}
	add := func(at time.Time, marks ...footprint.Mark) {
		a.Add(footprint.Sample{Time: at, Wall: at, Marks: marks, Readings: []energy.Reading{
			{Component: cpu, Time: at, Total: energy.Joules(100 * at.Sub(start).Seconds())},
		}})
	}
	add(start)
	predicted = map[float64]footprint.Prediction{}
	for _, e := range events {
		add(e.At, footprint.Mark{Edge: footprint.Edge(e.Edge), Index: e.Index, Of: e.Of, Whole: e.Whole, Again: e.Again, Fraction: e.Fraction, Bare: e.Bare})
		if e.Edge != watch.EpochProgress {
			edges++
			continue
		}
		if q, ok := a.Predict(); ok {
			predicted[e.At.Sub(start).Seconds()] = q
		}
	}
	return predicted, edges
}

// TestPredictionWithinTheFirstEpoch replays programs of which the truth is known, and
// compares the page with what was predicted at a tenth, a quarter and a half of their
// first epoch.
func TestPredictionWithinTheFirstEpoch(t *testing.T) {
	var table strings.Builder
	table.WriteString("| within the epoch there is | 10 % | 25 % | 50 % |\n|---|---|---|---|\n")
	for _, p := range programs {
		lines, first, whole := printed(p.head, p.parts)
		predicted, edges := watched(t, lines, whole)
		fmt.Fprintf(&table, "| %s |", p.doc)
		for _, stage := range []float64{0.1, 0.25, 0.5} {
			latest := -1.0
			for at := range predicted {
				if at <= stage*first {
					latest = max(latest, at)
				}
			}
			if latest < 0 {
				table.WriteString(" none |")
				assert.Less(t, stage, 0.5, "%s: nothing was predicted", p.name)
				continue
			}
			q := predicted[latest]
			require.NotNil(t, q.Fraction)
			off, _ := q.DurationS.Off(whole)
			low, high := 100*q.DurationS.Low/whole, "∞"
			if q.DurationS.High != nil {
				high = fmt.Sprintf("%.0f", 100**q.DurationS.High/whole)
			}
			fmt.Fprintf(&table, " %+.0f (%.0f to %s) |", 100*off, low, high)
			assert.True(t, q.DurationS.Holds(whole), "%s at %v", p.name, stage)
			joules, _ := q.Spread.Energy.Off(energy.Joules(100 * whole))
			assert.InDelta(t, off, joules, 0.01)
			if stage == 0.5 {
				assert.InDelta(t, 0, off, p.off, p.name)
			}
		}
		table.WriteString("\n")

		// What is within an epoch moves none of its edges.
		want := epochsOf
		switch p.name {
		case "keras": // a full bar ends one
			want = 2 * epochsOf
		case "all steps, said": // there are no lines of epochs
			want = 0
		}
		assert.Equal(t, want, edges, p.name)
	}

	const page, from, to = "../../docs/prediction.md", "<!-- table: go test ./internal/watch -run WithinTheFirst -update -->\n", "<!-- end of table -->\n"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), from)
	require.True(t, ok)
	was, behind, ok := strings.Cut(rest, to)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(before+from+table.String()+to+behind), 0o644))
		return
	}
	assert.Equal(t, table.String(), was, "%s is stale", page)
}
