//go:build unix

package watch_test

import (
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/energy/energytest"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/watch"
)

// mark turns what was seen into what a tracker is told.
func mark(e watch.Event) footprint.Mark {
	return footprint.Mark{Edge: footprint.Edge(e.Edge), Name: e.Name, Index: e.Index, Of: e.Of, Whole: e.Whole}
}

// TestARunIsSeenFromOutside goes from a shell that prints epochs and writes
// events to the report.
func TestARunIsSeenFromOutside(t *testing.T) {
	tracker, err := carbon.New(carbon.Config{Meters: []energy.Meter{&energytest.Meter{}}})
	require.NoError(t, err)
	seen := make(chan struct{}, 8)
	tell := func(e watch.Event) {
		tracker.Mark(mark(e), e.At)
		if e.Edge == watch.EpochStart {
			seen <- struct{}{}
		}
	}
	p, err := watch.Preset("auto")
	require.NoError(t, err)
	m := watch.NewMatcher(p, tell)
	events, err := watch.OpenEvents(t.TempDir(), tell)
	require.NoError(t, err)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	go func() { _, _ = r.WriteTo(discard{}) }()
	out, err := watch.Open(w, nil, m)
	require.NoError(t, err)

	cmd := exec.Command("/bin/sh", "-c", `
		echo "task-start load data" >>"$CARBONCTL_EVENTS"
		echo "task-end load data" >>"$CARBONCTL_EVENTS"
		for i in 1 2 3; do echo "Epoch $i/3"; read go; done`)
	cmd.Env = append(os.Environ(), watch.EnvEvents+"="+events.Path)
	cmd.Stdout = out.Stdout
	on, err := cmd.StdinPipe()
	require.NoError(t, err)
	tracker.Start(t.Context())
	require.NoError(t, cmd.Start())
	out.Started()
	for range 3 { // one line at a time, whoever runs first
		<-seen
		_, err := io.WriteString(on, "go\n")
		require.NoError(t, err)
	}
	require.NoError(t, cmd.Wait())
	assert.False(t, out.Drain(time.Second))
	m.Close(true) // what was printed is searched, and then the run ends
	told := events.Close()
	report, err := tracker.Stop()
	require.NoError(t, err)
	_ = w.Close()

	assert.EqualValues(t, 2, told.Events)
	assert.EqualValues(t, 3, m.Seen().Edges)
	require.Len(t, report.Epochs, 3)
	for i, e := range report.Epochs {
		assert.Equal(t, i+1, e.Index)
		assert.Positive(t, e.DurationS)
		assert.True(t, e.Ended, "the last with the command")
	}
	require.Len(t, report.Tasks, 1)
	assert.Equal(t, "load data", report.Tasks[0].Name)
	require.NotNil(t, report.Prediction)
	assert.Equal(t, 3, report.Prediction.OfEpochs)
	assert.Equal(t, 3, report.Prediction.AfterEpochs)
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
