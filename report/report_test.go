package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/report"
)

// TestTraces replays every recorded run and compares what it says with the
// pages beside it.
func TestTraces(t *testing.T) {
	traces, err := filepath.Glob("../testdata/traces/*.jsonl")
	require.NoError(t, err)
	require.NotEmpty(t, traces)
	for _, trace := range traces {
		t.Run(filepath.Base(trace), func(t *testing.T) {
			f, err := os.Open(trace)
			require.NoError(t, err)
			defer f.Close()
			r, err := footprint.Replay(f)
			require.NoError(t, err)
			base := strings.TrimSuffix(trace, ".jsonl")
			var page, object bytes.Buffer
			require.NoError(t, report.Run{Report: r}.Write(&page, "text"))
			require.NoError(t, report.JSON(&object, r))
			reporttest.Golden(t, base+".txt", page.Bytes())
			reporttest.Golden(t, base+".json", object.Bytes())
			_, folded, _ := strings.Cut(page.String(), "\n") // the headline is one line, to be searched for
			for line := range strings.Lines(folded) {
				assert.LessOrEqual(t, len([]rune(line)), layout.Width+1, line)
			}
		})
	}
}

func TestNamesCannotMoveTheCursor(t *testing.T) {
	var b bytes.Buffer
	r := footprint.Report{
		Status: "completed\x1b[2J", DurationS: 1,
		Region:   footprint.Region{Name: "Fr\x1b]0;x\aance"},
		Warnings: []footprint.Warning{{Code: "x", Text: "a\nb\x00c\u009bd", Hint: "\r"}},
		Ledger:   &footprint.Receipt{Path: "/tmp/\x1b[31m", Rows: 1},
	}
	require.NoError(t, report.Text(&b, r))
	for _, c := range b.String() {
		assert.False(t, c < ' ' && c != '\n' || c >= 0x7f && c < 0xa0, "%q in %q", c, b.String())
	}
}
