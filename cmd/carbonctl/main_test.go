//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/machinetest"
	"github.com/carbonctl/carbonctl/ledger"
)

var update = flag.Bool("update", false, "rewrite what the sessions compare with")

func TestMain(m *testing.M) {
	// What a session shows must not depend on how soon a busy machine's disk
	// answers: the time limits themselves are tested by internal/session.
	const slack = 5 * time.Second
	// Nor does a test wait until a run is old enough for a status line.
	const patience = 100 * time.Millisecond
	testscript.Main(m, map[string]func(){"carbonctl": func() { os.Exit(command(slack, patience)) }, "await": await})
}

// TestSessions plays what a user types, over the real command. Each has a home
// of its own and nothing of the environment that the test runs in.
func TestSessions(t *testing.T) {
	driver, err := filepath.Abs("../../nvml/testdata/fakenvml.c")
	if err != nil {
		t.Fatal(err)
	}
	machines, err := filepath.Abs("../../testdata/machines")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			e.Setenv("HOME", home)
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
			e.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
			e.Setenv("USER", "ada")
			e.Setenv("TMPDIR", filepath.Join(e.WorkDir, "tmp"))
			e.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each command, else
			e.Values["recorder"] = &recorder{}
			return errors.Join(os.MkdirAll(home, 0o755), os.MkdirAll(filepath.Join(e.WorkDir, "tmp"), 0o700))
		},
		Condition: func(cond string) (bool, error) {
			if cond == "nvml" {
				return hasNVML, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"machine": func(ts *testscript.TestScript, neg bool, args []string) { machineAt(ts, args, machines) },
			"follow":  follow,
			"json":    checkJSON, "jsonkeys": checkKeys, "cell": checkCell,
			"fakenvml": func(ts *testscript.TestScript, neg bool, args []string) { fakeNVML(ts, args, driver) },
			"replay":   checkReplay, "columns": checkColumns, "returns": checkReturns, "edit": edit,
			"schema": checkSchema, "terminal": onTerminal,
			"fetch": fetch, "cloud": playCloud, "forecast": playForecast, "service": playService, "recorder": playRecorder, "engine": playEngine,
		},
	})
}

// fakeNVML: fakenvml FILE [CFLAG…] builds a library of scripted GPUs.
func fakeNVML(ts *testscript.TestScript, args []string, source string) {
	ts.Check(ts.Exec("cc", append([]string{"-shared", "-fPIC", "-o", ts.MkAbs(args[0]), source, "-lm", "-lpthread"}, args[1:]...)...))
}

// machineAt: machine NAME DIR writes one of testdata/machines into a directory.
func machineAt(ts *testscript.TestScript, args []string, machines string) {
	if len(args) != 2 {
		ts.Fatalf("usage: machine NAME DIR")
	}
	data, err := os.ReadFile(filepath.Join(machines, args[0]+".txtar"))
	ts.Check(err)
	m, err := machinetest.Parse(data)
	ts.Check(err)
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(m.WriteTo(dir))
}

// at follows a path of keys joined by "/" into a JSON value. A key into an array
// is an index, or the id, code, key, name or zone of one of its objects.
func at(v any, path string) (any, error) {
	for key := range strings.SplitSeq(path, "/") {
		switch in := v.(type) {
		case map[string]any:
			found, ok := in[key]
			if !ok {
				return nil, errors.New("no key " + key)
			}
			v = found
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil {
				i = slices.IndexFunc(in, func(e any) bool {
					o, _ := e.(map[string]any)
					return slices.Contains([]any{o["id"], o["code"], o["key"], o["name"], o["zone"]}, any(key))
				})
			}
			if i < 0 || i >= len(in) {
				return nil, errors.New("no element " + key)
			}
			v = in[i]
		default:
			return nil, errors.New(key + ": nothing is inside")
		}
	}
	return v, nil
}

func readJSON(ts *testscript.TestScript, file string) any {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		ts.Fatalf("%s is not JSON: %v\n%s", file, err, ts.ReadFile(file))
	}
	if d.More() {
		ts.Fatalf("%s holds more than one JSON value", file)
	}
	return v
}

// checkJSON: [!] json FILE PATH [WANT] says what is at a path. Text stands as it
// is, all else as JSON. Without WANT it is only asked for.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: json FILE PATH [WANT]")
	}
	v, err := at(readJSON(ts, args[0]), args[1])
	if len(args) == 2 {
		if (err == nil) == neg {
			ts.Fatalf("%s: %v, %v", args[1], v, err)
		}
		return
	}
	if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	got, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		ts.Check(err)
		got = string(b)
	}
	want := args[2]
	var other any
	if d := json.NewDecoder(strings.NewReader(want)); !ok {
		d.UseNumber()
		ts.Check(d.Decode(&other))
		b, err := json.Marshal(other) // keys in the same order
		ts.Check(err)
		want = string(b)
	}
	if (got == want) == neg {
		ts.Fatalf("%s is %s, want %s", args[1], got, want)
	}
}

// checkKeys: jsonkeys FILE KEYS: every line of KEYS is a path in FILE.
func checkKeys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: jsonkeys FILE KEYS")
	}
	v := readJSON(ts, args[0])
	n := 0
	for key := range strings.FieldsSeq(ts.ReadFile(args[1])) {
		n++
		if _, err := at(v, key); err != nil {
			ts.Fatalf("%s: %v", key, err)
		}
	}
	if n == 0 {
		ts.Fatalf("%s names no keys", args[1])
	}
}

// checkCell: [!] cell LEDGER ROW COLUMN WANT: rows count from 1.
func checkCell(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: cell LEDGER ROW COLUMN WANT")
	}
	column := slices.Index(strings.Split(ledger.Header, ","), args[2])
	row, err := strconv.Atoi(args[1])
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	if column < 0 || err != nil || row < 1 || row >= len(lines) {
		ts.Fatalf("no column %s in row %s of %d", args[2], args[1], len(lines)-1)
	}
	if got := cells(lines[row])[column]; (got == args[3]) == neg {
		ts.Fatalf("%s in row %d is %q, want %q", args[2], row, got, args[3])
	}
}

// cells splits a line at its commas outside of quotes.
func cells(line string) []string {
	all := []string{""}
	quoted := false
	for _, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			all = append(all, "")
		default:
			all[len(all)-1] += string(r)
		}
	}
	return all
}

// checkReplay: replay SAMPLES REPORT: the recorded samples give the same report.
func checkReplay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: replay SAMPLES REPORT")
	}
	r, err := footprint.Replay(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	var want, got bytes.Buffer
	b, err := json.Marshal(r)
	ts.Check(err)
	ts.Check(json.Compact(&want, []byte(ts.ReadFile(args[1]))))
	ts.Check(json.Compact(&got, b))
	if got.String() != want.String() {
		ts.Fatalf("the samples give\n%s\nthe report is\n%s", got.String(), want.String())
	}
}

// checkColumns: columns FILE [MOST]: no line is wider than that, 80 if not said,
// and none holds a control character.
func checkColumns(ts *testscript.TestScript, neg bool, args []string) {
	most := 80
	if len(args) == 2 {
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		most = n
	}
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: columns FILE [MOST]")
	}
	s := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0])))
	n := 0
	for s.Scan() {
		n++
		line := s.Text()
		for _, r := range line {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				ts.Fatalf("line %d has the control character %q: %q", n, r, line)
			}
		}
		if utf8.RuneCountInString(line) > most && !unfoldable(line) {
			ts.Fatalf("line %d has %d columns, more than %d:\n%s", n, utf8.RuneCountInString(line), most, line)
		}
	}
	if n == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
}

// unfoldable reports whether a line may be wider: the answer, which is searched for;
// one to be copied, which is indented by four; or one word beside a label, such as a path.
func unfoldable(line string) bool {
	if strings.HasPrefix(line, "carbonctl: ") && strings.Contains(line, " CO2e from ") {
		return true
	}
	text := strings.TrimLeft(line, " ")
	_, word, _ := strings.Cut(text, "  ")
	return len(line)-len(text) == 4 || !strings.Contains(strings.TrimLeft(word, " "), " ")
}

// checkReturns: returns CODE CMD ARGS…: runs a command and compares its exit
// code, which "! exec" does not tell.
func checkReturns(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: returns CODE CMD ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit interface{ ExitCode() int }
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// edit: edit FILE OLD NEW replaces text in a file, once.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o644))
}
