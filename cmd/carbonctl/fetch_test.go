//go:build unix

package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// fetch: [!] fetch ADDRESS PATH FILE asks the server whose address is the last
// word of the file ADDRESS, and writes what it answers into FILE. With "!" the
// answer is no success, or there is none.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: fetch ADDRESS PATH FILE")
	}
	words := strings.Fields(ts.ReadFile(args[0]))
	if len(words) == 0 {
		ts.Fatalf("%s holds no address", args[0])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, words[len(words)-1]+args[1], nil)
	ts.Check(err)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		if !neg {
			ts.Fatalf("%v", err)
		}
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), body, 0o644))
	if (res.StatusCode == http.StatusOK) == neg {
		ts.Fatalf("%s: %s\n%s", args[1], res.Status, body)
	}
}
