package watch

import (
	"bytes"
	"strings"
	"sync"
	"time"
	"unicode"
)

// A Matcher searches output for epochs, in a goroutine of its own. Who has the
// output feeds it and never waits: what comes faster than it can be searched is
// left out by whole lines, and counted.
type Matcher struct {
	pattern *Pattern // nil: only the tallies
	tallies []*Tally
	results results
	found   func(Event)

	mu      sync.Mutex
	ready   sync.Cond
	streams []*Stream
	closed  bool
	quit    chan struct{} // closed with closed
	done    chan struct{}

	lines int64 // searched
	edges int64
	near  []near

	begun      time.Time // when the Matcher was made
	starts     int       // epochs of which the start alone was seen
	ends       int
	progressed time.Time // when progress was told last
	from, to   time.Time // the first and the last of those starts
	late       bool
}

// A Stream is one channel of output. Feed may be called from one goroutine.
type Stream struct {
	m *Matcher
	// These belong to the goroutine.
	line, before []byte    // not complete yet, and the one before
	began        time.Time // when line began
	returned     bool      // before has ended with a carriage return, just now
	long         bool      // line is too long: left out up to its end

	// Two halves of the queue: one is filled while the other is searched.
	in, out     []byte
	when, times []stamp
	cut         bool // what was left out has not ended with a line yet
	torn        bool // the queue ends within a line that was left out
	left        int64
}

// stamp says when the bytes of a queue came, from one of them on.
type stamp struct {
	from int
	at   time.Time
}

const (
	// The longest line that is searched. Longer ones are forwarded all the same.
	longest = 64 << 10
	// Half of the queue of a stream.
	half = 2 << 20
	// With so much to search at once, somebody prints as fast as they can: for each
	// second of searching there are rest seconds without, since the processor is
	// needed for passing on. What is printed meanwhile is left out.
	flood = 1 << 20
	rest  = 9
)

// NewMatcher begins to search for epochs, if p is not nil, and for what tallies count. found
// is called from the matcher's goroutine; as long as it takes, output is queued.
func NewMatcher(p *Pattern, found func(Event), tallies ...*Tally) *Matcher {
	m := &Matcher{pattern: p, tallies: tallies, found: found, begun: time.Now(), quit: make(chan struct{}), done: make(chan struct{})}
	m.ready.L = &m.mu
	go m.run()
	return m
}

// Stream adds a channel of output.
func (m *Matcher) Stream() *Stream {
	s := &Stream{m: m}
	m.mu.Lock()
	m.streams = append(m.streams, s)
	m.mu.Unlock()
	return s
}

// Feed takes a copy of what was printed just now.
func (s *Stream) Feed(b []byte, at time.Time) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.cut {
		i := bytes.IndexAny(b, "\n\r")
		if i < 0 {
			return
		}
		s.cut = false
		s.left++
		b = b[i+1:]
	}
	if len(b) > half-len(s.in) {
		s.left += int64(bytes.Count(b, []byte{'\n'}))
		last := b[len(b)-1]
		s.cut = last != '\n' && last != '\r'
		s.torn = true
		return
	}
	if len(b) == 0 {
		return
	}
	if s.torn { // the line before the gap never ended
		s.in = append(s.in, 0)
		s.torn = false
	}
	if n := len(s.when); n == 0 || at.Sub(s.when[n-1].at) > 0 {
		s.when = append(s.when, stamp{len(s.in), at})
	}
	s.in = append(s.in, b...)
	s.m.ready.Signal()
}

// Close searches what is queued, and ends. It is called once. success says that
// the program has done all that it was to do: an epoch that goes on as far as was
// seen is then over with it.
func (m *Matcher) Close(success bool) {
	m.mu.Lock()
	m.closed = true
	close(m.quit)
	m.ready.Signal()
	m.mu.Unlock()
	<-m.done
	m.late = m.lags(time.Now())
	for _, t := range m.tallies {
		if e, ok := t.end(); ok {
			e.At = time.Now()
			m.found(e)
		}
	}
	if success && m.pattern != nil && m.pattern.open {
		m.found(Event{Edge: EpochEnd, Index: m.pattern.index, Of: m.pattern.of, Metrics: m.results.kept, At: time.Now()})
	}
}

// Seen says what a Matcher has seen.
type Seen struct {
	// Lines that were searched, Edges that were found in them, and Skipped the lines
	// that came too fast.
	Lines, Edges, Skipped int64
	// Late says that what was taken for the starts of epochs looks like their ends.
	Late bool
	// Nearest are a few lines that look like epochs and were none: for who wonders
	// why a pattern matches nothing.
	Nearest []string
}

// Seen may be called after Close.
func (m *Matcher) Seen() Seen {
	s := Seen{Lines: m.lines, Edges: m.edges, Late: m.late}
	for _, x := range m.streams {
		s.Skipped += x.left
	}
	for _, n := range m.near {
		s.Nearest = append(s.Nearest, n.text)
	}
	return s
}

func (m *Matcher) run() {
	defer close(m.done)
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		idle := true
		for _, s := range m.streams {
			if len(s.in) == 0 {
				continue
			}
			idle = false
			s.in, s.out = s.out[:0], s.in
			s.when, s.times = s.times[:0], s.when
			m.mu.Unlock()
			begin := time.Now()
			s.search()
			if len(s.out) >= flood {
				m.pause(rest * time.Since(begin))
			}
			m.mu.Lock()
		}
		switch {
		case !idle:
		case m.closed:
			for _, s := range m.streams {
				s.end('\n')
			}
			return
		default:
			m.ready.Wait()
		}
	}
}

// pause waits, but not for longer than Close.
func (m *Matcher) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.quit:
	}
}

// search cuts a part of the queue into lines. A carriage return or a backspace
// ends one too: that is how bars are drawn.
func (s *Stream) search() {
	b, next := s.out, 0
	var at time.Time
	for from := 0; from < len(b); {
		for next < len(s.times) && s.times[next].from <= from {
			at = s.times[next].at
			next++
		}
		i := bytes.IndexAny(b[from:], "\n\r\b\x00")
		until := len(b)
		if i >= 0 {
			until = from + i
		}
		s.add(b[from:until], at)
		if i < 0 {
			return
		}
		s.end(b[until])
		from = until + 1
	}
}

// add appends to the line. A line has the time of its first byte: that of a bar
// may end long after.
func (s *Stream) add(b []byte, at time.Time) {
	if len(b) == 0 {
		return
	}
	s.returned = false
	if len(s.line) == 0 && !s.long {
		s.began = at
	}
	if s.long || len(b) > longest-len(s.line) {
		s.line, s.long = s.line[:0], true
		return
	}
	s.line = append(s.line, b...)
}

// end looks at the line, which by ends.
func (s *Stream) end(by byte) {
	switch {
	case by == 0: // what followed was left out
	case by == '\n' && len(s.line) == 0 && s.returned: // return and newline: it will not be written over
		s.m.look(s.before, s.began, true)
	case len(s.line) > 0:
		s.m.lines++
		s.m.look(s.line, s.began, by == '\n')
	}
	s.returned = by == '\r' && len(s.line) > 0
	s.line, s.before, s.long = s.before[:0], s.line, false
}

// progressEvery is how often at most the progress of the first epoch is told.
const progressEvery = time.Second

func (m *Matcher) look(line []byte, at time.Time, final bool) {
	for _, t := range m.tallies {
		if e, ok := t.match(line); ok {
			e.At = at
			m.found(e)
		}
	}
	if m.pattern == nil {
		return
	}
	m.pattern.wants, m.pattern.now = at.Sub(m.progressed) >= progressEvery, at
	events, found := m.pattern.match(line, final)
	if found {
		m.results.take(line, at, final, events)
	}
	for _, e := range events {
		e.At = at
		if e.Edge == EpochProgress {
			m.progressed = at
			m.found(e)
			continue
		}
		m.edges++
		m.count(e)
		m.found(e)
	}
	if !found && m.edges == 0 {
		m.remember(line)
	}
}

// count keeps what lags needs.
func (m *Matcher) count(e Event) {
	switch {
	case e.Edge == EpochEnd:
		m.ends++
	case m.starts == 0 || e.Again:
		m.starts, m.from, m.to = 1, e.At, e.At
	default:
		m.starts++
		m.to = e.At
	}
}

// lags reports whether lines that were taken for the starts of epochs have been
// printed at their ends: then the first comes an epoch late, and after the last
// nothing is left to do.
func (m *Matcher) lags(now time.Time) bool {
	if m.starts < 3 || m.ends > 0 {
		return false
	}
	epoch := m.to.Sub(m.from) / time.Duration(m.starts-1)
	return m.from.Sub(m.begun) > epoch/2 && now.Sub(m.to) < epoch/10
}

// near is a line that might have been an epoch.
type near struct {
	score int
	text  string
}

const maxNear = 3

// remember keeps the first lines that look most like epochs.
func (m *Matcher) remember(line []byte) {
	score := 0
	if bytes.Contains(line, []byte("poch")) || bytes.Contains(line, []byte("POCH")) {
		score = 2
	}
	if score == 0 && len(m.near) == maxNear {
		return
	}
	for i := 1; i+1 < len(line) && i < 200; i++ {
		if line[i] == '/' && digit(line[i-1]) && digit(line[i+1]) {
			score++
			break
		}
	}
	if score == 0 || len(m.near) == maxNear && m.near[maxNear-1].score >= score {
		return
	}
	n := near{score, printable(line)}
	at := 0
	for at < len(m.near) && m.near[at].score >= score {
		if m.near[at].text == n.text {
			return
		}
		at++
	}
	m.near = append(m.near, near{})
	copy(m.near[at+1:], m.near[at:])
	m.near[at] = n
	if len(m.near) > maxNear {
		m.near = m.near[:maxNear]
	}
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// printable gives the start of a line as it may be shown.
func printable(line []byte) string {
	const most = 100
	text := strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(colourless(line[:min(len(line), 4*most)])), "?"))
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
