package output

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/internal/format"
)

// A Status is one line of a terminal that says how far something is. It is drawn again
// in its place, and erased before anything else is printed there. It takes no longer than
// a moment, also where the terminal is stopped. A nil Status does nothing. It is safe for
// concurrent use.
type Status struct {
	to     io.Writer
	width  func() int  // of the terminal, as it is now
	busy   func() bool // somebody else prints there; nil: nobody does
	mu     sync.Mutex
	shown  bool
	closed bool
	end    chan struct{}

	reading atomic.Pointer[metered]
	meter   sync.Once
}

// eraseLine puts the cursor to the start of its line, and empties that.
const eraseLine = "\r\x1b[K"

// NewStatus is the status line of a terminal, nil where w is none, or a dumb one.
func NewStatus(w io.Writer, env func(string) string) *Status {
	f, ok := w.(*os.File)
	if !ok || !Screen(w, env).Bars {
		return nil
	}
	return newStatus(unblocked(f), func() int { return Screen(f, env).Width })
}

func newStatus(to io.Writer, width func() int) *Status {
	return &Status{to: to, width: width, end: make(chan struct{})}
}

// Beside says when somebody else is printing on the terminal, or has not ended a line:
// then nothing is drawn. It is called before the first Every.
func (s *Status) Beside(busy func() bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = busy
}

// draw draws the line, unless it was stopped meanwhile.
func (s *Status) draw(text string, stopped *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || *stopped || s.busy != nil && s.busy() {
		return
	}
	if text == "" {
		s.erase()
		return
	}
	// The last column stays empty: what is written there makes some terminals go on to the
	// next line.
	_, _ = io.WriteString(s.to, eraseLine+format.Cut(format.Clean(text), max(s.width(), 40)-1))
	s.shown = true
}

func (s *Status) erase() {
	if s.shown {
		_, _ = io.WriteString(s.to, eraseLine)
		s.shown = false
	}
}

// Erase empties the line until it is shown again.
func (s *Status) Erase() { s.Aside(func() {}) }

// Aside prints something else where the line is, which is empty meanwhile.
func (s *Status) Aside(print func()) {
	if s == nil {
		print()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	print()
}

// Close erases the line; nothing is drawn any more. It does not wait for a text that is
// being made.
func (s *Status) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.erase()
	if !s.closed {
		s.closed = true
		close(s.end)
	}
	s.mu.Unlock()
}

// Every shows a text after a while and then again and again, until stop or Close. "" shows
// nothing.
func (s *Status) Every(after, every time.Duration, text func() string) (stop func()) {
	if s == nil {
		return func() {}
	}
	quit, stopped := make(chan struct{}), false
	go func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
				s.draw(text(), &stopped)
				timer.Reset(every)
			case <-quit:
				return
			case <-s.end:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { s.Aside(func() { stopped = true; close(quit) }) })
}

const (
	// readAfter is how long files are read before that is shown, readEvery how often then.
	readAfter = 2 * time.Second
	readEvery = 500 * time.Millisecond
)

// Through passes on what is read of a file of so many bytes, and shows how far that is
// where it takes long. A size of 0 is not known: it is not shown.
func (s *Status) Through(name string, from io.Reader, size int64) io.Reader {
	if s == nil || size <= 0 {
		return from
	}
	s.meter.Do(func() {
		s.Every(readAfter, readEvery, func() string {
			if m := s.reading.Load(); m != nil {
				return m.text()
			}
			return ""
		})
	})
	m := &metered{from: from, status: s, name: name, size: size, began: time.Now()}
	s.reading.Store(m)
	return m
}

// Forget ends what is shown of the file that is being read.
func (s *Status) Forget() {
	if s != nil {
		s.reading.Store(nil)
	}
}

// metered counts what is read.
type metered struct {
	from   io.Reader
	status *Status
	name   string
	size   int64
	began  time.Time
	read   atomic.Int64
}

func (m *metered) Read(b []byte) (int, error) {
	n, err := m.from.Read(b)
	m.read.Add(int64(n))
	if err != nil {
		m.status.reading.CompareAndSwap(m, nil)
	}
	return n, err
}

// text says how far the reading is: "ledger.csv: 42 %, 12 s left".
func (m *metered) text() string {
	part := min(float64(m.read.Load())/float64(m.size), 1)
	text := fmt.Sprintf("%s: %.0f %%", filepath.Base(m.name), 100*part)
	if part > 0.02 {
		text += ", " + format.Left(time.Duration(float64(time.Since(m.began))*(1-part)/part))
	}
	return text
}
