package page_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// The page of a team is written while somebody waits for it: the rows are added, then it is
// drawn.
func BenchmarkTeamPage(b *testing.B) {
	year := teamRows(12)
	for _, n := range []int{1, 1000, 100_000} {
		rows := make([]runs.Row, n)
		for i := range rows {
			rows[i] = year[i%len(year)]
			rows[i].RunID = fmt.Sprintf("01a2253c-77a1-7e02-8e10-%012x", i)
			rows[i].StartedAt.Time = rows[i].StartedAt.AddDate(0, -(i / len(year)), 0)
		}
		var t page.Team
		b.Run(fmt.Sprintf("add/%d", n), func(b *testing.B) {
			for b.Loop() {
				t = team(b, rows, nil)
			}
		})
		b.Run(fmt.Sprintf("write/%d", n), func(b *testing.B) {
			var w bytes.Buffer
			for b.Loop() {
				w.Reset()
				require.NoError(b, t.Write(&w, "html"))
			}
			b.ReportMetric(float64(w.Len())/1e3, "kB/page")
		})
	}
}
