package watch

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Output stands between a command and our own stdout and stderr. What the
// command prints is passed on first, and then shown to a Matcher, which nobody
// waits for. A terminal is stood in for by a terminal and all else by a pipe; if
// both are the same file or terminal, they share one, so that their order stays.
// docs/epochs.md lists what still differs for the command.
type Output struct {
	// Stdout and Stderr are for the command. nil is our own, as it is.
	Stdout, Stderr *os.File

	channels []*channel
	stop     func() // following the size of the terminal
}

// channel is one way that output takes.
type channel struct {
	inner   *os.File // what the command prints comes out here
	give    *os.File // its other end, ours until the command has started
	outer   *os.File // where it goes: not descriptor 1 or 2 itself, at which Go dies of a broken pipe
	polled  *polled  // outer, where a write to it can't be interrupted; nil where it can
	file    os.FileInfo
	sized   bool        // a terminal
	seen    *Stream     // nil: only passed on
	deaf    atomic.Bool // seen gets nothing more
	bytes   atomic.Int64
	writing atomic.Bool // the reader is waited for
	midline atomic.Bool // what was passed on last has not ended its line
	before  func()      // is called before anything is passed on; nil: nothing is

	done chan struct{} // closed when copying has ended or was interrupted
	// After done:
	over bool   // nothing more can come, or be passed on
	rest []byte // read and not yet passed on
}

// Open makes the ways between a command and stdout and stderr. One that is nil or
// closed is left alone; so is one for which err says why it can't be watched: both
// results may be used.
func Open(stdout, stderr *os.File, m *Matcher) (*Output, error) {
	o := &Output{stop: func() {}}
	var errs []error
	one, err := o.open(stdout, m)
	errs = append(errs, err)
	if one != nil {
		o.Stdout = one.give
	}
	if one != nil && same(stdout, stderr) {
		o.Stderr = one.give
		return o, errors.Join(errs...)
	}
	two, err := o.open(stderr, m)
	errs = append(errs, err)
	if two != nil {
		o.Stderr = two.give
	}
	return o, errors.Join(errs...)
}

func (o *Output) open(f *os.File, m *Matcher) (*channel, error) {
	if f == nil {
		return nil, nil
	}
	file, err := f.Stat()
	if err != nil {
		return nil, nil // closed
	}
	outer, err := another(f)
	if err != nil {
		return nil, fmt.Errorf("watch output: %w", err)
	}
	c := &channel{outer: outer, file: file, done: make(chan struct{})}
	if errors.Is(outer.SetWriteDeadline(time.Time{}), os.ErrNoDeadline) {
		if c.polled, err = poll(outer); err != nil {
			return nil, errors.Join(fmt.Errorf("watch output: %w", err), outer.Close())
		}
	}
	if terminal(f) {
		c.sized = true
		c.inner, c.give, err = pair(f)
	} else {
		c.inner, c.give, err = pipe()
	}
	if err != nil {
		c.closeOuter()
		return nil, fmt.Errorf("watch output: %w", err)
	}
	c.seen = m.Stream()
	o.channels = append(o.channels, c)
	return c, nil
}

// same reports whether both are one file or terminal.
func same(a, b *os.File) bool {
	if a == nil || b == nil {
		return false
	}
	x, err := a.Stat()
	if err != nil {
		return false
	}
	y, err := b.Stat()
	return err == nil && os.SameFile(x, y)
}

// Started begins to pass on, when the command has started and holds its ends.
func (o *Output) Started() {
	for _, c := range o.channels {
		_ = c.give.Close()
		go c.copy()
	}
	o.stop = sync.OnceFunc(follow(o.channels))
}

// piece is how much is passed on at once.
const piece = 128 << 10

// copy passes on what is left of an earlier turn and then what comes, until the
// end, an error, or an interruption.
func (c *channel) copy() {
	defer close(c.done)
	buf := make([]byte, piece)
	if !c.pass(c.rest) {
		return
	}
	for {
		n, err := c.inner.Read(buf)
		if n > 0 {
			// Also what the reader has not taken yet was printed by the command.
			ok := c.pass(buf[:n])
			c.bytes.Add(int64(n))
			if c.seen != nil && !c.deaf.Load() {
				c.seen.Feed(buf[:n], time.Now())
			}
			if !ok {
				return
			}
		}
		if err != nil {
			c.over = !errors.Is(err, os.ErrDeadlineExceeded) // the end; on a terminal that is an EIO
			return
		}
	}
}

// pass writes to the reader. It is false where that has gone away or the copying was
// interrupted; what was not written is in c.rest.
func (c *channel) pass(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	c.writing.Store(true)
	if c.before != nil {
		c.before()
	}
	n, err := c.write(b)
	c.writing.Store(false)
	if n > 0 {
		c.midline.Store(b[n-1] != '\n')
	}
	c.rest = b[n:]
	switch {
	case err == nil:
		return true
	case !errors.Is(err, os.ErrDeadlineExceeded):
		c.over = true
		_ = c.inner.Close() // with our end closed, the command finds out
	}
	return false
}

func (c *channel) write(b []byte) (int, error) {
	if c.polled != nil {
		return c.polled.Write(b)
	}
	return c.outer.Write(b)
}

// Midline reports whether what was printed last on f, a file or terminal of ours,
// has not ended its line, as a bar that is drawn: who prints there too begins a
// line of their own.
func (o *Output) Midline(f *os.File) bool {
	file, err := f.Stat()
	return err == nil && slices.ContainsFunc(o.channels, func(c *channel) bool {
		return os.SameFile(c.file, file) && c.midline.Load()
	})
}

// Before has f called before anything is passed on to a file or terminal of ours, such as
// to erase what we have drawn there. It must come before Started, and return at once. It is
// false where what the command prints there does not pass us.
func (o *Output) Before(file *os.File, f func()) bool {
	info, err := file.Stat()
	if err != nil {
		return false
	}
	found := false
	for _, c := range o.channels {
		if os.SameFile(c.file, info) {
			c.before, found = f, true
		}
	}
	return found
}

// Idle reports whether nothing is being passed on to a file or terminal of ours, and what
// was printed last there has ended its line.
func (o *Output) Idle(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && !slices.ContainsFunc(o.channels, func(c *channel) bool {
		return os.SameFile(c.file, info) && (c.writing.Load() || c.midline.Load())
	})
}

// Close lets go of everything that was not handed over. For a command that did not
// start it is all there is to do.
func (o *Output) Close() {
	o.stop()
	for _, c := range o.channels {
		_ = c.give.Close()
		c.close()
	}
}

func (c *channel) close() {
	_ = c.inner.Close() // nothing is written through it
	c.closeOuter()
}

func (c *channel) closeOuter() {
	// What failed has been seen by who wrote.
	if c.polled != nil {
		_ = c.polled.Close()
	} else {
		_ = c.outer.Close()
	}
}
