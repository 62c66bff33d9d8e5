package report_test

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the difference")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

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
			golden(t, base+".txt", page.Bytes())
			golden(t, base+".json", object.Bytes())
			_, folded, _ := strings.Cut(page.String(), "\n") // the headline is one line, to be searched for
			for line := range strings.Lines(folded) {
				assert.LessOrEqual(t, len([]rune(line)), report.Width+1, line)
			}
		})
	}
}

func TestEnergy(t *testing.T) {
	for want, j := range map[string]float64{
		"0 J": 0, "1.00 µJ": 1e-6, "12.3 mJ": 0.0123, "1.00 J": 0.9999, "37.2 J": 37.24, "359 J": 359.4,
		"0.100 Wh": 360, "0.397 Wh": 0.397 * 3600, "1.00 Wh": 3599.9, "1.83 kWh": 1.83 * 3.6e6, "1.50 MWh": 5.4e9,
		"1234 GWh": 1234 * 3.6e12 / 1e3 * 1e3,
	} {
		if j > energy.MaxEnergy.Joules() {
			continue
		}
		assert.Equal(t, want, report.Energy(energy.Joules(j)))
	}
}

func TestMass(t *testing.T) {
	for want, g := range map[string]regions.Grams{
		"0 g": 0, "412 mg": 0.412, "1.83 kg": 1830, "1.00 g": 0.9996, "10.0 g": 9.996, "999 mg": 0.9994,
		"58.6 µg": 58.6e-6, "2.00 t": 2e6, "100 pg": 1e-10,
	} {
		assert.Equal(t, want, report.Mass(g))
	}
}

func TestDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 ms": 0, "83.0 ms": 83 * time.Millisecond, "999 ms": 999 * time.Millisecond, "1.00 s": 999600 * time.Microsecond,
		"12.3 s": 12345 * time.Millisecond, "1m 0s": 59960 * time.Millisecond, "4m 7s": 247 * time.Second,
		"1h 0m": time.Hour - time.Millisecond, "3h 12m": 3*time.Hour + 12*time.Minute, "2d 5h": 53 * time.Hour,
		"−1.00 s": -time.Second, "106751d 23h": math.MaxInt64, "−106751d 23h": math.MinInt64,
	} {
		assert.Equal(t, want, report.Duration(d))
	}
}

func TestPercent(t *testing.T) {
	for want, x := range map[string]float64{"0 %": 0, "< 0.1 %": 0.0001, "0.4 %": 0.004, "37 %": 0.372, "100 %": 1, "9.9 %": 0.0994} {
		assert.Equal(t, want, report.Percent(x))
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

func row(n int) runs.Row {
	start := time.Date(2026, 11, 22, 13, n, 0, 0, time.UTC)
	share := runs.Number(0.5)
	return runs.Row{
		RunID: "id", Project: "demo", Status: footprint.Completed, Zone: "FR", DurationS: 12.5,
		StartedAt: runs.Stamp{Time: start}, EndedAt: runs.Stamp{Time: start.Add(12500 * time.Millisecond)},
		Energy: 1800 * energy.Joule, EnergyLow: new(1500 * energy.Joule), EnergyHigh: new(2500 * energy.Joule),
		Emissions: 20.5, EmissionsLow: new(runs.Number(17)), EmissionsHigh: new(runs.Number(28)), MeasuredShare: &share,
	}
}

func TestALeadIsFoldedBelowItself(t *testing.T) {
	var p report.Page
	p.Lead("carbonctl: ", strings.Repeat("word ", 30)+strings.Repeat("x", 100)+" \x1b[2J")
	var b bytes.Buffer
	_, err := p.WriteTo(&b)
	require.NoError(t, err)
	got := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	require.Len(t, got, 5)
	assert.True(t, strings.HasPrefix(got[0], "carbonctl: word"))
	for i, l := range got {
		assert.True(t, i == 0 || strings.HasPrefix(l, strings.Repeat(" ", 11)) && l[11] != ' ', l)
		assert.True(t, len(l) <= report.Width || strings.HasSuffix(l, strings.Repeat("x", 100)), "only a long word is wider: %s", l)
	}
	assert.NotContains(t, b.String(), "\x1b")
}
