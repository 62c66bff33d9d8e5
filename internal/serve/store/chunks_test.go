package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/runs"
)

// What is read in chunks is what one reader finds, in the same order, with the same numbers of
// lines that are none, wherever the chunks end.
func TestChunksReadWhatTheFileHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.csv")
	appendRuns(t, path, "first")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	header, row, _ := strings.Cut(string(b), "\n")
	var file strings.Builder
	file.WriteString(header + "\n")
	var want []string
	var bad []int64
	for n := int64(2); int64(file.Len()) < 5*chunkSize; n++ {
		id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)).String()
		switch {
		case n%97 == 0 && len(bad) < maxFaults-1:
			bad = append(bad, n)
			file.WriteString("no row\n")
			continue
		case n%101 == 0:
			file.WriteString(strings.TrimSuffix(strings.Replace(row, "first", id, 1), "\n") + "\r\n")
		case n%103 == 0:
			file.WriteString("\n")
			continue
		case n%107 == 0:
			id = strings.ToUpper(id) // another ID, and no UUID as they are written
			fallthrough
		default:
			file.WriteString(strings.Replace(row, "first", id, 1))
		}
		want = append(want, id)
	}
	require.NoError(t, os.WriteFile(path, []byte(file.String()), 0o600))
	s := New(Options{Args: []string{path}})
	state := look(s)
	assert.Equal(t, want, ids(state))
	var got []int64
	for _, f := range state.Faults {
		got = append(got, f.Line)
	}
	assert.Equal(t, bad, got)
	write(t, path, "no row either\n")
	assert.EqualValues(t, strings.Count(file.String(), "\n")+1, look(s).Faults[maxFaults-1].Line)
	for i, id := range want {
		at, ok := state.Rows.Find(id)
		require.True(t, ok, id)
		require.Equal(t, i, at)
	}
}

// odd is a ledger of v2, or of v1, with what may stand in a file between good rows.
func odd(t *testing.T, v1 bool) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runs.csv")
	schema := ""
	if v1 {
		schema = runs.SchemaV1
	}
	for i, text := range []string{"plain", "two\nlines, and a \"quote\"", "é€𝄞 אב", "=1+1", "\u2028", strings.Repeat("long ", 40)} {
		r := run(fmt.Sprintf("r%d", i))
		r.Schema, r.Project = schema, text
		_, err := ledger.Writer{Path: path, Keep: ledger.Keep{Runs: -1}}.Append(t.Context(), r)
		require.NoError(t, err)
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := bytes.SplitAfter(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	between := [][]byte{
		[]byte("\ufeff"), []byte("\n\r\n"), []byte("no row\r\n"), append([]byte("\""), lines[2]...), bytes.ReplaceAll(lines[2], []byte("\n"), []byte("\r\n")),
		append(bytes.Clone(lines[1]), lines[0]...), []byte("é\x00\xff\n"),
	}
	var file []byte
	for i, line := range lines {
		file = append(append(file, between[i]...), line...)
	}
	return append(file, '\n')
}

// What is read is the same wherever chunks end, and wherever the file ended when it was read
// before: within a character, a cell, a line end.
func TestEveryCutReadsTheSame(t *testing.T) {
	for _, v1 := range []bool{false, true} {
		file := odd(t, v1)
		var want []runs.Row
		var bad []int64
		first := map[string]bool{}
		for row, err := range ledger.Read(bytes.NewReader(file), "x") {
			line := (*ledger.LineError)(nil)
			switch {
			case errors.As(err, &line):
				bad = append(bad, line.Line)
			case err != nil:
				require.NoError(t, err)
			case !first[row.RunID]:
				first[row.RunID], row.PreviousHash = true, ""
				want = append(want, row)
			}
		}
		require.Len(t, want, 6)
		require.Len(t, bad, 3)
		check := func(state *State, what string, n int) {
			var got []runs.Row
			for i := range state.Rows.Len() {
				row, _ := state.Rows.At(i)
				got = append(got, row)
			}
			require.Equal(t, want, got, "%s %d", what, n)
			var lines []int64
			for _, f := range state.Faults {
				lines = append(lines, f.Line)
			}
			require.Equal(t, bad, lines, "%s %d", what, n)
		}
		path := filepath.Join(t.TempDir(), "odd.csv")
		require.NoError(t, os.WriteFile(path, file, 0o600))
		for chunk := int64(1); chunk <= int64(len(file)); chunk += 1 + chunk/15 {
			check(look(New(Options{Args: []string{path}, chunk: chunk})), "chunks of", int(chunk))
		}
		for cut := 0; cut <= len(file); cut += 29 {
			require.NoError(t, os.WriteFile(path, file[:cut], 0o600))
			s := New(Options{Args: []string{path}, chunk: 700})
			s.Look()
			write(t, path, string(file[cut:]))
			touch(t, path)
			check(look(s), "cut at", cut)
		}
	}
}

func TestLineEnd(t *testing.T) {
	text := "ab\n" + strings.Repeat("x", 10_000) + "\nlast\n"
	end := int64(len(text))
	for from, want := range map[int64]int64{0: 3, 2: 3, 3: 10_004, 5_000: 10_004, 10_003: 10_004, 10_004: end, end - 1: end, end: end} {
		assert.Equal(t, want, lineEnd(strings.NewReader(text), from, end), from)
	}
	assert.EqualValues(t, 5_000, lineEnd(strings.NewReader(text), 4_000, 5_000), "not behind what is read")
}

func TestARoomKeepsWhatWasPut(t *testing.T) {
	var m room
	var places []place
	old := m.snapshot()
	for i := range 40 {
		if i == 20 {
			old = m.snapshot()
		}
		places = append(places, m.put([]byte(strings.Repeat(string(rune('a'+i%26)), i*pageSize/16+1))))
	}
	for i, p := range places {
		want := strings.Repeat(string(rune('a'+i%26)), i*pageSize/16+1)
		assert.True(t, strings.HasPrefix(string(m.at(p)), want), i)
		if i < 20 {
			assert.True(t, strings.HasPrefix(string(old.at(p)), want), i)
		}
	}
}
