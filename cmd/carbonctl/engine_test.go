//go:build unix

package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// playEngine: engine FILE ASKED serves what FILE holds as metrics, at $ENGINE, and makes the
// file ASKED when it has answered.
func playEngine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: engine FILE ASKED")
	}
	file, asked := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b, err := os.ReadFile(file)
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(b)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateIdle { // the answer is on its way, and not only in a buffer
			_ = os.WriteFile(asked, nil, 0o644)
		}
	}
	s.Start()
	ts.Defer(s.Close)
	ts.Setenv("ENGINE", s.URL)
}
