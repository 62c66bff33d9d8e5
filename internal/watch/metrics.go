package watch

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxMetrics    = 16 // of one epoch
	longestMetric = 40
	// metricsEvery is how often a line within an epoch is searched for them: the last
	// counts, and a program may print as fast as it can.
	metricsEvery = 20 * time.Millisecond
)

// The forms of a result in a line: loss: 0.41, 'loss': 0.41, "loss":0.41, loss=0.41; and
// of some names loss 0.41.
var metricForms = sync.OnceValue(func() [2]*regexp.Regexp {
	const number = `([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)`
	const end = `(?:[\s,;|)\]}'"%]|$)`
	return [2]*regexp.Regexp{
		regexp.MustCompile(`["']?([A-Za-z][\w./@-]*)["']?\s*[:=]\s*["']?` + number + `["']?` + end),
		regexp.MustCompile(`(?i)\b((?:(?:train|training|val|valid|validation|test|eval)[ _])?(?:loss|acc|accuracy|f1|auc|perplexity|ppl|bleu|rmse|mae|wer|reward))\s+` + number + end),
	}
})

// noMetrics are words in names of numbers that are no results: where the program is, and
// what time it took.
var noMetrics = []string{"epoch", "step", "batch", "iter", "time", "eta", "elapsed", "duration", "second", "rank", "pid", "gpu", "device", "worker", "seed"}

// metrics gives the results that a line has, nil for none.
func metrics(line []byte) map[string]float64 {
	text := string(colourless(line[:min(len(line), 4096)]))
	var all map[string]float64
	for i, form := range metricForms() {
		for rest := text; ; {
			at := form.FindStringSubmatchIndex(rest)
			if at == nil {
				break
			}
			name, number, within := rest[at[2]:at[3]], rest[at[4]:at[5]], inWord(rest[:at[2]])
			rest = rest[at[5]:]
			if within {
				continue
			}
			if i == 1 {
				name = strings.ToLower(strings.ReplaceAll(name, " ", "_"))
			}
			v, err := strconv.ParseFloat(number, 64)
			if err != nil || math.IsInf(v, 0) || !isMetric(name) {
				continue
			}
			if _, known := all[name]; known && i == 1 {
				continue
			}
			all = withMetric(all, name, v)
		}
	}
	return all
}

// inWord reports whether text ends within a word: what follows is a part of a name that
// has letters of other scripts, or quotes.
func inWord(text string) bool {
	c, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text, `"'`))
	return unicode.IsLetter(c) || unicode.IsDigit(c)
}

// isMetric reports whether a name may be that of a result.
func isMetric(name string) bool {
	low := strings.ToLower(name)
	return name != "" && len(name) <= longestMetric && !slices.ContainsFunc(noMetrics, func(w string) bool { return strings.Contains(low, w) })
}

// withMetric adds one result, where there is room.
func withMetric(all map[string]float64, name string, v float64) map[string]float64 {
	if _, known := all[name]; !known && len(all) >= maxMetrics {
		return all
	}
	if all == nil {
		all = map[string]float64{}
	}
	all[name] = v
	return all
}

// results are what lines within an epoch have told of it so far.
type results struct {
	kept   map[string]float64
	looked time.Time
}

// take puts the results of a line that is about an epoch to its events: to the end that
// it tells, to the end that the next start is, or to those kept for one of these.
func (r *results) take(line []byte, at time.Time, final bool, events []Event) {
	edge := slices.ContainsFunc(events, func(e Event) bool { return e.Edge == EpochEnd || e.Edge == EpochStart })
	var here map[string]float64
	if edge || final && at.Sub(r.looked) >= metricsEvery {
		r.looked = at
		here = metrics(line)
	}
	for i := range events {
		switch e := &events[i]; {
		case e.Edge == EpochStart && !e.Again:
			e.Metrics, r.kept = r.kept, nil
		case e.Edge == EpochEnd:
			for name, v := range here {
				r.kept = withMetric(r.kept, name, v)
			}
			e.Metrics, r.kept, here = r.kept, nil, nil
		}
	}
	for name, v := range here {
		r.kept = withMetric(r.kept, name, v)
	}
}
