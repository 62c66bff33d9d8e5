//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// await is a program for the scripts of sessions: await FILES [RE] ends when one of the files
// (a pattern) holds what fits. What waits for it depends on no machine's speed.
func await() {
	re := regexp.MustCompile("(?m)" + strings.Join(os.Args[2:], " "))
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		files, _ := filepath.Glob(os.Args[1])
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && re.Match(b) {
				os.Exit(0)
			}
		}
	}
	fmt.Fprintf(os.Stderr, "await: no %s with %q\n", os.Args[1], re)
	os.Exit(1)
}
