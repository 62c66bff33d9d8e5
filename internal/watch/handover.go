package watch

import (
	"errors"
	"os"
	"slices"
	"time"
)

// quiet is how long nothing must come, from processes that outlive the command, for
// what the command itself has printed to be taken as passed on.
const quiet = 10 * time.Millisecond

// Drain passes on what the command has printed, when it has ended, and then stops. It
// returns at once where nobody holds the other ends any more; else when nothing has
// come for a moment, or at the limit. If it is true there is more to come, or a reader
// that does not read: HandOver must follow, or Stay.
func (o *Output) Drain(limit time.Duration) (left bool) {
	o.stop()
	deadline := time.Now().Add(limit)
	for _, c := range o.channels {
		c.settle(deadline)
		c.interrupt(time.Unix(1, 0))
	}
	for _, c := range o.channels {
		stopped := c.stoppedBy(deadline) // with what it had read, on a busy machine too
		c.deaf.Store(true)               // what comes now is not the command's
		if !stopped || !c.over {
			left = true
			continue
		}
		c.close()
	}
	return left
}

// settle waits until copying has ended, nothing more comes, or the deadline.
func (c *channel) settle(deadline time.Time) {
	tick := time.NewTicker(quiet)
	defer tick.Stop()
	for before := c.bytes.Load(); time.Now().Before(deadline); {
		select {
		case <-c.done:
			return
		case <-tick.C:
		}
		now := c.bytes.Load()
		if now == before && !c.writing.Load() && unread(c.inner) == 0 {
			return
		}
		before = now
	}
}

// interrupt makes copying stop at a time, the zero one for never.
func (c *channel) interrupt(at time.Time) {
	_ = c.inner.SetReadDeadline(at)
	switch {
	case c.polled == nil:
		_ = c.outer.SetWriteDeadline(at)
	case at.IsZero():
		c.polled.resume()
	default:
		c.polled.interrupt()
	}
}

// stopped reports whether copying has stopped, as it does right after an interruption
// unless the system can't interrupt it.
func (c *channel) stopped() bool { return c.stoppedBy(time.Time{}) }

// stoppedBy waits for that until a time, or for a moment.
func (c *channel) stoppedBy(t time.Time) bool {
	select {
	case <-c.done:
		return true
	case <-time.After(max(quiet, time.Until(t))):
		return false
	}
}

// errBusy is a write to the reader that can't be interrupted.
var errBusy = errors.New("watch output: the reader does not read")

// HandOver gives what is left after Drain to a relay: a process of its own that passes
// it on for as long as anything comes, so that we can end. It takes no longer than
// limit. After an error nothing has changed, and Stay must follow. The relay is our own
// program, whose main must call [Relay] where [IsRelay] is true.
func (o *Output) HandOver(limit time.Duration) error {
	var left []*channel
	for _, c := range o.channels {
		switch {
		case !c.stopped():
			return errBusy
		case !c.over:
			left = append(left, c)
		}
	}
	if len(left) == 0 {
		return nil
	}
	if err := startRelay(left, limit); err != nil {
		return err
	}
	o.Close()
	return nil
}

// Stay passes on what is left after Drain until the last process has closed its end:
// where there is no relay, our own end would break the pipe that it prints to.
func (o *Output) Stay() {
	waiting := slices.DeleteFunc(slices.Clone(o.channels), func(c *channel) bool { return c.stopped() && c.over })
	for _, c := range waiting {
		c.interrupt(time.Time{})
		if c.stopped() {
			c.done = make(chan struct{})
			go c.copy()
		}
	}
	for _, c := range waiting {
		<-c.done
	}
	o.Close()
}

// relayArgument is the first argument of a process that is a relay.
const relayArgument = "__relay"

// IsRelay reports whether a command line, with its program, is that of a relay.
func IsRelay(args []string) bool { return len(args) == 3 && args[1] == relayArgument }

// pump copies for all channels until each has come to its end.
func pump(channels []*channel) {
	for _, c := range channels {
		go c.copy()
	}
	for _, c := range channels {
		<-c.done
		c.close()
	}
}

// relayed is a channel as a relay gets it.
func relayed(inner, outer *os.File, rest []byte) *channel {
	return &channel{inner: inner, outer: outer, rest: rest, done: make(chan struct{})}
}
