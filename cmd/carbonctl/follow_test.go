//go:build unix

package main

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// follow: follow ADDRESS PATH FILE TEXT fetches a path whenever the server says that
// something is new, until it holds the text.
func follow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: follow ADDRESS PATH FILE TEXT")
	}
	words := strings.Fields(ts.ReadFile(args[0]))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, words[len(words)-1]+"/events", nil)
	ts.Check(err)
	events, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer events.Body.Close()
	for lines := bufio.NewScanner(events.Body); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "data: ") {
			continue
		}
		fetch(ts, false, args[:3])
		got, err := os.ReadFile(ts.MkAbs(args[2]))
		ts.Check(err)
		if strings.Contains(string(got), args[3]) {
			return
		}
	}
	ts.Fatalf("%s never held %q", args[1], args[3])
}
