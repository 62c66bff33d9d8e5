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

	grammar *grammar // of the rules that have no expression
	counter *counter // of the lines that fit none
	progress
}

// rule is one kind of line.
type rule struct {
	preset  int    // which preset it belongs to, from 1; 0: to all
	literal string // what each line of it holds; "": not known
	expr    string // "": the grammar of mentions
	does    does
	later   bool // it says something only where its preset has matched before
	re      *regexp.Regexp
}

type does uint8

const (
	starts    does = iota // its number is that of an epoch that goes on
	announces             // … that begins here
	ends                  // … of one that has ended
	passes                // … how many epochs have passed, in parts too: 1.5
	plainly               // … of one that begins, goes on or has ended, as the words around it say
	last                  // the end of the epoch that goes on
	full                  // the same if both numbers are equal, as of a bar that is full
	row                   // of a table: the end of the epoch that goes on, else of this one, counted from 0
	fromZero              // as starts, counted from 0, and the total is the last number
	totals                // the number of epochs, or of all their steps
	heads                 // the head of a table, whose rows follow
	bar                   // of a bar over all epochs: how many have passed
	within                // of a box of several lines, which is printed when the epoch has ended
	shut                  // the last line of that box
	more                  // what follows the end of an epoch and is part of it
	partly                // the end of an epoch that a fraction says has begun: 2.97
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
	p := &Pattern{Name: name, grammar: newGrammar(), counter: newCounter(), progress: progress{box: -1}}
	for i, preset := range presets() {
		if name != preset.name && (name != "auto" || slices.Contains(notAuto, preset.name)) {
			continue
		}
		for _, r := range preset.rules {
			r.preset = i + 1
			if r.expr != "" {
				r.re = regexp.MustCompile(r.expr)
			}
			p.rules = append(p.rules, r)
		}
	}
	if len(p.rules) == 0 {
		return nil, fmt.Errorf("unknown preset %.40q: use one of %s", name, strings.Join(Presets(), ", "))
	}
	for _, r := range always() {
		r.re = regexp.MustCompile(r.expr)
		p.rules = append(p.rules, r)
	}
	return p, nil
}

// Compile makes a pattern of a regular expression in RE2 syntax, which takes
// time in proportion to the line, never more. A group named epoch, else the first
// group, else the first number of the match is the number of an epoch; whether it
// begins or has ended there is decided as the preset "plain" does, by what else is
// on the line. A group named started or ended in its place decides it. A group
// named total says how many there will be. A match without a number begins the
// next epoch.
func Compile(expr string) (*Pattern, error) {
	compiled, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("epoch pattern: %w", err)
	}
	if compiled.MatchString("") {
		return nil, fmt.Errorf("epoch pattern %.80q matches every line", expr)
	}
	r := rule{preset: 1, expr: expr, re: compiled, literal: literal(expr), does: plainly}
	return &Pattern{Name: expr, rules: []rule{r}, grammar: newGrammar(), counter: newCounter(), progress: progress{box: -1}}, nil
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

// match looks for an epoch in a line. final says that the line is complete, and
// will not be written over. The events are valid until the next match.
func (p *Pattern) match(line []byte, final bool) (events []Event, found bool) {
	p.out = p.out[:0]
	if final {
		p.since++
	}
	var text []byte
	for i := range p.rules {
		r := &p.rules[i]
		if p.only != r.preset && (p.only != 0 || r.later) && (p.only == 0 || r.preset != 0) || r.literal != "" && !bytes.Contains(line, []byte(r.literal)) {
			continue
		}
		if r.re == nil && !maybe(line) {
			continue
		}
		if text == nil {
			text = colourless(line)
		}
		if p.fits(r, text, final) {
			if r.does != totals && r.does != full && r.does != last {
				p.only = r.preset
			}
			return p.out, true
		}
	}
	if !p.past && !p.worded && p.searches() {
		if text == nil {
			text = colourless(line)
		}
		if c, ok := p.counter.find(text); ok {
			p.counts++
			p.counted(c)
		}
	}
	return p.out, false
}

// within takes a mention, and how much of the first epoch its line says has passed.
func (p *Pattern) within(m mention, line []byte) {
	p.mention(m, line)
	if m.says == going && p.wants && !p.past && p.open {
		if f := p.grammar.fraction(m.rest, p.of); f > 0 {
			p.worded = true
			p.part(f)
		}
	}
}

// fits tries one rule, and applies it if the line fits.
func (p *Pattern) fits(r *rule, line []byte, final bool) bool {
	if r.re == nil {
		m, ok := p.grammar.find(line)
		if ok {
			p.within(m, line)
		}
		return ok
	}
	at := r.re.FindSubmatchIndex(line)
	if at == nil || r.does == full && !p.open {
		return false
	}
	if r.does == full && !final { // a bar as it grows
		return false
	}
	p.apply(hit{r, line, at})
	return true
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
	return n, ok && err == nil && n >= 0 && n < maxEpochs
}

// Whatever counts further is not an epoch.
const maxEpochs = 1e9

// apply says what a line that fits an expression means.
func (p *Pattern) apply(h hit) {
	does := h.rule.does
	total, _ := h.count("total")
	if does == bar && p.of != 0 && total != 0 && total != p.of {
		return // a bar within the first one
	}
	if does == totals || does == bar || does == passes || does == fromZero {
		p.total(total, does == fromZero)
	}
	switch does {
	case heads:
	case totals:
		if n, ok := h.count("steps"); ok {
			p.bars.run = n
		}
	case last:
		p.stop()
		p.over = true
	case full:
		if a, _ := h.count("epoch"); a == total && total > 0 {
			p.stop()
		}
	case more:
		if !p.open {
			p.putOffEnd()
		}
	case row:
		n, ok := h.count("epoch")
		if p.open || !ok || n < p.index {
			p.stop()
		} else {
			p.ended(n + 1)
		}
	case within:
		if n, ok := h.count("epoch"); ok {
			p.box = n
		}
	case shut:
		if p.box >= 0 {
			p.mention(mention{epoch: p.box, says: over}, h.line)
			p.box = -1
		}
	case passes, partly, bar:
		text, _ := h.text("epoch")
		p.passed(text, does == bar, does == partly)
	default:
		if m, ok := p.read(h); ok {
			p.within(m, h.line)
		}
	}
}

// read makes a mention of a line that fits.
func (p *Pattern) read(h hit) (m mention, ok bool) {
	if h.rule.does != fromZero {
		m.total, _ = h.count("total")
	}
	switch h.rule.does {
	case starts, fromZero:
		m.says = going
	case ends:
		m.says = over
	}
	if n, ok := h.count("started"); ok {
		m.epoch, m.says = n, max(m.says, begins)
		return m, true
	}
	if n, ok := h.count("ended"); ok {
		m.epoch, m.says = n, over
		return m, true
	}
	from, to, ok := h.number()
	if !ok {
		m.epoch, p.seen = p.index+1, true // there is nothing that could count from 0
		return m, h.rule.does == plainly && !h.rule.numbered()
	}
	n, err := strconv.Atoi(string(h.line[from:to]))
	if m.epoch = n; err != nil || n >= maxEpochs {
		return m, false
	}
	if p.wants && !p.past {
		m.rest = h.behind(to)
	}
	if h.rule.does == plainly {
		v, _ := before(string(h.line[:from]))
		m.says = p.grammar.after(h.behind(to), v)
		m.whole = m.says == going && p.grammar.full(h.behind(to))
	}
	return m, true
}

// behind is what follows the number and the total of a line.
func (h hit) behind(to int) string {
	if g := h.rule.group("total"); g > 0 {
		to = max(to, h.at[2*g+1])
	}
	return string(h.line[to:min(len(h.line), to+longestMention)])
}

// numbered reports whether the rule has a group that is to hold a number.
func (r *rule) numbered() bool {
	return r.group("epoch") > 0 || r.group("started") > 0 || r.group("ended") > 0
}

// number finds the epoch's: the group of that name, else the first digits of the
// first group, else of the match.
func (h hit) number() (from, to int, ok bool) {
	from, to = h.at[0], h.at[1]
	if g := h.rule.group("epoch"); g > 0 {
		from, to = h.at[2*g], h.at[2*g+1]
	} else if len(h.at) > 2 && h.at[2] >= 0 {
		from, to = h.at[2], h.at[3]
	}
	if from < 0 {
		return 0, 0, false
	}
	i := bytes.IndexAny(h.line[from:to], "0123456789")
	if i < 0 {
		return 0, 0, false
	}
	from += i
	for i = from; i < to && digit(h.line[i]); i++ {
	}
	return from, i, true
}
