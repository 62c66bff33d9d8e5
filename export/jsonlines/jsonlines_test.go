package jsonlines

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

var _ carbon.EventSink = (*Sink)(nil)

var start = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

func epoch(i int) footprint.Epoch {
	return footprint.Epoch{Index: i, Stretch: footprint.Stretch{
		StartedAt: start.Add(time.Duration(i-1) * time.Second), DurationS: 2, Ended: true, Coverage: 1,
		Energy: 1234567 + energy.Energy(i)*energy.Joule, Emissions: 0.00125,
	}}
}

func report(epochs int) footprint.Report {
	r := (&footprint.Account{}).Report()
	r.RunID, r.Project, r.Status = "run-1", "night", footprint.Completed
	r.StartedAt, r.EndedAt, r.DurationS, r.Coverage = start, start.Add(9*time.Second), 9, 1
	high := 3600 * energy.Joule
	r.Energy, r.EnergyLow, r.EnergyHigh, r.Emissions = 1800*energy.Joule, 1700*energy.Joule, &high, 0.01406012345
	r.EmissionsHigh = nil
	r.Labels = map[string]string{"a": "two\nlines"}
	e := 1800 * energy.Joule
	r.Components = []footprint.Line{{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Energy: &e, Charged: e}, {Kind: energy.GPU, ID: "dead"}}
	for i := range epochs {
		r.Epochs = append(r.Epochs, epoch(i+1))
	}
	return r
}

// lines checks that each line is one object with a time.
func lines(t *testing.T, b string) (all []map[string]any) {
	t.Helper()
	require.True(t, strings.HasSuffix(b, "\n"))
	for line := range strings.Lines(b) {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		assert.Less(t, len(line), 16<<10, "Docker cuts longer ones")
		all = append(all, o)
	}
	return all
}

func event(i int) footprint.Event {
	e := epoch(i)
	return footprint.Event{Event: footprint.EventEpoch, At: ended(e.Stretch), RunID: "run-1", Epoch: &e, SoFar: footprint.SoFar{Energy: energy.Joule}}
}

func TestNested(t *testing.T) {
	var b bytes.Buffer
	s := New(&b, Nested)
	require.NoError(t, s.Event(footprint.Event{Event: footprint.EventStart, Schema: footprint.EventSchema, At: start, RunID: "run-1", Project: "night", Zone: "FR"}))
	require.NoError(t, s.Event(event(1)))
	require.NoError(t, s.Event(event(1)), "once")
	require.NoError(t, s.Event(footprint.Event{Event: footprint.EventTask, At: start, RunID: "run-1", Task: &footprint.Task{Name: "validate"}}))
	require.NoError(t, s.Event(footprint.Event{Event: footprint.EventEnd, At: start, RunID: "run-1"}))
	require.NoError(t, s.Report(t.Context(), report(3)))
	require.NoError(t, s.Report(t.Context(), report(3)), "once")
	all := lines(t, b.String())
	var events []string
	for _, o := range all {
		events = append(events, o["event"].(string))
		_, err := time.Parse(time.RFC3339, o["time"].(string))
		require.NoError(t, err)
		assert.Equal(t, "run-1", o["run_id"])
		assert.NotEmpty(t, o["message"])
	}
	assert.Equal(t, []string{"start", "epoch", "task", "epoch", "epoch", "end"}, events)
	totals := all[5]["totals"].(map[string]any)
	assert.Equal(t, 1800.0, totals["energy_joules"])
	assert.Equal(t, 0.01406012345, totals["emissions_g"])
	high, there := totals["emissions_high_g"]
	assert.True(t, there && high == nil, "unknown is null")
	assert.Equal(t, 2.234567, all[1]["epoch"].(map[string]any)["energy_joules"])
	assert.Equal(t, 3.0, all[3]["epoch"].(map[string]any)["index"].(float64)+1)
}

func TestFlat(t *testing.T) {
	var b bytes.Buffer
	s := New(&b, Flat)
	require.NoError(t, s.Event(footprint.Event{Event: footprint.EventStart, RunID: "run-1"}))
	require.NoError(t, s.Event(event(2)))
	require.NoError(t, s.Report(t.Context(), report(2)))
	assert.Equal(t, `{"epoch":2,"energy_wh":0.0008984908333333334,"energy_joules":3.234567,"emissions_g":0.00125,"duration_s":2,"power_w":1.6172835}
{"epoch":1,"energy_wh":0.0006207130555555555,"energy_joules":2.234567,"emissions_g":0.00125,"duration_s":2,"power_w":1.1172835}
{"total_energy_wh":0.5,"total_energy_joules":1800,"total_energy_low_joules":1700,"total_energy_high_joules":3600,"total_emissions_g":0.01406012345,"total_duration_s":9,"coverage":1,"status":"completed","run_id":"run-1"}
`, b.String())
	for _, o := range lines(t, b.String()) {
		for k, v := range o {
			switch v.(type) {
			case float64, string:
			default:
				t.Errorf("%s: %v is not flat", k, v)
			}
		}
	}
}

// TestWorkAndResults: what was done and what the program told of an epoch stand beside the energy.
func TestWorkAndResults(t *testing.T) {
	r := report(1)
	r.Epochs[0].Metrics = map[string]float64{"loss": 0.25, "energy_joules": 7}
	r.Work = []footprint.Work{
		{Unit: "output_token", How: footprint.ByCounter, Count: 3600, Energy: new(0.5), Emissions: new(1e-6), Cost: new(2e-7)},
		{Unit: "output_token", How: footprint.ByEvent, Count: 3000}, {Unit: "request"},
	}
	var b bytes.Buffer
	require.NoError(t, New(&b, Flat).Report(t.Context(), r))
	all := lines(t, b.String())
	assert.Equal(t, 0.25, all[0]["loss"])
	assert.Equal(t, 2.234567, all[0]["energy_joules"], "ours")
	for key, want := range map[string]any{
		"work_output_token": 3600.0, "energy_joules_per_output_token": 0.5, "emissions_g_per_output_token": 1e-6, "cost_per_output_token": 2e-7,
		"work_request": 0.0, "energy_joules_per_request": nil, "total_energy_joules": 1800.0,
	} {
		assert.Equal(t, want, all[1][key], key)
	}
	b.Reset()
	require.NoError(t, New(&b, Nested).Report(t.Context(), r))
	all = lines(t, b.String())
	assert.Equal(t, 0.25, all[0]["epoch"].(map[string]any)["metrics"].(map[string]any)["loss"])
	work := all[1]["work"].([]any)
	assert.Len(t, work, 3)
	assert.Equal(t, 0.5, work[0].(map[string]any)["energy_joules_per_unit"])
}

func TestUnknownIsLeftOut(t *testing.T) {
	var b bytes.Buffer
	r := report(1)
	r.Energy, r.Emissions, r.MeasuredShare = 0, 0, nil
	r.Epochs[0].Energy, r.Epochs[0].Coverage, r.Epochs[0].Emissions = 0, 0, 0
	require.NoError(t, New(&b, Flat).Report(t.Context(), r))
	assert.NotContains(t, b.String(), "energy")
	assert.NotContains(t, b.String(), "emissions")
	b.Reset()
	require.NoError(t, New(&b, Nested).Report(t.Context(), r))
	assert.Contains(t, b.String(), `"energy_joules":null,"energy_low_joules":null`)
}

// full is a disk that becomes full.
type full struct {
	bytes.Buffer
	room int
}

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	f.Buffer.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func TestAFullDisk(t *testing.T) {
	f := &full{}
	s := New(f, Flat)
	require.ErrorIs(t, s.Event(event(1)), syscall.ENOSPC)
	f.room = 1 << 20
	require.NoError(t, s.Report(t.Context(), report(1)))
	assert.Len(t, lines(t, f.String()), 2, "what was not written comes at the end")

	f = &full{room: 10}
	s = New(f, Flat)
	require.ErrorIs(t, s.Event(event(1)), syscall.ENOSPC)
	f.room = 1 << 20
	require.ErrorContains(t, s.Report(t.Context(), report(1)), "a line was written in part")
	assert.Equal(t, 10, f.Len(), "nothing follows half a line")
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, File(path, Flat).Report(t.Context(), report(0)))
	require.NoError(t, os.Rename(path, path+".1")) // rotated
	s := File(path, Flat)
	require.NoError(t, s.Event(event(1)))
	require.NoError(t, s.Report(t.Context(), report(1)))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Len(t, lines(t, string(b)), 2)
	require.Error(t, File(filepath.Join(path, "x"), Flat).Report(t.Context(), report(0)))
	for in, want := range map[string]Form{"": Nested, "nested": Nested, "flat": Flat} {
		got, err := ParseForm(in)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err = ParseForm("xml")
	require.ErrorContains(t, err, `invalid form "xml": use nested or flat`)
	assert.False(t, errors.Is(err, os.ErrNotExist))
}
