package main

import (
	"errors"
	"io"
	"time"

	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/attach"
	"github.com/carbonctl/carbonctl/internal/control"
	"github.com/carbonctl/carbonctl/internal/session"
)

const (
	// goneTogether is how long the end of the input and that of the process may lie apart
	// where both are the same: the kernel closes the files of a process before it tells of
	// its end.
	goneTogether = 50 * time.Millisecond
	// keptLimit is how long hello may wait for the journal: who has read it knows that the
	// run has a row, whoever is killed from then on.
	keptLimit = 100 * time.Millisecond
	// unreadLimit is how long the last line may wait for a reader.
	unreadLimit = 2 * time.Second
)

// codeSettings is the code of a setting that is wrong.
const codeSettings = "settings"

// stdout takes the lines of the protocol. That nobody reads them is no failure.
func (w *attaching) stdout() io.Writer {
	if o, ok := w.out.(*answer); ok {
		return o.w
	}
	return w.out
}

// refuse tells a program why nothing can be tracked.
func (w *attaching) refuse(err error) {
	code := codeSettings
	if e := (*attach.Error)(nil); errors.As(err, &e) {
		code = e.Code
	}
	_ = control.Refuse(w.stdout(), code, err.Error())
}

// serve lets a program drive the tracking. The server's End is still to be called.
func (w *attaching) serve(s *session.Session, t *attach.Target, in io.Reader) *control.Server {
	server := control.New(s.Tracker(), w.stdout(), func(failed bool) {
		if failed {
			t.Finish(attach.Failed)
		} else {
			t.Finish(attach.Stop)
		}
	})
	hello := control.Hello{Version: about.Version(), RunID: s.Tracker().Report().RunID, PID: t.PID}
	if path := w.config.Ledger; path != "" && path != session.None {
		hello.Ledger = &path
	}
	s.Kept(keptLimit)
	_ = server.Hello(hello)
	go func() {
		server.Serve(in)
		select {
		case <-t.Over():
		case <-time.After(goneTogether):
			t.Finish(attach.Closed)
		}
	}()
	return server
}

// ends are the reasons for an end as the protocol has them.
var ends = map[attach.End]string{
	attach.Ended: control.ProcessEnded, attach.Stop: control.Stopped, attach.Failed: control.Stopped,
	attach.Closed: control.InputClosed, attach.Leave: control.Signalled, attach.Signal: control.Signalled,
}
