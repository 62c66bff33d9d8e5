package watch

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A mention is what a line says of an epoch in words: "Epoch 3/10 - loss: 0.2".
type mention struct {
	epoch, total int // total is 0 if the line has none
	says         says
	rest         string // of the line, behind the number
	whole        bool   // it is within the epoch, and at its last step
}

// says is where in its epoch a line was printed. The verb before the word decides,
// then the words after the number, then the numbers that follow.
type says uint8

const (
	begins says = iota // at its beginning: "starting", settings, or nothing but the number
	going              // within it: a step, a batch, a bar
	result             // at its end, by what it lists: "loss: 0.2"
	over               // at its end, in words: "finished", "took 3 s"
)

// grammar finds mentions. It has no state.
type grammar struct {
	anchor, reversed, plural, chinese  *regexp.Regexp
	closed, done, began, within        *regexp.Regexp
	clock, named, bare, total, setting *regexp.Regexp
	part, bar, whole, amount, aside    *regexp.Regexp
}

func newGrammar() *grammar {
	c := regexp.MustCompile
	return &grammar{
		// The word, what may stand between it and its number, the number, the total.
		anchor: c(`^(?i)(epochs|epoche|epoch|[eé]poca|[eé]poque|ep)(?:[ _](?:num|number|nr|no\.|idx|index|id))?` +
			`(?:\s*\(train\))?[\s:=#_."']*[\[(]?\s*(\d+)(\.\d+)?(?:\s*(?:/|of|out of|von|de|sur)\s*(\d+))?\s*["'\])]?`),
		reversed: c(`(?:^|[\s\[(|:])(\d+)\s*/\s*(\d+)[\s*]*$`),
		plural:   c(`^(?i)epochs?\b`),
		chinese:  c(`^第\s*(\d+)\s*(?:/\s*(\d+)\s*)?(?:轮|輪|个\s*epoch|次迭代)`),

		// What says that the epoch is over although a step is named, and what does
		// where none is.
		closed: c(`(?i)\b(?:reached|improved?|not improve|was not in top|early stopping|time cost)\b|完成|结束|結束`),
		done:   c(`(?i)\b(?:completed?|finished|done|took|takes|taken|ended|summary|terminada|completada|terminée?|beendet)\b`),
		began:  c(`(?i)\b(?:start(?:s|ed|ing)?|begins?|began|beginning)\b|开始|開始`),
		// A step, a bar, a part of so many.
		within: c(`(?i)(?:\b|_)(?:global_?step|steps?|batch(?:es)?(?:_?idx?)?|mini-?batch|iter(?:s|ations?)?|examples)\b["']?\s*[:=#]?\s*["'\[(]?\s*\d` +
			`|%\||\d\s?%\s+(?:examples|done)|\d\s*/\s*\d|\[\s*\d+\s*\]\[\s*\d|\d\s?it/s\b|^\s*\[\s*\d`),

		part: c(`\b(\d{1,3})%\||\b(\d{1,9})\s*/\s*(\d{1,9})\b`), // of a bar, of so many steps
		bar:  c(`\|\s*\d+/(\d+) \[`),
		// Its last step, or a bar that is full.
		whole: c(`(?i)\b100%\||(?:\b|_)(?:steps?|(?:mini-?)?batch(?:es)?|iter(?:s|ations?)?)\b\s*[:=#]?\s*[\[(]?\s*(\d+)\s*(?:/|of|out of)\s*(\d+)\b`),
		// What follows a number that is none of an epoch.
		amount: c(`^(?:\s?%|(?:ms|s|sec|min)\b)`),
		// Before the word: where a run takes up, and what follows the training.
		aside: c(`(?i)\b(?:(?:starting|resum\w*|continu\w*|restor\w*) (?:with|from|at)|evaluating|validating|(?:evaluation|validation) for)\b`),

		clock: c(`\d+:\d\d(?::\d\d)?(?:[.,]\d+)?|\b\d{4}-\d\d-\d\d\b`),
		// A number with its name, and one without that is no mere count.
		named: c(`(?i)([\p{L}_][\p{L}\p{N}_@./-]*(?: [\p{L}_]\w*)?)["'>]?\s*[:=(]?\s*["'({\[]?\s*(?:[-+]?\.?\d|nan\b|[-+]?inf\b)`),
		bare:  c(`(?:^|[\s:=|,;-])[-+]?\d+(?:\.\d+(?:e[-+]?\d+)?|\s?(?:s|sec|seconds|min)\b)`),
		total: c(`(?i)\bout of (\d+)\b|\b(?:of|total|epochs|total_epochs|max_epochs|num_epochs|n_epochs)["']?\s*[:=]\s*["']?(\d+)\b|共\s*(\d+)\s*[轮輪]`),
		// Names whose numbers are what an epoch is to be run with.
		setting: c(`(?i)^(?:.*[_ ./-])?(?:lrs?|learning[_ ]rate|table|momentum|wd|weight[_ ]decay|eta|batch[_ ]?size|bs|steps?|samples|size|seed|rank|gpus?|devices?` +
			`|temperature|beta|gamma|alpha|warmup|dropout|of|total|epochs?|workers|pid|timestamp|v_num)$`),
	}
}

// maybe is a quick look at whether a line can hold a word for an epoch.
func maybe(line []byte) bool {
	for _, word := range []string{"poch", "POCH", "poca", "POCA", "poque", "第"} {
		if bytes.Contains(line, []byte(word)) {
			return true
		}
	}
	for _, word := range []string{"Ep ", "ep ", "EP "} {
		for from := 0; ; {
			i := bytes.Index(line[from:], []byte(word))
			if i < 0 {
				break
			}
			if from += i; from == 0 || !letter(line[from-1]) { // not "step 3"
				return true
			}
			from++
		}
	}
	return false
}

// word finds the next word for an epoch in a line, from an offset on; -1: none.
func word(line []byte, from int) int {
	for i := from; i < len(line); i++ {
		switch c := line[i]; {
		case c == 0xe7 && bytes.HasPrefix(line[i:], []byte("第")):
			return i
		case c != 'p' && c != 'P' || i == 0 || line[i-1]|0x20 != 'e' && line[i-1] != 0xa9 && line[i-1] != 0x89:
		case hasFold(line[i:], "poch"), hasFold(line[i:], "poca"), hasFold(line[i:], "poque"):
			if line[i-1]|0x20 == 'e' {
				return i - 1
			}
			if i > 1 && line[i-2] == 0xc3 { // é, É
				return i - 2
			}
		case line[i-1]|0x20 == 'e' && hasFold(line[i+1:], " ") && (i == 1 || !letter(line[i-2])):
			return i - 1 // "Ep 3/10"
		}
	}
	return -1
}

func hasFold(b []byte, word string) bool {
	return len(b) >= len(word) && bytes.EqualFold(b[:len(word)], []byte(word))
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// longestMention is how much of a line is looked at: what follows is no part of
// what a person reads.
const longestMention = 1000

// find gives the first mention of a line.
func (g *grammar) find(line []byte) (mention, bool) {
	line = line[:min(len(line), longestMention)]
	for at := word(line, 0); at >= 0; at = word(line, at+2) {
		text := string(line)
		if m := g.chinese.FindStringSubmatchIndex(text[at:]); m != nil {
			return g.read(text[at+m[1]:], sub(text[at:], m, 1), sub(text[at:], m, 2), neutral)
		}
		if m := g.reversed.FindStringSubmatchIndex(text[:at]); m != nil && g.plural.MatchString(text[at:]) {
			if v, ok := before(text[:m[2]]); ok {
				return g.read(text[at:], sub(text, m, 1), sub(text, m, 2), v)
			}
		}
		m := g.anchor.FindStringSubmatchIndex(text[at:])
		if m == nil || g.amount.MatchString(text[at+m[5]:]) || g.aside.MatchString(text[:at]) {
			continue
		}
		name, total := strings.ToLower(sub(text[at:], m, 1)), sub(text[at:], m, 4)
		v, ok := before(text[:at])
		if ok && m[6] < 0 && (total != "" || name != "epochs" && name != "ep") {
			return g.read(text[at+m[1]:], sub(text[at:], m, 2), total, v)
		}
	}
	return mention{}, false
}

func sub(text string, m []int, group int) string {
	if 2*group+1 >= len(m) || m[2*group] < 0 {
		return ""
	}
	return text[m[2*group]:m[2*group+1]]
}

// read makes a mention of its parts; v is what the words before say.
func (g *grammar) read(rest, epoch, total string, v verb) (m mention, ok bool) {
	n, err := strconv.Atoi(epoch)
	if err != nil || n >= maxEpochs {
		return mention{}, false
	}
	m.epoch, m.rest = n, rest
	if total == "" {
		if t := g.total.FindStringSubmatch(rest); t != nil {
			total = t[1] + t[2] + t[3]
		}
	}
	if t, err := strconv.Atoi(total); err == nil && t < maxEpochs {
		m.total = t
	}
	m.says = g.after(rest, v)
	m.whole = m.says == going && g.full(rest)
	return m, true
}

// fraction gives the part of its epoch that has passed by a line within it, from what
// follows the number; 0 where that is not known, as where a bar has as many steps as
// there are epochs.
func (g *grammar) fraction(rest string, epochs int) float64 {
	m := g.part.FindStringSubmatch(rest)
	if m == nil {
		return 0
	}
	if bar := g.bar.FindStringSubmatch(rest); bar != nil && bar[1] == strconv.Itoa(epochs) {
		return 0
	}
	of := 100.0
	if m[3] != "" {
		of, _ = strconv.ParseFloat(m[3], 64)
	}
	done, _ := strconv.ParseFloat(m[1]+m[2], 64)
	if of < 2 { // one step of one is no progress
		return 0
	}
	return done / of
}

// full reports whether a line within an epoch shows its last step of several.
func (g *grammar) full(rest string) bool {
	m := g.whole.FindStringSubmatch(rest)
	return m != nil && m[1] == m[2] && m[1] != "1"
}

// after decides by what follows the number.
func (g *grammar) after(rest string, v verb) says {
	rest = g.total.ReplaceAllString(g.clock.ReplaceAllString(rest, " "), " ")
	switch {
	case v == starting:
		return begins
	case v == ending || g.closed.MatchString(rest):
		return over
	case g.within.MatchString(rest):
		return going
	case g.done.MatchString(rest):
		return over
	case g.began.MatchString(rest):
		return begins
	}
	found := false
	for _, m := range g.named.FindAllStringSubmatch(rest, -1) {
		found = true
		if !g.setting.MatchString(m[1]) {
			return result
		}
	}
	if !found && g.bare.MatchString(rest) {
		return result
	}
	return begins
}

// A verb is what the words before "epoch" say of it.
type verb uint8

const (
	stranger verb = iota // the number is that of another epoch than the one that goes on: "best epoch 3"
	neutral              // nothing: a logger's words, "train epoch 3"
	starting
	ending
	joint // "of", "the": the word before decides
)

// verbOf sorts the words that may stand right before "epoch".
func verbOf(word string) verb {
	switch word {
	case "start", "starts", "starting", "started", "begin", "begins", "beginning", "began", "running", "processing", "entering":
		return starting
	case "finish", "finished", "finishing", "complete", "completed", "completing", "end", "ends", "ended", "done", "after":
		return ending
	case "of", "the", "with":
		return joint
	case "train", "training", "current", "cur", "curr", "now", "this", "global",
		"info", "debug", "warning", "warn", "error", "notice", "trace", "verbose", "log", "logger", "root", "main",
		"stdout", "stderr", "i", "d", "w", "e", "f", "n", "p", "t", "z", "gpu", "rank", "worker", "node", "process", "proc":
		return neutral
	}
	return stranger
}

// before reads the words that stand before "epoch", up to what separates them from
// the rest of the line, as a logger's prefix is. ok is false if the line is about
// another epoch than the one that goes on.
func before(text string) (verb, bool) {
	text, decorated := undecorated(text)
	words := trailingWords(text)
	if decorated && len(words) > 0 && verbOf(words[len(words)-1]) != ending && verbOf(words[len(words)-1]) != starting {
		return neutral, true // "INFO - train.py: Epoch 3"
	}
	if strings.HasSuffix(text, "(") {
		inside := strings.TrimRightFunc(strings.TrimSuffix(text, "("), unicode.IsSpace)
		if w := trailingWords(inside); len(w) > 0 && verbOf(w[len(w)-1]) == stranger {
			return stranger, false // "loading checkpoint (epoch 12)"
		}
		return neutral, true
	}
	for i := len(words) - 1; i >= 0 && i > len(words)-4; i-- {
		switch v := verbOf(words[i]); v {
		case joint:
			if i == 0 || i == len(words)-1 && verbOf(words[i-1]) != starting && verbOf(words[i-1]) != ending {
				return stranger, false // "loss of epoch 3"
			}
		case neutral:
		case stranger:
			return stranger, false
		default:
			return v, true
		}
	}
	return neutral, true
}

// undecorated cuts blanks and ornaments off the end of a text, and reports
// whether a separator was among them.
func undecorated(text string) (string, bool) {
	separated := false
	for len(text) > 0 {
		r, size := utf8.DecodeLastRuneInString(text)
		switch {
		case r == '(' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return text, separated
		case r == ']' || r == ')' || r == '|' || r == ':' || r == '>' || r == '-' || r == ',' || r == ';' || r == '}':
			separated = true
		}
		text = text[:len(text)-size]
	}
	return text, separated
}

// trailingWords gives the words at the end of a text, in lower case.
func trailingWords(text string) []string {
	i := len(text)
	for i > 0 {
		r, size := utf8.DecodeLastRuneInString(text[:i])
		if !unicode.IsLetter(r) && r != ' ' && r != '_' && r != '\t' {
			break
		}
		i -= size
	}
	return strings.FieldsFunc(strings.ToLower(text[i:]), func(r rune) bool { return r == ' ' || r == '_' || r == '\t' })
}
