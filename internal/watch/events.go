package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Events is a file to which programs write events, and which is followed until
// Close.
type Events struct {
	// Path is what EnvEvents is to hold.
	Path string

	found   func(Event)
	waiter  waiter
	done    chan struct{}
	closing sync.Once

	// These belong to the goroutine, and after Close to who asks.
	file  *os.File
	at    int64  // how far it was read
	rest  []byte // of a line without its end
	long  bool   // … that is too long
	began bool   // an epoch has begun by a line of its own
	told  Told
}

// EnvEvents names the file of events to a command.
const EnvEvents = "CARBONCTL_EVENTS"

// Told says what came of a file of events.
type Told struct {
	// Events that were read, and Wrong lines that were none, of which Lines holds
	// why, for the first few.
	Events, Wrong int64
	Lines         []string
	// Removed: somebody moved or removed the file, or cut it short. What was
	// written before, and to a new file of its name, was read; what others wrote
	// to the old one afterwards was not.
	Removed bool
}

// A waiter waits for the folder of the file to change.
type waiter interface {
	// wait returns when something may have changed, and false after close.
	wait() bool
	close()
}

// pollEvery is how often the file is looked at where the system does not tell.
const pollEvery = 100 * time.Millisecond

// OpenEvents makes a private folder in dir ("" is that for temporary files) with
// the file in it, and follows it. found is called from one goroutine, with events
// in the order of their lines.
func OpenEvents(dir string, found func(Event)) (*Events, error) {
	folder, err := os.MkdirTemp(dir, "carbonctl-") // for us alone: 0700
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	e := &Events{
		Path: filepath.Join(folder, "events"), found: found,
		done: make(chan struct{}),
	}
	e.file, err = os.OpenFile(e.Path, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		_ = os.RemoveAll(folder)
		return nil, fmt.Errorf("events: %w", err)
	}
	e.waiter = newWaiter(folder, e.used)
	go e.follow()
	return e, nil
}

func (e *Events) follow() {
	defer close(e.done)
	for e.waiter.wait() {
		e.look()
	}
	e.look()
	if len(e.rest) > 0 { // the last line has no newline
		e.line(e.rest, time.Now())
	}
}

// used reports whether anybody has touched the file. It is for the goroutine that
// follows it.
func (e *Events) used() bool {
	if e.at > 0 || e.told.Removed {
		return true
	}
	info, err := os.Lstat(e.Path)
	return err != nil || info.Size() > 0
}

// Close reads what is there, and removes file and folder.
func (e *Events) Close() Told {
	e.closing.Do(func() {
		e.waiter.close()
		<-e.done
		if e.file != nil {
			_ = e.file.Close()
		}
		_ = os.RemoveAll(filepath.Dir(e.Path))
	})
	return e.told
}

// look reads on, and in a new file where the old one was replaced.
func (e *Events) look() {
	now := time.Now()
	e.read(now)
	info, err := os.Lstat(e.Path)
	if err == nil && e.file != nil {
		if own, err := e.file.Stat(); err == nil && os.SameFile(own, info) {
			return
		}
	}
	e.told.Removed = true
	if e.file != nil {
		e.read(now)
		_ = e.file.Close()
		e.file = nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	e.end(now)
	if e.file, err = os.OpenFile(e.Path, os.O_RDONLY|nonblocking, 0); err != nil {
		e.file = nil
		return
	}
	e.at = 0
	e.read(now)
}

// read reads the lines that were added.
func (e *Events) read(now time.Time) {
	if e.file == nil {
		return
	}
	if info, err := e.file.Stat(); err == nil && info.Size() < e.at {
		e.told.Removed = true
		e.end(now)
		e.at = 0
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := e.file.ReadAt(buf, e.at)
		e.at += int64(n)
		e.take(buf[:n], now)
		if err != nil || n == 0 {
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, fs.ErrClosed) {
				e.wrong(err)
			}
			return
		}
	}
}

func (e *Events) take(b []byte, now time.Time) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		part := b
		if i >= 0 {
			part = b[:i]
		}
		if e.long || len(e.rest)+len(part) >= MostLine {
			e.long, e.rest = true, e.rest[:0]
		} else {
			e.rest = append(e.rest, part...)
		}
		if i < 0 {
			return
		}
		e.end(now)
		b = b[i+1:]
	}
}

// end takes the line that is complete.
func (e *Events) end(now time.Time) {
	line := e.rest
	e.rest = e.rest[:0]
	if e.long {
		e.long = false
		e.wrong(fmt.Errorf("event of more than %d bytes", MostLine-1))
		return
	}
	e.line(line, now)
}

func (e *Events) line(line []byte, now time.Time) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	event, err := ParseEvent(string(line), now)
	if err != nil {
		e.wrong(err)
		return
	}
	switch event.Edge {
	case EpochStart:
		e.began = true
	case EpochEnd:
		event.Whole = !e.began // a program that tells of ends alone
	}
	e.told.Events++
	e.found(event)
}

func (e *Events) wrong(err error) {
	const most = 3
	if e.told.Wrong++; len(e.told.Lines) < most {
		e.told.Lines = append(e.told.Lines, err.Error())
	}
}

// poll waits for time to pass.
type poll struct {
	tick *time.Ticker
	quit chan struct{}
}

func newPoll() *poll { return &poll{time.NewTicker(pollEvery), make(chan struct{})} }

func (p *poll) wait() bool {
	select {
	case <-p.tick.C:
		return true
	case <-p.quit:
		return false
	}
}

func (p *poll) close() {
	p.tick.Stop()
	close(p.quit)
}
