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
			cmd, rest, err := (&app{}).root(nil).Find(words)
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

// TestTheShellsProgramRuns runs the program of the page on the control protocol.
func TestTheShellsProgramRuns(t *testing.T) {
	page, err := os.ReadFile("../../docs/control.md")
	require.NoError(t, err)
	programs := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, programs, 1)
	dir := t.TempDir()
	script := "exec sh program.sh\nstdout '^epoch 1: [0-9.e-]+ J$'\nstdout '^epoch 3: [0-9.e-]+ J$'\n! stderr .\n" +
		"json run.json op end\ngrep '\"epochs\":\\[{\"index\":1,' run.json\n-- program.sh --\n" + programs[0][1]
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shell.txtar"), []byte(script), 0o600))
	testscript.Run(t, testscript.Params{
		Dir: dir, RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"json": checkJSON},
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_STATE_HOME", e.WorkDir)
			e.Setenv("TMPDIR", e.WorkDir)
			return nil
		},
	})
}

// notRun are the programs of the docs that no test runs, by page: their fences say so.
var notRun = map[string]int{
	"control.md":    1, // Julia
	"migrate.md":    3, // need the other trackers
	"quickstart.md": 2, // a service, and pip from the repository, which integration does with wheels
}

func TestWhatIsNotRunIsCounted(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		n := len(regexp.MustCompile("(?m)^```[a-z]+ not-run$").FindAll(text, -1))
		assert.Equal(t, notRun[filepath.Base(page)], n, page)
	}
}
