//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
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
			s.addr, s.log = "127.0.0.1:0", ts.MkAbs("served")
			ts.Check(os.WriteFile(s.log, nil, 0o600))
		}
		l, err := net.Listen("tcp", s.addr)
		ts.Check(err)
		s.addr, s.status, s.server = l.Addr().String(), 200, &http.Server{Handler: s}
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
