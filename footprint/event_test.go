package footprint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// What a follower reads, line by line: testdata/events.jsonl.
func TestEvents(t *testing.T) {
	a := footprint.Account{Run: footprint.Run{
		ID: "0198c0de-0000-7000-8000-000000000000", Project: "night", Labels: map[string]string{"model": "big"}, Epochs: 3,
		Budget: &footprint.Budget{Limit: "300J", Energy: 300 * energy.Joule, Action: "stop"},
	}}
	var b bytes.Buffer
	w := footprint.NewEventWriter(&b)
	for _, s := range []footprint.Sample{
		marked(at(0, joules(pkg, 0)), epoch(footprint.EpochStart)),
		at(1, joules(pkg, 10)), // nothing happens
		marked(at(5, joules(pkg, 50)), task(footprint.TaskStart, "validate")),
		marked(at(10, joules(pkg, 100)), task(footprint.TaskEnd, "validate"), epoch(footprint.EpochEnd), epoch(footprint.EpochStart)),
		marked(at(20, joules(pkg, 210)), epoch(footprint.EpochEnd), epoch(footprint.EpochStart)),
		at(29, joules(pkg, 310)),
		marked(at(30, joules(pkg, 320)), epoch(footprint.EpochEnd)),
		at(31, joules(pkg, 330)),
	} {
		a.Add(s)
		for _, e := range a.Events() {
			require.NoError(t, w.Write(e))
		}
	}
	code := 143
	a.End = footprint.End{Status: footprint.Interrupted, ExitCode: &code}
	r := a.Report()
	require.NoError(t, w.Write(r.Ending()))
	const golden = "testdata/events.jsonl"
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())

	// An epoch is the same there as in the report, and the end is the run.
	var kinds []footprint.EventKind
	var epochs []footprint.Epoch
	last := time.Time{}
	for line := range bytes.Lines(b.Bytes()) {
		var e footprint.Event
		require.NoError(t, json.Unmarshal(line, &e))
		kinds = append(kinds, e.Event)
		if e.Epoch != nil {
			epochs = append(epochs, *e.Epoch)
		}
		assert.False(t, e.At.Before(last))
		last = e.At
		if e.Event == footprint.EventEnd {
			assert.Equal(t, r.Energy, e.SoFar.Energy)
			assert.Equal(t, r.DurationS, e.SoFar.DurationS)
		}
	}
	assert.Equal(t, r.Epochs, epochs)
	assert.Equal(t, []footprint.EventKind{
		"start", "task", "epoch", "prediction", "epoch", "prediction", "budget", "epoch", "prediction", "end",
	}, kinds)
}

func TestEventsThatCanNotBeWritten(t *testing.T) {
	full := errors.New("the disk is full")
	err := footprint.NewEventWriter(refuses{full}).Write(footprint.Event{})
	assert.ErrorIs(t, err, full)
}

type refuses struct{ error }

func (r refuses) Write([]byte) (int, error) { return 0, r.error }
