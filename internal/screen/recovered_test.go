package screen

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/footprint"
)

// Only of a run whose end was not recorded is that said; many runs are not named one by one.
func TestRecovered(t *testing.T) {
	run := func(status footprint.Status, n int) (all []footprint.Report) {
		for i := range n {
			all = append(all, footprint.Report{RunID: "run", Status: status, StartedAt: time.Date(2026, 11, 22, 13, i, 0, 0, time.Local)})
		}
		return all
	}
	assert.Empty(t, Recovered(nil))
	assert.Equal(t, []string{"recovered run run of 2026-11-22 13:00 (0 J, 0 g CO2e): its tracker ended without recording it"}, Recovered(run(footprint.Recovered, 1)))
	assert.Equal(t, []string{"added a run that had ended but not been recorded in time"}, Recovered(run(footprint.Failed, 1)))
	assert.Equal(t, []string{
		"recovered 4 runs, 2026-11-22 13:00 to 2026-11-22 13:03: their trackers ended without recording them",
		"added 50 runs that had ended but not been recorded in time",
	}, Recovered(append(run(footprint.Completed, 50), run(footprint.Recovered, 4)...)))
}
