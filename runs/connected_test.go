package runs

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A machine that is never idle, such as a build server, has months of runs that are one
// cluster. What settling allocates stays near what its rows, uses and steps need.
func TestMonthsOfConnectedRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 1))
	pattern := random(r, 50)
	var g Groups
	const rows = 20_000
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		row := pattern[i%len(pattern)]
		row.RunID, row.Machine, row.Host, row.Warnings = fmt.Sprint("run-", i), "one", "", ""
		row.StartedAt.Time = start.Add(time.Duration(i) * 10 * time.Second)
		row.EndedAt.Time = row.StartedAt.Add(time.Duration(40+r.IntN(80)) * time.Second)
		g.Add(row)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	g.Settle()
	runtime.ReadMemStats(&after)
	require.Positive(t, g.Total.Shared)
	each := (after.TotalAlloc - before.TotalAlloc) / rows
	t.Logf("%d bytes a row", each)
	assert.Less(t, each, uint64(1300))
}
