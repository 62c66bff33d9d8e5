//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// playEngine: engine FILE ASKED serves what FILE holds as metrics, at $ENGINE, and makes the
// file ASKED when it was asked.
func playEngine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: engine FILE ASKED")
	}
	file, asked := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b, err := os.ReadFile(file)
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(b)
		_ = os.WriteFile(asked, nil, 0o644)
	}))
	ts.Defer(s.Close)
	ts.Setenv("ENGINE", s.URL)
}
