package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
)

// tinyRun is of 3 ms in a virtual machine, with no region.
func tinyRun() footprint.Report {
	none, year := 0.0, 2025
	e := energy.Joules(0.0105)
	return footprint.Report{
		Status: footprint.Completed, ExitCode: new(int), DurationS: 0.00314, MeasuredShare: &none,
		Energy: energy.Joules(0.0187), EnergyHigh: new(energy.Joules(0.36)), MachineEnergy: energy.Joules(0.0187),
		Emissions: 2.38e-6, EmissionsHigh: new(regions.Grams(45.8e-6)),
		PUE:        footprint.PUE{Value: 1, Source: "not given"},
		Intensity:  footprint.Intensity{PerKWh: 458, Year: &year, Kind: regions.WorldDefault, Scope: regions.Lifecycle, Source: "Our World in Data, series to 2025"},
		Components: []footprint.Line{{Kind: energy.CPU, Name: "AMD EPYC Genoa, 2 of its vCPUs", Basis: energy.Modelled, Energy: &e, Charged: e}},
		Warnings: []footprint.Warning{
			{Code: footprint.RegionAssumed, Text: "no region given", Hint: "set the region"}, {Code: footprint.AllModelled}, {Code: footprint.ShareUnknown},
		},
		Ledger: &footprint.Receipt{Path: "ledger.csv", Rows: 6},
	}
}

// TestResults compares what a run's end prints, in a pipe and on terminals, with pages
// that were read.
func TestResults(t *testing.T) {
	stopped := partial(t)
	stopped.ExitCode, stopped.Signal = new(143), new("TERM")
	killed := reporttest.Replay(t, "vm.jsonl")
	killed.Status, killed.ExitCode, killed.Signal = footprint.Failed, new(137), new("KILL")
	wide := reporttest.OnGPUs()
	wide.Region.Name, wide.Ledger.Path = "日本", "実験/台帳.csv"
	wide.Components[2].Name = strings.Repeat("画像処理", 20)
	var got bytes.Buffer
	for _, r := range []struct {
		name string
		run  footprint.Report
	}{
		{"all measured", reporttest.OnGPUs()}, {"a virtual machine", reporttest.Replay(t, "vm.jsonl")}, {"a server", reporttest.Replay(t, "server.jsonl")},
		{"trouble", reporttest.Replay(t, "trouble.jsonl")}, {"tiny", tinyRun()}, {"killed", killed}, {"stopped at its budget", stopped},
		{"epochs", training{epochs: 10, of: 10, name: "check"}.run(t)}, {"wide names", wide},
	} {
		for _, s := range []struct {
			name   string
			screen report.Screen
		}{{"in a pipe", report.Screen{}}, {"on a terminal of 100 columns", report.Screen{Width: 100, Bars: true, Color: true}}} {
			var page bytes.Buffer
			require.NoError(t, report.Run{Report: r.run}.Result(&page, s.screen))
			text := page.String()
			assert.Equal(t, s.screen.Color, strings.Contains(text, "\x1b["), "%s: colour is for terminals", r.name)
			assert.Equal(t, s.screen.Bars && r.name != "tiny", strings.ContainsAny(text, "█▏▎▍▌▋▊▉"), "%s: bars are for terminals", r.name)
			_, folded, _ := strings.Cut(text, "\n")
			for line := range strings.Lines(folded) {
				plain := strings.NewReplacer("\x1b[2m", "", "\x1b[0m", "").Replace(strings.TrimSuffix(line, "\n"))
				assert.LessOrEqual(t, uniseg.StringWidth(plain), max(s.screen.Width, 80), "%s: %q", r.name, plain)
			}
			got.WriteString("--- " + r.name + ", " + s.name + "\n" + strings.ReplaceAll(text, "\x1b", "ESC"))
		}
	}
	reporttest.Golden(t, "testdata/results.txt", got.Bytes())
}

// What other lines say is no warning; what they do not say is one.
func TestAResultWarnsOfWhatIsNotSaid(t *testing.T) {
	r := reporttest.OnGPUs()
	r.Warnings = append(r.Warnings, footprint.Warning{Code: footprint.AllModelled, Text: "MODELLED"}, footprint.Warning{Code: footprint.ShareUnknown, Text: "SHARE"},
		footprint.Warning{Code: footprint.CounterGap, Text: "a gap", Hint: "a way out"}, footprint.Warning{Code: footprint.IntensityInstead, Text: "that of another zone"})
	var b bytes.Buffer
	require.NoError(t, report.Text(&b, r))
	text := b.String()
	assert.NotContains(t, text, "MODELLED")
	assert.NotContains(t, text, "SHARE")
	assert.NotContains(t, text, "only direct emissions")
	assert.NotContains(t, text, "no figure is published")
	assert.Contains(t, text, "share: at most 22 %", "what has no share is in it whole")
	assert.Contains(t, text, "  warning  a gap\n  hint     a way out\n")
	assert.Contains(t, text, "  warning  that of another zone\n")
	r.ProcessEnergy = &r.MachineEnergy
	b.Reset()
	require.NoError(t, report.Text(&b, r))
	assert.Contains(t, b.String(), "this command's share is unknown")

	tiny := tinyRun()
	tiny.Warnings = append(tiny.Warnings, footprint.Warning{Code: footprint.NotRecorded, Text: "no space left"})
	b.Reset()
	require.NoError(t, report.Text(&b, tiny))
	assert.Contains(t, b.String(), "  warning  no space left\n")
}

// A number and its unit stay on one line.
func TestANumberKeepsItsUnit(t *testing.T) {
	var p layout.Page
	p.Note(strings.Repeat("12 mg, 7 %; 3 s ", 40))
	var b bytes.Buffer
	_, err := p.WriteTo(&b)
	require.NoError(t, err)
	assert.NotRegexp(t, `(?m)\d$`, b.String())
	assert.NotRegexp(t, `(?m)^\s*(mg|%|s)`, b.String())
	assert.NotContains(t, b.String(), "\u00a0")
}

// A path is shown from the user's home, and one that is too long has a line of its own.
func TestSaved(t *testing.T) {
	r := footprint.Report{Ledger: &footprint.Receipt{Path: "/home/ada/.local/state/carbonctl/ledger.csv", Rows: 2600}}
	for _, c := range []struct {
		screen report.Screen
		want   string
	}{
		{report.Screen{}, "  saved    /home/ada/.local/state/carbonctl/ledger.csv row 2,600\n  more     carbonctl report show last\n"},
		{report.Screen{Home: "/home/ada/", Width: 100}, "  saved    ~/.local/state/carbonctl/ledger.csv row 2,600   more: carbonctl report show last\n"},
		{report.Screen{Home: "/home/ad"}, "  saved    /home/ada/.local/state/carbonctl/ledger.csv row 2,600\n  more     carbonctl report show last\n"},
		{report.Screen{Home: "/home/ada/.local/state/carbonctl"}, "  saved    ~/ledger.csv row 2,600   more: carbonctl report show last\n"},
	} {
		var b strings.Builder
		require.NoError(t, report.Run{Report: r}.Result(&b, c.screen))
		assert.Contains(t, b.String(), c.want)
	}
}
