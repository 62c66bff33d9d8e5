package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bridge runs Python on the tests of the bridge, with the built command.
func bridge(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), python, args...)
	c.Dir = "../bridges/python"
	c.Env = append(os.Environ(), "CARBONCTL="+filepath.Join(built, "carbonctl"), "PYTHONDONTWRITEBYTECODE=1")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// TestPython runs the tests of the Python package, all of them.
func TestPython(t *testing.T) {
	out := bridge(t, "-m", "unittest", "discover", "-s", "tests", "-t", ".")
	assert.Regexp(t, regexp.MustCompile(`(?m)^Ran [1-9]\d+ tests`), out)
	assert.NotContains(t, out, "skipped")
}

// TestPythonIsOld checks that Python 3.9 can read the package: a newer one here is no proof.
func TestPythonIsOld(t *testing.T) {
	const check = `
import ast, pathlib
files = [*pathlib.Path(".").rglob("*.py")]
assert len(files) > 8
for f in files:
    if "tests" not in f.parts: ast.parse(f.read_text(), str(f), feature_version=(3, 9))
`
	bridge(t, "-c", check)
}

// TestPythonTypes checks a program by mypy: calls of decorated functions, too, have types, and
// the lines that are marked as wrong are found, and no others.
func TestPythonTypes(t *testing.T) {
	t.Parallel()
	path := script(t, "typed.py")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var want []string
	for i, line := range strings.Split(string(text), "\n") {
		if strings.HasSuffix(line, "# wrong") {
			want = append(want, fmt.Sprintf("typed.py:%d:", i+1))
		}
	}
	c := exec.CommandContext(t.Context(), "/usr/bin/mypy", "--strict", "--follow-imports=silent", "--cache-dir", t.TempDir(), path)
	c.Env = append(os.Environ(), "MYPYPATH="+absolute(t, "../bridges/python"))
	out, _ := c.CombinedOutput()
	found := regexp.MustCompile(`(?m)typed\.py:\d+:`).FindAllString(string(out), -1)
	assert.Equal(t, want, found, "%s", out)
}

// TestNotebook runs cells by IPython itself, those of the page on quick starts too.
func TestNotebook(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	out, messages, code := d.try("", "env", "PYTHONPATH="+absolute(t, "../bridges/python"), "PAGE="+absolute(t, "../docs/quickstart.md"), "/usr/bin/ipython3", "--no-banner", "--colors=NoColor", script(t, "notebook.ipy"))
	require.Zero(t, code, messages)
	for _, want := range []string{
		"Out[1]: 42", " CO2e from ", "variable 6 fit nb True", "raised KeyError failed", "usage False", "await False",
		"UsageError: %%carbonctl: unrecognized arguments: --regio", "UsageError: %%carbonctl: await outside a function",
		"shell 0\nshell 1", "html True True",
		"cells 5 True True FR",
	} {
		assert.Contains(t, out+messages, want)
	}
	assert.Contains(t, d.run("carbonctl", "report", "--by", "project"), "nb")
}

// TestQuickstartGo runs the Go program of the page on quick starts.
func TestQuickstartGo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	page, err := os.ReadFile("../docs/quickstart.md")
	require.NoError(t, err)
	programs := regexp.MustCompile("(?ms)^```go\n(package main.*?)^```$").FindAllStringSubmatch(string(page), -1)
	require.Len(t, programs, 1)
	d.write("main.go", programs[0][1])
	build := exec.CommandContext(t.Context(), "go", "build", "-o", d.at("quickstart"), d.at("main.go"))
	build.Dir = ".." // our module, as a program of the reader's has it in its go.mod
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, d.run(d.at("quickstart")), " CO2e from ")
	assert.Contains(t, d.run("carbonctl", "report", d.at("runs.csv"), "--format", "csv"), "energy_joules")
	assert.Contains(t, d.run("carbonctl", "verify", d.at("runs.csv")), "1 row")
}
