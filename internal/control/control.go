// Package control lets a program in any language drive a tracker: by requests, a line of
// JSON each, that are read from one stream and answered on another. docs/control.md is the
// protocol.
//
// Requests are carried out when they arrive, whether or not anybody reads the answers.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
)

// Protocol is the name and version of what is spoken.
const Protocol = "carbonctl.control/v1"

// MaxLine is the longest request in bytes, its newline included.
const MaxLine = 64 << 10

const (
	maxOpen    = 1000             // epochs and tasks at a time
	maxAnswers = 1000             // that wait to be read
	readyLimit = 10 * time.Second // of the answer to ready
)

// The reasons for an end, as the last line has them.
const (
	Stopped      = "stop"
	InputClosed  = "input-closed"
	ProcessEnded = "process-ended"
	Signalled    = "signal"
)

// Hello is the first line.
type Hello struct {
	Version string
	RunID   string
	PID     int     // 0: none
	Ledger  *string // nil: not recorded
}

// Server serves one client. Hello comes first, then Serve, then End.
type Server struct {
	tracker *carbon.Tracker
	out     *json.Encoder
	stop    func(failed bool) // the client wants the run to end

	// These belong to Serve.
	lines  int
	epochs []open
	tasks  []open
	last   int // index of an epoch

	mu      sync.Mutex
	counts  map[string]float64
	closed  bool // no more answers are taken
	dropped int
	stopped int // number of the stop, 0: none

	ending  sync.Once
	over    chan struct{} // closed by End
	answers chan answer
	written chan struct{} // closed when all answers are written
	read    chan struct{} // closed when Serve has returned
}

// open is an epoch or a task that is underway.
type open struct {
	index    int
	name, id string
	stretch  *carbon.Stretch
}

// answer is what is to be answered.
type answer struct {
	n     int
	op    *string
	wrong *refusal
	fresh bool // take a reading
	wait  bool // until all meters are open
	brief bool // nothing but the epoch or task that has ended
	epoch *open
	task  *open
}

// New makes a server that answers on out. stop is called, once, when the client asks for
// the end.
func New(tracker *carbon.Tracker, out io.Writer, stop func(failed bool)) *Server {
	s := &Server{
		tracker: tracker, out: encoder(out), stop: stop, counts: map[string]float64{},
		over: make(chan struct{}), answers: make(chan answer, maxAnswers),
		written: make(chan struct{}), read: make(chan struct{}),
	}
	go s.write()
	return s
}

func encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// Serve reads requests until the input ends, or the client asks for the end. It is for one
// goroutine; nobody need wait for it.
func (s *Server) Serve(in io.Reader) {
	defer close(s.read)
	r := bufio.NewReaderSize(in, MaxLine)
	for {
		line, err := r.ReadSlice('\n')
		at := time.Now()
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		if s.line(line, long, at) || err != nil {
			return
		}
	}
}

// Drain waits until Serve has read all that was written before the writer ended, for a
// time.
func (s *Server) Drain(limit time.Duration) {
	select {
	case <-s.read:
	case <-time.After(limit):
	}
}

// Read is closed when Serve has returned.
func (s *Server) Read() <-chan struct{} { return s.read }

// line takes one line, and reports whether it asks for the end.
func (s *Server) line(line []byte, long bool, at time.Time) (end bool) {
	if len(trim(line)) == 0 && !long {
		return false
	}
	s.lines++
	a := answer{n: s.lines}
	if long {
		a.wrong = refuse(tooLong, "line %d: longer than %d bytes", s.lines, MaxLine)
		s.put(a)
		return false
	}
	r, err := parse(line, at)
	if r.op != "" {
		a.op = &r.op
	}
	if err == nil && r.op == stop {
		s.mu.Lock()
		s.stopped = s.lines
		s.mu.Unlock()
		s.stop(r.failed)
		return true
	}
	if err == nil {
		a.brief = r.brief && r.op != report && r.op != ready
		err = s.do(r, &a, at.Add(-r.late))
	}
	if errors.As(err, &a.wrong) && a.wrong.code == badJSON {
		a.wrong = refuse(badJSON, "line %d: %s", s.lines, a.wrong.text)
	}
	s.put(a)
	return false
}

// put hands an answer on to be written. Where nobody reads them it is left out.
func (s *Server) put(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	select {
	case s.answers <- a:
	default:
		s.dropped++
	}
}

// do carries a request out.
func (s *Server) do(r request, a *answer, at time.Time) error {
	switch r.op {
	case epochStart, taskStart:
		return s.begin(r, at)
	case epochEnd:
		i := find(s.epochs, func(o open) bool { return r.index == 0 || o.index == r.index })
		switch {
		case i < 0 && r.index > 0:
			return refuse(noEpoch, "epoch-end: no open epoch with index %d", r.index)
		case i < 0:
			return refuse(noEpoch, "epoch-end: no open epoch")
		}
		a.epoch = take(&s.epochs, i, at)
	case taskEnd:
		i := find(s.tasks, func(o open) bool { return (r.id == "" || o.id == r.id) && (r.name == "" || o.name == r.name) })
		switch {
		case i < 0 && r.id != "":
			return refuse(noTask, "task-end: no open task with id %q", r.id)
		case i < 0 && r.name != "":
			return refuse(noTask, "task-end: no open task %q", r.name)
		case i < 0:
			return refuse(noTask, "task-end: no open task")
		}
		a.task = take(&s.tasks, i, at)
	case count:
		s.tracker.Count(r.unit, r.n)
		s.mu.Lock()
		s.counts[r.unit] += float64(r.n)
		s.mu.Unlock()
	case report:
		a.fresh = true
	case ready:
		a.wait = true
	}
	return nil
}

// begin begins an epoch or a task.
func (s *Server) begin(r request, at time.Time) error {
	if len(s.epochs)+len(s.tasks) >= maxOpen {
		return refuse(tooMany, "%s: %d epochs and tasks are open", r.op, maxOpen)
	}
	if r.op == taskStart {
		if r.id != "" && find(s.tasks, func(o open) bool { return o.id == r.id }) >= 0 {
			return refuse(taskOpen, "task-start: a task with id %q is open", r.id)
		}
		m := footprint.Mark{Edge: footprint.TaskStart, Name: r.name}
		s.tasks = append(s.tasks, open{name: r.name, id: r.id, stretch: s.tracker.Begin(m, at)})
		return nil
	}
	if s.last++; r.index > 0 {
		s.last = r.index
	}
	m := footprint.Mark{Edge: footprint.EpochStart, Index: s.last, Of: r.of}
	s.epochs = append(s.epochs, open{index: s.last, stretch: s.tracker.Begin(m, at)})
	return nil
}

// find gives the place of the one opened last that fits, -1 for none.
func find(all []open, fits func(open) bool) int {
	for i := len(all) - 1; i >= 0; i-- {
		if fits(all[i]) {
			return i
		}
	}
	return -1
}

// take ends what is open.
func take(all *[]open, i int, at time.Time) *open {
	o := (*all)[i]
	*all = append((*all)[:i], (*all)[i+1:]...)
	o.stretch.EndAt(at)
	return &o
}

// write writes answers until End.
func (s *Server) write() {
	defer close(s.written)
	for a := range s.answers {
		_ = s.out.Encode(s.answer(a)) // who does not read is carried out all the same
	}
}

// isReady waits until all meters are open, if wait says so, and reports whether they are.
func (s *Server) isReady(wait bool) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if wait {
		go func() {
			limit := time.NewTimer(readyLimit)
			defer limit.Stop()
			select {
			case <-limit.C:
			case <-s.over:
			case <-ctx.Done():
			}
			cancel()
		}()
	} else {
		cancel()
	}
	return s.tracker.Ready(ctx) == nil
}

// End writes the answers that wait and then the last line, once, and waits for that at most
// as long as limit says: nobody may read it.
func (s *Server) End(why string, r footprint.Report, limit time.Duration) {
	s.ending.Do(func() { s.end(why, r, limit) })
}

func (s *Server) end(why string, r footprint.Report, limit time.Duration) {
	s.mu.Lock()
	s.closed = true
	last := lastLine{Op: "end", Why: why, Report: r}
	if why == Stopped && s.stopped > 0 {
		last.N = &s.stopped
	}
	s.mu.Unlock()
	close(s.over)
	close(s.answers)
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-s.written
		_ = s.out.Encode(last)
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}
