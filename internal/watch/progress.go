package watch

import (
	"strconv"
	"time"
)

// progress is what a Pattern knows of the program: which epoch it is in.
type progress struct {
	index int  // the last epoch that began or ended
	of    int  // how many there will be, 0 if that is not known
	open  bool // index goes on
	seen  bool // a number was seen
	zero  bool // the program counts from 0
	// beyond: it prints the last number in place of how many there are.
	beyond bool
	// guess: index is the first number of all, and its line had no total.
	guess bool
	// putOff is how often the end of index was put off: a line with its number came
	// again. during: that happens so often that results end nothing.
	putOff int
	during bool
	over   bool // the program has said that its last epoch is over
	// past: the first epoch is, and done what the lines within it said of it until then.
	// wants: enough time has gone by since to say so again.
	past, wants bool
	done        float64
	// worded: the epoch's own lines say how much of it has passed. Else the bars do.
	worded bool
	bars   bars
	// now is when the line came, since began the first epoch goes on.
	now, began time.Time
	// counts is how many lines with a count were found since second.
	counts int
	second time.Time
	// opened is the line that began index, and since how many lines came after it.
	opened string
	since  int
	// box is the number that a box of several lines is about, -1 outside.
	box int
	out []Event
}

// maxPutOff is how often the end of one epoch may be put off before the lines
// with its number are taken for what is printed in its midst.
const maxPutOff = 20

// When a number is, against the latest one.
type when uint8

const (
	older when = iota
	equal
	newer
)

// place turns the number that a program prints into one from 1, and compares it
// with the latest. The first of another row is newer; what lags behind, as lines of
// several processes do, is older.
func (p *progress) place(n int) (int, when) {
	if !p.seen {
		p.seen, p.zero = true, n == 0
	}
	if p.zero {
		n++
		if p.of > 0 && n == p.of+1 { // 0/5 … 5/5
			p.beyond, p.of = true, n
		}
	}
	again := n == 1 && p.index > 1 && (p.index > 2 || p.index == p.of)
	switch {
	case n <= 0:
		return n, older
	case n > p.index || again:
		return n, newer
	case n == p.index:
		return n, equal
	}
	return n, older
}

// total takes how many epochs there will be, if a line says so.
func (p *progress) total(n int, fromZero bool) {
	if n <= 0 {
		return
	}
	if fromZero || p.beyond {
		n++
	}
	p.of = n
}

// mention takes a line about an epoch.
func (p *progress) mention(m mention, line []byte) {
	if p.guess && m.total > 0 && p.open && m.says != result && m.says != over {
		p.restart(m.epoch)
	}
	first := !p.seen
	p.total(m.total, false)
	n, when := p.place(m.epoch)
	if first {
		p.guess = m.total == 0
	} else if when == newer {
		p.guess = false
	}
	ending := (m.says == result || m.says == over) && !(m.says == result && p.during)
	switch {
	case when == older:
	case when == newer && (ending || m.whole):
		p.ended(n)
	case when == newer:
		p.begun(n, line)
	case !p.open && m.says == begins && p.of == 1:
		p.begun(n, line) // another model, another fold: each has one epoch
	case !p.open && m.says == begins:
	case !p.open:
		p.putOffEnd()
	case ending:
		p.ended(n)
	case m.says == begins && p.of == 1 && p.since > 0 && string(line) == p.opened:
		p.begun(n, line)
	}
}

// restart takes back the epoch that goes on: the line that began it had no total,
// as "epoch 0: 3 warm-up steps" has none, and here is one that has.
func (p *progress) restart(epoch int) {
	p.guess, p.zero, p.done, p.worded = false, epoch == 0, 0, false
	p.bars.seen, p.bars.main, p.began = nil, nil, p.now
	n := epoch
	if p.zero {
		n++
	}
	p.index, p.since = n, 0
	p.emit(Event{Edge: EpochStart, Index: n, Of: p.of, Again: true})
}

func (p *progress) begun(n int, line []byte) {
	if !p.open && p.during && n > 1 {
		p.emit(Event{Edge: EpochEnd, Index: p.index, Of: p.of, Again: true})
	}
	p.past = p.past || p.index > 0
	p.began = p.now
	p.index, p.open, p.over, p.putOff, p.since = n, true, false, 0, 0
	p.opened = string(line[:min(len(line), longestMention)])
	p.emit(Event{Edge: EpochStart, Index: n, Of: p.of})
}

func (p *progress) ended(n int) {
	whole := !p.open
	p.past = true
	p.index, p.open, p.over, p.putOff = n, false, false, 0
	p.emit(Event{Edge: EpochEnd, Index: n, Of: p.of, Whole: whole})
}

// stop ends the epoch that goes on, if one does.
func (p *progress) stop() {
	if p.open {
		p.ended(p.index)
	}
}

// putOffEnd takes a line that belongs to the epoch that has just ended: it ends
// here instead.
func (p *progress) putOffEnd() {
	if p.index == 0 || p.during || p.over {
		return
	}
	if p.putOff++; p.putOff > maxPutOff {
		p.during = true
		return
	}
	p.emit(Event{Edge: EpochEnd, Index: p.index, Of: p.of, Again: true})
}

// passed takes how many epochs have passed, in parts too. stays says that the
// line has the number for as long as the next one goes on, as a bar has; done that
// the run is over.
func (p *progress) passed(text string, stays, done bool) {
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || f > maxEpochs || !(f >= 0):
	case done && f > float64(p.index):
		p.ended(p.index + 1) // it has ended within an epoch, the last one
	case f < 1:
		p.part(f)
	case f >= 1 && int(f) > p.index:
		p.ended(int(f))
	case !stays && !done && f >= 1 && f == float64(p.index) && !p.open:
		p.putOffEnd() // an evaluation
	}
}

// part takes how much of the first epoch has passed. What comes later has epochs to go
// by. A bar that begins again is another one, such as that of a validation.
func (p *progress) part(f float64) { p.reached(f, false, false) }

// reached is as part, of a bar that may count something else if it is bare; again replaces
// what was told before.
func (p *progress) reached(f float64, bare, again bool) {
	if p.past || !p.wants || !(f > 0 && f < 1) || f <= p.done && !again {
		return
	}
	p.done, p.wants = f, false
	p.emit(Event{Edge: EpochProgress, Index: max(p.index, 1), Of: p.of, Fraction: f, Bare: bare, Again: again})
}

// maxCounts is how many lines a second are searched until so many counts were found: a
// bar is drawn ten times a second, and the search is slow.
const maxCounts = 30

// searches reports whether one more line may be searched for a count.
func (p *progress) searches() bool {
	if p.now.Sub(p.second) >= time.Second {
		p.second, p.counts = p.now, 0
	}
	return p.counts < maxCounts
}

// counted takes a count of steps, on a line that does not name the epoch.
func (p *progress) counted(c count) {
	switch {
	case p.past || p.worded || c.of == p.of: // the last counts the epochs themselves, or may
	case p.bars.run == c.of:
		p.part(float64(c.done) / float64(c.of) * float64(p.of))
	case !p.open:
		p.bars.outside(c)
	default:
		f, bare, again := p.bars.take(c, p.began, p.now)
		p.reached(f, bare, again)
	}
}

func (p *progress) emit(e Event) { p.out = append(p.out, e) }
