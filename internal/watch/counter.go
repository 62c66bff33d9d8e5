package watch

import (
	"bytes"
	"regexp"
	"strconv"
)

// A count is what a line says of steps without naming their epoch: done of so many.
type count struct {
	done, of int
	// drawn: it is a bar, and not only two numbers. trains: the line says that it trains.
	drawn, trains bool
}

// counter finds counts. It has no state.
type counter struct {
	drawn, written   []*regexp.Regexp
	foreign, data    *regexp.Regexp
	gauge            *regexp.Regexp
	training, result *regexp.Regexp
}

func newCounter() *counter {
	c := regexp.MustCompile
	const (
		number = `(\d{1,9})`
		bar    = `(?:[━╸╺█▏▎▍▌▋▊▉]|[=#>.-]{3,}\])`
	)
	return &counter{
		drawn: []*regexp.Regexp{
			c(`\d%\|[^|]*\|\s*` + number + `/` + number + `\b`),        // tqdm
			c(`^\s*` + number + `/` + number + `\s+(?:\[[=>.]|[━╸╺])`), // Keras
			c(bar + `\s*` + number + `/` + number + `\b`),              // rich
			c(`\b(\d{1,3})%\||` + bar + `\s*(\d{1,3})(?:\.\d+)?\s?%`),  // without numbers
		},
		written: []*regexp.Regexp{
			c(`(?i)(?:\b|_)(?:steps?|(?:mini-?)?batch(?:es)?|iter(?:s|ations?)?)\s*[:=#]?\s*[\[(]?\s*` + number + `\s*(?:/|of|out of)\s*` + number + `\b`),
			c(`\[\s*` + number + `\s*/\s*` + number + `\s*(?:\]|\(\s*\d)`),
			c(`^\s*` + number + `/` + number + `\s*$`),
		},
		// Words before a count of something else than the steps of one epoch.
		foreign: c(`(?i)(?:\b|_)(?:val|valid\w*|eval\w*|test\w*|dev|infer\w*|predict\w*|sanity|global|total|overall|folds?|trials?` +
			`|download\w*|upload\w*|fetch\w*|load\w*|sav(?:e|ing)|read\w*|writ\w*|copy\w*|cach\w*|token\w*|map|mapping|filter\w*|preproc\w*|processing|processed` +
			`|prepar\w*|extract\w*|generat\w*|build\w*|index\w*|scan\w*|pack\w*|unpack\w*|convert\w*|checkpoint\w*|compil\w*|warm\w*|calibrat\w*|files?|shards?)(?:\b|_)`),
		// Words right before what is no count of work done: how full something is, how often tried.
		gauge: c(`(?i)(?:\b|_)(?:mem(?:ory)?|v?ram|swap|disk|util\w*|usage|used|quota|battery|attempts?|retry|retries)\b[^\pL]*$`),
		// Words for training before a count, and what it gives, anywhere on the line.
		training: c(`(?i)(?:\b|_)(?:train\w*|fit(?:ting)?|steps?|batch(?:es)?|iter(?:s|ations?)?)(?:\b|_|\W*$)`),
		result:   c(`(?i)(?:\b|_)(?:loss\w*|acc(?:uracy)?|ppl|perplexity|reward|grad_?norm|lr)(?:\b|_)`),
		// Rates of data, and of what is made ready of it.
		data: c(`\d ?[kMGT]?i?B/s|\bexamples/s`),
	}
}

// find gives the count of a line, if it may be of the steps of an epoch.
func (c *counter) find(line []byte) (_ count, ok bool) {
	line = line[:min(len(line), longestMention)]
	if !mayCount(line) {
		return count{}, false
	}
	for _, form := range c.drawn {
		if x, ok, fits := c.read(form, line); fits {
			x.drawn = true
			return x, ok
		}
	}
	for _, form := range c.written {
		if x, ok, fits := c.read(form, line); fits {
			return x, ok
		}
	}
	return count{}, false
}

// read takes the numbers of a form; one alone is in percent. fits is false where the
// line has none, ok where it is of something else.
func (c *counter) read(form *regexp.Regexp, line []byte) (x count, ok, fits bool) {
	m := form.FindSubmatchIndex(line)
	if m == nil {
		return count{}, false, false
	}
	numbers, before := []int{}, -1
	for g := 2; g < len(m); g += 2 {
		if m[g] < 0 {
			continue
		}
		if before < 0 {
			before = m[g]
		}
		n, err := strconv.Atoi(string(line[m[g]:m[g+1]]))
		if err != nil {
			return count{}, false, true
		}
		numbers = append(numbers, n)
	}
	if len(numbers) == 1 {
		numbers = append(numbers, 100)
	}
	x = count{done: numbers[0], of: numbers[1], trains: c.training.Match(line[:before]) || c.result.Match(line)}
	ok = x.of > 1 && x.done <= x.of && !c.foreign.Match(line[:before]) && !c.gauge.Match(line[:before]) && !c.data.Match(line[m[1]:])
	return x, ok, true
}

// mayCount is a quick look at whether a line can hold a count: two numbers with a stroke
// or "of" between them, and no third as in a date, or one in per cent.
func mayCount(line []byte) bool {
	for i, c := range line {
		switch c {
		case '%':
			if n := len(bytes.TrimRight(line[:i], " ")); n > 0 && digit(line[n-1]) {
				return true
			}
		case '/':
			left, right := bytes.TrimRight(line[:i], " \t"), bytes.TrimLeft(line[i+1:], " \t")
			from, to := len(left), 0
			for from > 0 && digit(left[from-1]) {
				from--
			}
			for to < len(right) && digit(right[to]) {
				to++
			}
			if from < len(left) && to > 0 && (from == 0 || left[from-1] != '/') && (to == len(right) || right[to] != '/') {
				return true
			}
		case 'o':
			if i > 0 && line[i-1] == ' ' && bytes.HasPrefix(line[i:], []byte("of ")) && i+3 < len(line) && digit(line[i+3]) {
				return true
			}
		}
	}
	return false
}
