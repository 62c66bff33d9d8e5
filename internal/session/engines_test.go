//go:build unix

package session_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/engine"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/ledger"
)

// An engine that answers once and hangs then keeps nobody: the run ends in time, is
// recorded, and what was counted is a lower bound.
func TestAnEngineThatHangsKeepsNobody(t *testing.T) {
	var asked atomic.Int32
	quit := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) > 1 {
			<-quit
		}
		_, _ = io.WriteString(w, "vllm:generation_tokens_total 5\n")
	}))
	defer server.Close()
	defer close(quit)
	target, err := engine.ParseTarget("vllm=" + server.URL)
	require.NoError(t, err)
	path := tempDir(t) + "/l.csv"
	begin := time.Now()
	result := run(t, session.Options{
		Tracker: metered(nil), Ledger: session.Ledger{Path: path}, Engines: []engine.Target{target}, Slack: 2 * time.Second,
	}, "sleep 0.3")
	assert.Less(t, time.Since(begin), inTime)
	r := result.Report
	assert.Equal(t, footprint.Completed, r.Status)
	require.Len(t, r.Work, 1)
	assert.Zero(t, r.Work[0].Count)
	assert.Equal(t, footprint.CountLower, r.Work[0].Bound)
	assert.True(t, slices.ContainsFunc(r.Warnings, func(w footprint.Warning) bool { return w.Code == footprint.WorkPartial }))
	gone(t, path)
	_, err = ledger.Writer{Path: path}.Recover(t.Context()) // what has no row in time, as after a wait for all of the slack
	require.NoError(t, err)
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	n := 0
	for row, err := range ledger.Read(f, path) {
		require.NoError(t, err)
		n++
		assert.Equal(t, `{"output_token":0}`, row.Work)
		assert.Contains(t, row.Details, `"work_lower":["output_token"]`)
	}
	assert.Equal(t, 1, n)
}
