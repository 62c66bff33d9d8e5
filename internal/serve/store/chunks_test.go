package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	for n := int64(2); file.Len() < 5*chunkSize; n++ {
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
