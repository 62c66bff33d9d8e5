package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

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
		if e.long || len(e.rest)+len(part) >= MaxLine {
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
		e.wrong(fmt.Errorf("event of more than %d bytes", MaxLine-1))
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
		e.told.Epochs++
		e.open = true
	case EpochEnd:
		e.told.Epochs++
		event.Whole = !e.open // a program that tells of ends alone
	}
	e.told.Events++
	e.flush(now, false)
	if event.stamped {
		e.tell(event)
	} else {
		e.pending = &event
	}
}

// settle gives the last line of a look the time of the file, which was written
// with it.
func (e *Events) settle(now time.Time) { e.flush(now, true) }

// flush hands on the event that waits for its time. Lines without one that came
// since the last look happened between that and the file's latest change: the last
// of them then, and the others maybe before, but not before one that stands above them.
func (e *Events) flush(now time.Time, last bool) {
	event := e.pending
	if event == nil {
		return
	}
	e.pending = nil
	e.mu.Lock()
	from := later(e.seen.at, e.latest)
	e.mu.Unlock()
	event.At, event.Doubt = now, max(0, now.Sub(from))
	if info, err := e.stat(); err == nil {
		if at := info.ModTime(); !at.Before(from.Add(-clockStep)) && !at.After(now) {
			event.At = later(at, from)
			if event.Doubt = event.At.Sub(from); last {
				event.Doubt = 0
			}
		}
	}
	e.tell(*event)
}

// tell hands an event on. What stands behind it in the file came after it.
func (e *Events) tell(event Event) {
	e.latest = later(e.latest, event.At.Add(-event.Doubt))
	e.found(event)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (e *Events) stat() (os.FileInfo, error) {
	if e.file == nil {
		return nil, fs.ErrClosed
	}
	return e.file.Stat()
}

func (e *Events) wrong(err error) {
	const most = 3
	if e.told.Wrong++; len(e.told.Lines) < most {
		e.told.Lines = append(e.told.Lines, err.Error())
	}
}
