package runs

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the table of docs/overlaps.md; read the difference")

// TestOverlapsPage counts runs of which the truth is known, and holds the page to
// what comes out.
func TestOverlapsPage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	c := counter{}
	for _, name := range []string{"cpu0", "memory0", "gpu0", "gpu1"} {
		for range 700 {
			c[name] = append(c[name], 20+100*r.Float64())
		}
	}
	run := func(from, to float64, part float64, components ...string) Row {
		return c.run(r, fmt.Sprint(r.Uint64()), from, to, part, components...)
	}
	host := []string{"cpu0", "memory0"}
	many := func(n int, at func(i int) (from, to float64)) (rows []Row) {
		for i := range n {
			from, to := at(i)
			rows = append(rows, run(from, to, 0.5/float64(n), host...))
		}
		return rows
	}
	both := func(from, to float64) float64 { return c.joules("cpu0", from, to) + c.joules("memory0", from, to) }
	var b strings.Builder
	b.WriteString("| runs | truth | sum of the rows | counted | bounds | overlap |\n|---|--:|--:|--:|--:|--:|\n")
	for _, v := range []struct {
		name  string
		truth float64
		rows  []Row
	}{
		{"2 for 300 s", both(10, 310), many(2, func(int) (float64, float64) { return 10, 310 })},
		{"8 for 300 s", both(10, 310), many(8, func(int) (float64, float64) { return 10, 310 })},
		{"200 for 300 s", both(10, 310), many(200, func(int) (float64, float64) { return 10, 310 })},
		{"8, each 0.1 s after the one before", both(10, 310.7), many(8, func(i int) (float64, float64) { return 10 + float64(i)/10, 310 + float64(i)/10 })},
		{"8 in a chain, each over half of the next", both(10, 460), many(8, func(i int) (float64, float64) { return 10 + 50*float64(i), 110 + 50*float64(i) })},
		{"one of 60 s inside one of 300 s", both(10, 310), []Row{run(10, 310, 0.2, host...), run(100, 160, 0.2, host...)}},
		{"4 ranks, rank 0 ends after a third", both(10, 313), []Row{
			run(10, 110, 0.2, host...), run(10, 311, 0.2, host...), run(11, 312, 0.2, host...), run(11, 313, 0.2, host...)}},
		{"2 with a GPU each", both(10, 310) + c.joules("gpu0", 10, 310) + c.joules("gpu1", 10, 310), []Row{
			run(10, 310, -1, "cpu0", "memory0", "gpu0"), run(10, 310, -1, "cpu0", "memory0", "gpu1")}},
		{"one that is charged its work, inside one that is charged the machine", both(10, 310), []Row{
			run(10, 310, 0.2, host...), asProcess(run(100, 160, 0.4, host...))}},
		{"2, one after the other", both(10, 310), []Row{run(10, 100, 0.2, host...), run(100, 310, 0.2, host...)}},
	} {
		total := sumOf(v.rows...).Total
		sum := 0.0
		for _, row := range v.rows {
			sum += row.Energy.Joules()
		}
		kilo := func(j float64) string { return fmt.Sprintf("%.3f kJ", j/1000) }
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s to %s | %s |\n", v.name, kilo(v.truth), kilo(sum), kilo(total.Energy.Joules()),
			kilo(total.Low.Joules()), kilo(total.High.Joules()), kilo(total.Overlap.Joules()))
		assert.LessOrEqual(t, total.Low.Joules(), v.truth, v.name)
		assert.GreaterOrEqual(t, total.High.Joules(), v.truth, v.name)
		assert.InEpsilon(t, v.truth, total.Energy.Joules(), 0.05, v.name)
		assert.Zero(t, total.Contradicting, v.name)
	}

	const page = "../docs/overlaps.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	const from, to = "<!-- table: go test ./runs -run OverlapsPage -update -->\n", "<!-- end of table -->\n"
	before, rest, ok := strings.Cut(string(text), from)
	require.True(t, ok)
	table, behind, ok := strings.Cut(rest, to)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(before+from+b.String()+to+behind), 0o644))
		return
	}
	assert.Equal(t, b.String(), table, "%s is stale", page)
}
