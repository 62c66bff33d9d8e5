package runmetrics_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/export/internal/runmetrics"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/exposition"
	"github.com/carbonctl/carbonctl/regions"
)

// run is a run with all that a report may lack or have.
func run() footprint.Report {
	at := time.Date(2026, 11, 22, 13, 0, 0, 500e6, time.UTC)
	return footprint.Report{
		RunID: "0198c0de", Project: "a \"b\"\nc", Labels: map[string]string{"team": "vision", "a-b": "1", "a.b": "2"}, Status: footprint.Running,
		StartedAt: at, EndedAt: at.Add(time.Minute), DurationS: 60, Coverage: 0.75, PUE: footprint.PUE{Value: 1.25},
		Host: footprint.Host{Name: "node-1", Machine: "feed"}, Job: &footprint.Job{System: "slurm", ID: "4711"},
		Region: footprint.Region{Zone: "FR"},
		Intensity: footprint.Intensity{
			PerKWh: 41, Kind: "annual-average", Scope: regions.Lifecycle, Year: new(2025), Source: "Ember", Parts: []footprint.Part{{}},
		},
		Energy: 3500 * energy.Joule, EnergyLow: 3000 * energy.Joule, Emissions: 0.25, EmissionsLow: 0.125,
		Components: []footprint.Line{
			{Kind: energy.CPU, ID: "package-0", Name: "Xeon", Source: "rapl", Basis: energy.Measured, Status: "ok", Energy: new(2000 * energy.Joule), Charged: 2000 * energy.Joule, Emissions: new(regions.Grams(0.1875))},
			{Kind: energy.CPU, ID: "core-0", Source: "rapl", Basis: energy.Measured, Status: "ok", Within: new("package-0"), Energy: new(1500 * energy.Joule)},
			{Kind: energy.Memory, ID: "memory", Source: "estimate", Basis: energy.Modelled, Status: "partial", Energy: new(1500 * energy.Joule), Charged: 1500 * energy.Joule, Emissions: new(regions.Grams(0.0625))},
			{Kind: energy.GPU, ID: "GPU-1", Source: "nvml", Basis: energy.Measured, Status: "lost"},
			{Kind: energy.Platform, ID: "psys", Source: "rapl", Basis: energy.Measured, Status: "ok", Energy: new(9000 * energy.Joule)},
		},
		Work:     []footprint.Work{{Unit: "output_token", Count: 51200, How: "counter", Source: "vllm:generation_tokens"}},
		Warnings: []footprint.Warning{{Code: "meter-lost"}, {Code: "suspended", Count: 3}, {Code: "meter-lost"}},
		Versions: footprint.Versions{Tool: "0.9", Data: "2026-1"},
	}
}

func TestOf(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, exposition.Text.Write(&b, runmetrics.Of(run())))
	var got []string
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "#") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	assert.Equal(t, []string{
		`carbonctl_energy_joules_total{component="cpu",device="package-0",basis="measured"} 2000`,
		`carbonctl_energy_joules_total{component="memory",device="memory",basis="modelled"} 1500`,
		`carbonctl_energy_low_joules 3000`,
		`carbonctl_energy_high_joules +Inf`,
		`carbonctl_emissions_grams_total{component="cpu",device="package-0",basis="measured",scope="lifecycle"} 0.1875`,
		`carbonctl_emissions_grams_total{component="memory",device="memory",basis="modelled",scope="lifecycle"} 0.0625`,
		`carbonctl_emissions_low_grams{scope="lifecycle"} 0.125`,
		`carbonctl_emissions_high_grams{scope="lifecycle"} +Inf`,
		`carbonctl_component_up{component="cpu",device="package-0",basis="measured"} 1`,
		`carbonctl_component_up{component="cpu",device="core-0",basis="measured"} 1`,
		`carbonctl_component_up{component="memory",device="memory",basis="modelled"} 1`,
		`carbonctl_component_up{component="gpu",device="GPU-1",basis="measured"} 0`,
		`carbonctl_component_up{component="platform",device="psys",basis="measured"} 1`,
		`carbonctl_component_info{component="cpu",device="package-0",basis="measured",name="Xeon",source="rapl"} 1`,
		`carbonctl_component_info{component="cpu",device="core-0",basis="measured",name="",source="rapl"} 1`,
		`carbonctl_component_info{component="memory",device="memory",basis="modelled",name="",source="estimate"} 1`,
		`carbonctl_component_info{component="gpu",device="GPU-1",basis="measured",name="",source="nvml"} 1`,
		`carbonctl_component_info{component="platform",device="psys",basis="measured",name="",source="rapl"} 1`,
		`carbonctl_factor_grams_per_kwh{scope="lifecycle"} 41`,
		`carbonctl_factor_info{zone="FR",scope="lifecycle",kind="annual-average",year="2025",source="Ember"} 1`,
		`carbonctl_pue_ratio 1.25`,
		`carbonctl_coverage_ratio 0.75`,
		`carbonctl_run_seconds_total 60`,
		`carbonctl_run_start_time_seconds 1.7953524005e+09`,
		`carbonctl_run_status{status="running"} 1`,
		`carbonctl_work_total{unit="output_token",how="counter",source="vllm:generation_tokens"} 51200`,
		`carbonctl_run_warnings{code="meter-lost"} 2`,
		`carbonctl_run_warnings{code="suspended"} 3`,
		`carbonctl_run_info{run_id="0198c0de",project="a \"b\"\nc",host="node-1",machine="feed",zone="FR",charge="machine",job_id="4711",counted_by="",label_a_b="1",label_team="vision"} 1`,
		`carbonctl_build_info{version="0.9",data="2026-1"} 1`,
	}, got)
}

func TestWhatIsNotKnownHasNoSeries(t *testing.T) {
	r := run()
	r.Components[0].Emissions, r.Components[2].Emissions = nil, nil
	r.Intensity, r.Status, r.Prediction = footprint.Intensity{}, footprint.Failed, &footprint.Prediction{Energy: footprint.Range[energy.Energy]{Expected: 7000 * energy.Joule}}
	byName := map[string][]exposition.Sample{}
	for _, f := range runmetrics.Of(r) {
		byName[f.Name] = f.Samples
	}
	for name, samples := range byName {
		if strings.Contains(name, "emissions") || strings.Contains(name, "factor") {
			assert.Empty(t, samples, name)
		}
	}
	require.Len(t, byName["carbonctl_predicted_energy_joules"], 1)
	assert.InDelta(t, 7000, byName["carbonctl_predicted_energy_joules"][0].Value, 0)
	assert.Len(t, byName["carbonctl_run_end_time_seconds"], 1, "the run has ended")
}

// A run that has yet to begin has used nothing that is known.
func TestBeforeTheStart(t *testing.T) {
	for _, f := range runmetrics.Of(footprint.Report{RunID: "r"}) {
		assert.Empty(t, f.Samples, f.Name)
	}
}

// TestTheContract compares the families with docs/metrics.md, and the names of their
// labels with what they have.
func TestTheContract(t *testing.T) {
	page, err := os.ReadFile("../../../docs/metrics.md")
	require.NoError(t, err)
	of := runmetrics.Of(run())
	for i, f := range runmetrics.All() {
		names := runmetrics.Names(f.Name, run().Labels)
		var shown []string
		for _, n := range names {
			if !strings.HasPrefix(n, "label_") {
				shown = append(shown, n)
			}
		}
		labels := strings.Join(shown, ", ")
		if f.Name == "carbonctl_run" {
			labels += ", `label_…`"
		}
		assert.Contains(t, string(page), strings.TrimSpace("| `"+f.Series()+"` | "+string(f.Kind)+" | "+labels)+" |")
		assert.True(t, f.Unit == "" || strings.HasSuffix(f.Name, "_"+f.Unit), f.Name)
		for _, s := range of[i].Samples {
			var has []string
			for _, l := range s.Labels {
				has = append(has, l.Name)
			}
			assert.Equal(t, names, has, f.Name)
		}
	}
}

// TestLabelSetsAreBounded is a run whose labels would make anything of a store.
func TestLabelSetsAreBounded(t *testing.T) {
	r := run()
	r.Project = strings.Repeat("é", 10_000)
	r.Labels = map[string]string{}
	for i := range 1000 {
		r.Labels[strings.Repeat("k", i+1)] = strings.Repeat("\xff", 500)
	}
	for _, f := range runmetrics.Of(r) {
		for _, s := range f.Samples {
			assert.LessOrEqual(t, len(s.Labels), 24)
			for _, l := range s.Labels {
				assert.LessOrEqual(t, len([]rune(l.Value)), 128)
			}
		}
	}
	assert.Len(t, runmetrics.Names("carbonctl_run", r.Labels), 24)
}
