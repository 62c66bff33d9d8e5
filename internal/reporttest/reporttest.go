// Package reporttest has runs that the tests of reports share, and their golden files.
package reporttest

import (
	"flag"
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
	"github.com/carbonctl/carbonctl/runs"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the difference")

// Golden compares with a file, which -update rewrites.
func Golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

// Row is a run of 12.5 s, half of it measured, that began n minutes past an hour.
func Row(n int) runs.Row {
	start := time.Date(2026, 11, 22, 13, n, 0, 0, time.UTC)
	share := runs.Number(0.5)
	return runs.Row{
		RunID: "id", Project: "demo", Status: footprint.Completed, Zone: "FR", DurationS: 12.5,
		StartedAt: runs.Stamp{Time: start}, EndedAt: runs.Stamp{Time: start.Add(12500 * time.Millisecond)},
		Energy: 1800 * energy.Joule, EnergyLow: new(1500 * energy.Joule), EnergyHigh: new(2500 * energy.Joule),
		Emissions: 20.5, EmissionsLow: new(runs.Number(17)), EmissionsHigh: new(runs.Number(28)), MeasuredShare: &share,
	}
}

// OnGPUs is a training on two GPUs, all measured.
func OnGPUs() footprint.Report {
	line := func(k energy.Kind, name, source string, wh float64) footprint.Line {
		e := energy.WattHour.Scale(wh)
		return footprint.Line{Kind: k, ID: name, Name: name, Source: source, Basis: energy.Measured, Energy: &e, Low: &e, High: &e, Charged: e, Coverage: 1}
	}
	all, year, share := 1.0, 2023, 0.216
	return footprint.Report{
		Status: footprint.Completed, ExitCode: new(int), DurationS: 82, MeasuredShare: &all, Coverage: 1,
		Host:       footprint.Host{CPUModel: "Intel(R) Xeon(R) Platinum 8480+ CPU @ 2.00GHz"},
		Energy:     energy.WattHour.Scale(24.0),
		EnergyLow:  energy.WattHour.Scale(23.96),
		EnergyHigh: new(energy.WattHour.Scale(24.04)), MachineEnergy: energy.WattHour.Scale(24.0),
		ProcessEnergy: new(energy.WattHour.Scale(24 * share)),
		Emissions:     7.05, EmissionsLow: 7.04, EmissionsHigh: new(regions.Grams(7.06)),
		PUE:       footprint.PUE{Value: 1.2, Source: "given"},
		Region:    footprint.Region{Zone: "US-VA", Name: "Virginia"},
		Intensity: footprint.Intensity{PerKWh: 244.8, Year: &year, Scope: regions.Direct, Source: "US EPA, eGRID2023 rev2, total output emission rates (CO2e, AR5)"},
		Components: []footprint.Line{
			line(energy.CPU, "CPU package 0 (powercap)", "rapl", 2.60), line(energy.CPU, "CPU package 1 (powercap)", "rapl", 2.52),
			line(energy.GPU, "NVIDIA H100 80GB HBM3", "nvml", 9.16), line(energy.GPU, "NVIDIA H100 80GB HBM3", "nvml", 9.23),
			line(energy.Memory, "memory of package 0 (powercap)", "rapl", 0.49),
		},
		Warnings: []footprint.Warning{{Code: footprint.IntensityInstead, Text: "that of 2023: no figure is published for US-VA in 2026; only direct emissions are published for US-VA"}},
		Ledger:   &footprint.Receipt{Path: "led/ledger.csv", Rows: 13},
	}
}

// Replay is the run of a trace in testdata/traces.
func Replay(t *testing.T, trace string) footprint.Report {
	t.Helper()
	path := filepath.Join("testdata/traces", trace)
	for range 3 { // a package may lie that deep
		if _, err := os.Stat(path); err == nil {
			break
		}
		path = filepath.Join("..", path)
	}
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	r, err := footprint.Replay(f)
	require.NoError(t, err)
	return r
}

// Full is a report that has all that a report can have, with names that every
// format must keep from running.
func Full(t *testing.T) footprint.Report {
	r := Replay(t, "trouble.jsonl")
	exit, share := 3, 0.62
	e := func(j float64) *energy.Energy { v := energy.Joules(j); return &v }
	embodied, provider, region, within := regions.Grams(1.25), "aws", "eu-central-1", "module-0"
	start := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	r.Project, r.Status, r.ExitCode = Hostile, footprint.Failed, &exit
	r.Labels = map[string]string{"model": "=2+5", "paper|key": `\input{x}`}
	r.StartedAt, r.EndedAt, r.DurationS = start, start.Add(3*time.Hour), 3*3600
	r.Energy, r.EnergyLow, r.EnergyHigh = 9*energy.KilowattHour, 8*energy.KilowattHour, new(11*energy.KilowattHour)
	r.Emissions, r.EmissionsLow, r.EmissionsHigh, r.MeasuredShare, r.Coverage = 3708, 3296, new(regions.Grams(4532)), &share, 0.97
	r.Market = &footprint.Market{PerKWh: 12, Emissions: 135, Source: "own contract <b>"}
	r.Embodied = &embodied
	r.Region.Provider, r.Region.CloudRegion = &provider, &region
	r.Host.GPUs = []string{"NVIDIA H200", "NVIDIA H200"}
	r.Job = &footprint.Job{System: "slurm", ID: "4711"}
	r.Command = []string{"python", "train.py", "--name", "<script>alert(1)</script>"}
	r.Components = append(r.Components,
		footprint.Line{Kind: energy.GPU, ID: "GPU-1", Name: "NVIDIA H200", Source: "nvml", Basis: energy.Measured, Energy: e(2e7), Low: e(1.99e7), High: e(2.01e7), Charged: *e(2e7), Coverage: 1, Status: "ok"},
		footprint.Line{Kind: energy.GPU, ID: "GPU-2", Name: "", Source: "estimate", Basis: energy.Modelled, Energy: e(1.2e7), Low: e(0.8e7), High: e(1.9e7), Charged: *e(1.2e7), Coverage: 0.9, Status: "partial"},
		footprint.Line{Kind: energy.CPU, ID: "grace", Name: "inside the module", Within: &within, Source: "nvml", Basis: energy.Measured, Energy: e(1e6), Coverage: 1, Status: "ok"})
	r.Ledger = &footprint.Receipt{Path: "/data/ada's runs.csv", LedgerID: "01a20400", Rows: 7, Hash: strings.Repeat("ab", 32)}
	return r
}

// Hostile is a name that means something in every format.
const Hostile = "=cmd|' /C calc'!A0 <script>alert(1)</script> \\input{/etc/passwd} $x$ `id` [a](b) @all #1 100%_&~^\"{}\n--> | x"
