package watch

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// A Pattern finds epochs in lines of output. It is made by Preset or Compile,
// and keeps what it has seen: each Matcher needs its own.
type Pattern struct {
	// Name of the preset, or the pattern itself.
	Name  string
	rules []rule
	only  int // the preset that matched first, 0 while none did

	goesOn, hasMore *regexp.Regexp

	index int  // the last epoch that began or ended
	zero  bool // the program counts from 0
	// beyond: it prints the last number in place of how many there are.
	beyond bool
	seen   bool
	open   bool
	of     int
}

// rule is one kind of line.
type rule struct {
	preset  int    // which preset it belongs to, from 1
	literal string // what each line of it holds; "": nobody knows
	expr    string
	does    does
	later   bool // it says something only where its preset has matched before
	re      *regexp.Regexp
}

type does uint8

const (
	starts   does = iota // its number is that of an epoch that goes on
	ends                 // … of one that has ended
	passes               // … how many epochs have passed, in parts too: 1.5
	plainly              // … of one that goes on or has ended, as the rest of the line says
	last                 // the end of the epoch that goes on
	full                 // the same if both numbers are equal, as of a bar that is full
	row                  // of a table: the end of the epoch that goes on, else of this one, counted from 0
	fromZero             // as starts, counted from 0, and the total is the last number
	totals               // the number of epochs
	heads                // the head of a table, whose rows follow
	bar                  // of a bar over all epochs: how many have passed
)

// preset is what a framework prints.
type preset struct {
	name  string
	rules []rule
}

// presets gives them all, those first whose lines can't be mistaken for
// another's. testdata holds the formats, as we have written them down.
func presets() []preset {
	const steps = `"(?:step|batch|iter|iteration|global_step)"\s*:`
	return []preset{
		{"ultralytics", []rule{
			{literal: "G ", does: starts, expr: `^\s*(?P<epoch>\d+)/(?P<total>\d+)\s+[\d.]+G\s`},
			{literal: " epochs completed in ", does: last, expr: `^\s*\d+ epochs completed in `},
		}},
		{"lightning", []rule{
			{literal: "`Trainer.fit` stopped", does: last, expr: "`Trainer.fit` stopped"},
			{literal: "Epoch ", does: fromZero, expr: `^Epoch (?P<epoch>\d+)/(?P<total>\d+)\s.*[━╸╺]`},
			{literal: "Epoch ", does: starts, expr: `^Epoch (?P<epoch>\d+): +\d+%\|`},
		}},
		{"xgboost", []rule{
			{literal: "]", does: ends, expr: `^\[(?P<epoch>\d+)\]\s+[\w.-]+-[\w@.-]+:[-+\d.naif]`},
		}},
		{"lightgbm", []rule{
			{literal: "]", does: ends, expr: `^\[(?P<epoch>\d+)\]\s+[\w.-]+'s [\w@. -]+: [-+\d.naif]`},
		}},
		{"transformers", []rule{
			{literal: "'epoch'", does: passes, expr: `\{'.*'epoch': '?(?P<epoch>\d+(?:\.\d+)?)`},
			{literal: "Num Epochs", does: totals, expr: `Num Epochs\s*=\s*(?P<total>[\d,]+)`},
		}},
		{"json", []rule{
			{literal: `"epoch"`, does: starts, expr: `^\s*\{.*` + steps + `.*"epoch"\s*:\s*"?(?P<epoch>\d+)"?\s*[,}]`},
			{literal: `"epoch"`, does: starts, expr: `^\s*\{.*"epoch"\s*:\s*"?(?P<epoch>\d+)"?\s*,.*` + steps},
			{literal: `"epoch"`, does: passes, expr: `^\s*\{.*"epoch"\s*:\s*"?(?P<epoch>\d+\.\d+)`},
			{literal: `"epoch"`, does: ends, expr: `^\s*\{.*"epoch"\s*:\s*"?(?P<epoch>\d+)"?\s*[,}](?:.*"(?:epochs|total_epochs|max_epochs)"\s*:\s*"?(?P<total>\d+))?`},
		}},
		{"fastai", []rule{
			{literal: "Epoch ", does: starts, expr: `^Epoch (?P<epoch>\d+)/(?P<total>\d+) ?: ?\|`},
			{literal: ":", does: row, expr: `^(?P<epoch>\d+)\s+(?:[\d.]+|nan)\s+(?:[\d.]+|nan|None)\s(?:.*\s)?\d+:\d\d\s*$`},
		}},
		{"skorch", []rule{
			{literal: " dur", does: heads, expr: `^\s*epoch\s.*\sdur\s*$`},
			{literal: ".", does: ends, later: true, expr: `^\s*(?P<epoch>\d+)\s+\S.*\s\d+\.\d+\s*$`},
		}},
		{"keras", []rule{
			{literal: "Epoch ", does: starts, expr: `^Epoch (?P<epoch>\d+)/(?P<total>\d+)\s*$`},
			{literal: "/", does: full, expr: `^\s*(?P<epoch>\d+)/(?P<total>\d+) .*(?:━|\[=|- )`},
		}},
		{"plain", []rule{
			{literal: "poch", does: bar, expr: `^(?i:epochs?)\s*:\s+` + tqdm},
			{literal: "poch", does: ends, expr: `(?i:\b(?:finished|completed|end of|done with)\s+(?:training\s+)?epoch)` + number},
			{literal: "poch", does: plainly, expr: plain},
			{literal: "POCH", does: plainly, expr: plain},
		}},
		{"tqdm", []rule{
			{literal: "%|", does: bar, expr: `^(?:[^|]*:)?\s*` + tqdm},
		}},
	}
}

// tqdm is one of its bars: how much, how many, of how many.
const tqdm = `\d+%\|.*\|\s*(?P<epoch>\d+)/(?P<total>\d+) \[`

// notAuto are presets that would take what counts anything for epochs.
var notAuto = []string{"tqdm"}

// plain is the word and a number, at the start of a line or of what a logger
// was given: "Train epoch 3", not "best epoch 3".
const (
	plain = `^(?:.*[\]|:>-]\s*|[^A-Za-z]*)(?i:(?:(?:train|start|begin|runn)(?:n?ing)?\s+(?:of\s+)?)?epoch)` + number

	number = `\b\s*[:#=]?\s*[\[(]?(?P<epoch>\d+)(?:\s*(?:/|of)\s*(?P<total>\d+))?[\])]?`
)

// In what follows, a step or a bar says that the epoch goes on, a number that it
// has ended.
const (
	goesOn  = `(?i:\b(?:step|batch|iter|iteration)s?\b)|%\||\d/\d`
	hasMore = `[:=|,\s-]\s*[-+]?\d`
)

func (r *rule) group(name string) int { return r.re.SubexpIndex(name) }

// Presets gives the names that Preset knows, "auto" first.
func Presets() []string {
	names := []string{"auto"}
	for _, p := range presets() {
		names = append(names, p.name)
	}
	return names
}

// Preset gives the pattern for what a framework prints. "auto" tries all of
// them but tqdm, whose bars count anything, and stays with the first that matches.
func Preset(name string) (*Pattern, error) {
	p := &Pattern{Name: name, goesOn: regexp.MustCompile(goesOn), hasMore: regexp.MustCompile(hasMore)}
	for i, preset := range presets() {
		if name != preset.name && (name != "auto" || slices.Contains(notAuto, preset.name)) {
			continue
		}
		for _, r := range preset.rules {
			r.preset, r.re = i+1, regexp.MustCompile(r.expr)
			p.rules = append(p.rules, r)
		}
	}
	if len(p.rules) == 0 {
		return nil, fmt.Errorf("epoch preset %.40q is none of %s", name, strings.Join(Presets(), ", "))
	}
	return p, nil
}

// Compile makes a pattern of a regular expression in RE2 syntax, which takes
// time in proportion to the line, never more. A group named epoch, else the first
// group, else the first number of the match is the number of an epoch that goes
// on; a new number begins the next. A group named ended in its place is that of
// an epoch that has ended. A group named total says how many there will be. A
// match without a number begins the next epoch.
func Compile(expr string) (*Pattern, error) {
	compiled, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("epoch pattern: %w", err)
	}
	if compiled.MatchString("") {
		return nil, fmt.Errorf("epoch pattern %.80q matches every line", expr)
	}
	r := rule{preset: 1, re: compiled, literal: literal(expr)}
	if compiled.SubexpIndex("ended") > 0 {
		r.does = ends
	}
	return &Pattern{Name: expr, rules: []rule{r}}, nil
}

// literal finds the longest text that each match of expr has to hold.
func literal(expr string) string {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return ""
	}
	var best string
	var walk func(*syntax.Regexp)
	walk = func(x *syntax.Regexp) {
		switch x.Op {
		case syntax.OpLiteral:
			if s := string(x.Rune); x.Flags&syntax.FoldCase == 0 && len(s) > len(best) {
				best = s
			}
		case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
			for _, s := range x.Sub {
				walk(s)
			}
		}
	}
	walk(tree)
	if strings.ContainsRune(best, '\uFFFD') { // also stands for bytes that are no text
		return ""
	}
	return best
}

// match looks for an epoch in a line. ended says that the line is complete, and
// will not be written over.
func (p *Pattern) match(line []byte, ended bool) (e Event, ok, found bool) {
	var plainText []byte
	for i := range p.rules {
		r := &p.rules[i]
		if p.only != r.preset && (p.only != 0 || r.later) || r.literal != "" && !bytes.Contains(line, []byte(r.literal)) {
			continue
		}
		if plainText == nil {
			plainText = colourless(line)
		}
		m := r.re.FindSubmatchIndex(plainText)
		if m == nil {
			continue
		}
		if r.does == full && (!ended || !p.open) {
			continue
		}
		e, ok = p.apply(hit{r, plainText, m})
		if r.does != totals && r.does != full && r.does != last {
			p.only = r.preset
		}
		return e, ok, true
	}
	return Event{}, false, false
}

// colourless gives a line without the sequences that colour it or move the
// cursor.
func colourless(line []byte) []byte {
	if bytes.IndexByte(line, 0x1b) < 0 {
		return line
	}
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); i++ {
		if line[i] != 0x1b || i+1 == len(line) || line[i+1] != '[' {
			out = append(out, line[i])
			continue
		}
		for i += 2; i < len(line) && (line[i] < '@' || line[i] > '~'); i++ {
		}
	}
	return out
}

// hit is a line that fits a rule.
type hit struct {
	rule *rule
	line []byte
	at   []int // where the groups are
}

// text is what a group holds.
func (h hit) text(group string) (string, bool) {
	if g := h.rule.group(group); g > 0 && h.at[2*g] >= 0 {
		return string(h.line[h.at[2*g]:h.at[2*g+1]]), true
	}
	return "", false
}

// count is a group that is a number of epochs.
func (h hit) count(group string) (int, bool) {
	s, ok := h.text(group)
	n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
	return n, ok && err == nil && n >= 0 && n < mostEpochs
}

// Whatever counts further is no epoch.
const mostEpochs = 1e9

// does is what the rule does, with the rest of the line where that decides.
func (p *Pattern) does(h hit) does {
	if h.rule.does != plainly {
		return h.rule.does
	}
	if rest := h.line[h.at[1]:]; !p.goesOn.Match(rest) && p.hasMore.Match(rest) {
		return ends
	}
	return starts
}

// apply says what a line that fits means.
func (p *Pattern) apply(h hit) (Event, bool) {
	does := p.does(h)
	if n, ok := h.count("total"); ok && n > 0 && does != full {
		switch {
		case does == bar && p.of != 0 && n != p.of:
			return Event{}, false // a bar within the first one
		case does == fromZero, p.beyond:
			n++
		}
		p.of = n
	}
	switch does {
	case totals, heads:
		return Event{}, false
	case last:
		return p.stop()
	case full:
		a, _ := h.count("epoch")
		if b, ok := h.count("total"); !ok || a != b {
			return Event{}, false
		}
		return p.stop()
	case row:
		n, ok := h.count("epoch")
		if p.open || !ok || n < p.index {
			return p.stop()
		}
		return p.ended(n + 1)
	case passes, bar:
		s, _ := h.text("epoch")
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f < 1 || f > mostEpochs || int(f) <= p.index {
			return Event{}, false
		}
		return p.ended(int(f))
	case ends:
		n, ok := h.count("ended")
		if !ok {
			n, ok = h.count("epoch")
		}
		if !ok || !p.next(&n) {
			return Event{}, false
		}
		return p.ended(n)
	}
	return p.begun(h)
}

// begun is an epoch that goes on: it begins with the first line that has its
// number.
func (p *Pattern) begun(h hit) (Event, bool) {
	n, ok := h.count("epoch")
	if !ok && h.rule.group("epoch") < 0 {
		digits := firstNumber(h.line, h.at)
		if n, ok = p.index+1, true; digits != "" {
			v, err := strconv.Atoi(digits)
			n, ok = v, err == nil && v < mostEpochs
		} else {
			p.seen = true // there is nothing that could count from 0
		}
	}
	if !ok || !p.next(&n) {
		return Event{}, false
	}
	p.index, p.open = n, true
	return Event{Edge: EpochStart, Index: n, Of: p.of}, true
}

// next turns the number that a program prints into one from 1, and reports
// whether it is another epoch than the last: a later one, or the first of
// another row. What lags behind, as lines of several processes do, is none.
func (p *Pattern) next(n *int) bool {
	if !p.seen {
		p.seen, p.zero = true, *n == 0
	}
	if p.zero {
		*n++
		if p.of > 0 && *n == p.of+1 { // 0/5 … 5/5
			p.beyond, p.of = true, *n
		}
	}
	again := *n == 1 && p.index > 1 && (p.index > 2 || p.index == p.of)
	return *n > p.index && *n > 0 || again
}

func (p *Pattern) ended(n int) (Event, bool) {
	whole := !p.open
	p.index, p.open = n, false
	return Event{Edge: EpochEnd, Index: n, Of: p.of, Whole: whole}, true
}

func (p *Pattern) stop() (Event, bool) {
	if !p.open {
		return Event{}, false
	}
	p.open = false
	return Event{Edge: EpochEnd, Index: p.index, Of: p.of}, true
}

// firstNumber gives the first digits of the first group, else of the match.
func firstNumber(line []byte, m []int) string {
	text := line[m[0]:m[1]]
	if len(m) > 2 && m[2] >= 0 {
		text = line[m[2]:m[3]]
	}
	i := bytes.IndexAny(text, "0123456789")
	if i < 0 {
		return ""
	}
	j := i
	for j < len(text) && digit(text[j]) {
		j++
	}
	return string(text[i:j])
}
