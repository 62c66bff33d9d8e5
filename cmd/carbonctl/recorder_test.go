//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// A recorder is a web service of one session: it writes down what it is asked, in the file
// served, and answers as it is told to.
type recorder struct {
	mu     sync.Mutex
	server *http.Server
	addr   string // the same, once it was started
	status int
	log    string
}

// playRecorder: recorder start|stop|status N. It sets SERVICE to its host and port.
func playRecorder(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value("recorder").(*recorder)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: recorder start|stop|status N")
	case args[0] == "start":
		if s.addr == "" {
			s.addr, s.log = ownAddress(ts), ts.MkAbs("served")
			ts.Check(os.WriteFile(s.log, nil, 0o600))
		}
		shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			var failed error
			err := c.Control(func(fd uintptr) { failed = sharePort(int(fd)) })
			return errors.Join(err, failed)
		}}
		l, err := shared.Listen(context.Background(), "tcp", s.addr)
		ts.Check(err)
		s.status, s.server = 200, &http.Server{Handler: s}
		go s.server.Serve(l)
		ts.Setenv("SERVICE", s.addr)
		ts.Defer(func() { _ = s.server.Close() })
	case args[0] == "stop":
		ts.Check(s.server.Close())
	case args[0] == "status" && len(args) == 2:
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		s.mu.Lock()
		s.status = n
		s.mu.Unlock()
	default:
		ts.Fatalf("usage: recorder start|stop|status N")
	}
}

// ownAddress is one at which nobody else of this machine listens while the session goes on,
// also when the recorder does not: a socket has it.
func ownAddress(ts *testscript.TestScript) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	ts.Check(err)
	ts.Defer(func() { _ = unix.Close(fd) })
	unix.CloseOnExec(fd)
	ts.Check(errors.Join(sharePort(fd), unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})))
	at, err := unix.Getsockname(fd)
	ts.Check(err)
	return fmt.Sprintf("127.0.0.1:%d", at.(*unix.SockaddrInet4).Port)
}

func sharePort(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }

// trackingAnswer fits each question that a sink asks of a tracking server.
const trackingAnswer = `{"run": {"info": {"run_id": "abc", "artifact_uri": "s3://b"}}, "runs": [], "experiment_id": "1", "experiment": {"experiment_id": "1"}}`

func (s *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	f, err := os.OpenFile(filepath.Clean(s.log), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		w.WriteHeader(500)
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "%d %s %s\n", s.status, r.Method, r.URL)
	for _, h := range []string{"Authorization", "Webhook-Id", "Webhook-Signature", "User-Agent"} {
		if v := r.Header.Get(h); v != "" {
			fmt.Fprintf(f, "%s: %s\n", h, v)
		}
	}
	fmt.Fprintf(f, "%s\n", body)
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, trackingAnswer)
}
