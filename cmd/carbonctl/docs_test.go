//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pages are README.md and all pages of docs.
func pages(t *testing.T) []string {
	all, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	require.Greater(t, len(all), 15)
	return append(all, "../../README.md")
}

// TestDocsRun runs the commands of each "console" block below docs, a page in one folder,
// by the built command: none may fail. README.md shows commands of the reader's own.
func TestDocsRun(t *testing.T) {
	dir := t.TempDir()
	scripts := 0
	for _, page := range pages(t) {
		if filepath.Base(page) == "README.md" {
			continue
		}
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		script := ""
		for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(block[1]) {
				if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
					script += fmt.Sprintf("exec sh -c '%s'\n", strings.ReplaceAll(command, "'", "''"))
				}
			}
		}
		if script != "" {
			name := strings.TrimSuffix(filepath.Base(page), ".md") + ".txtar"
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o600))
			scripts++
		}
	}
	require.NotZero(t, scripts)
	testscript.Run(t, testscript.Params{Dir: dir, RequireExplicitExec: true, Setup: func(e *testscript.Env) error {
		home := filepath.Join(e.WorkDir, "home")
		for _, v := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"} {
			e.Setenv(v, home)
		}
		return os.MkdirAll(home, 0o755)
	}})
}

// codeLine is a line of code that begins with the command, as docs show it.
var codeLine = regexp.MustCompile(`^(?:    |\$ )?\s*((?:[A-Z_]+=\S+ )*)carbonctl ([a-z].*)$`)

// TestDocsNameWhatThereIs checks that the commands and flags of code in the docs exist.
func TestDocsNameWhatThereIs(t *testing.T) {
	n := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		fenced := false
		for line := range strings.Lines(string(text)) {
			line = strings.TrimRight(line, "\n")
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			m := codeLine.FindStringSubmatch(line)
			if m == nil || !fenced && !strings.HasPrefix(line, "    ") || strings.Contains(line, "│") {
				continue
			}
			words := strings.Fields(m[2])
			cmd, rest, err := (&app{}).root().Find(words)
			if !assert.NoError(t, err, "%s: %s", page, line) {
				continue
			}
			n++
			for _, w := range rest {
				name, isLong := strings.CutPrefix(w, "--")
				if w == "--" || strings.ContainsAny(w, "|;&>#") {
					break
				}
				name, _, _ = strings.Cut(name, "=")
				if isLong && name != "help" {
					assert.NotNil(t, cmd.Flags().Lookup(name), "%s: %s: no flag --%s", page, line, name)
				}
			}
		}
	}
	assert.Greater(t, n, 20)
}
