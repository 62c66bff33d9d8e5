package integration

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
)

// recorded gives the status and the exit code of the rows of a ledger by the number in
// their label n.
func recorded(d desk, name string) map[int][]string {
	lines, err := csv.NewReader(strings.NewReader(d.read(name))).ReadAll()
	require.NoError(d, err)
	all := map[int][]string{}
	for _, line := range lines[1:] {
		cell := func(column string) string { return line[slices.Index(lines[0], column)] }
		var labels struct {
			N int `json:"n,string"`
		}
		require.NoError(d, json.Unmarshal([]byte(cell("labels")), &labels))
		all[labels.N] = append(all[labels.N], cell("status")+" "+cell("exit_code"))
	}
	return all
}

// TestManyAtOnce starts 200 runs of one ledger together. However late each is, none is
// lost, none is there twice, and each row has the status that its command ended with. How
// long they took to return, and who made their rows, is logged: docs/reliability.md has
// what came of it.
func TestManyAtOnce(t *testing.T) {
	const n = 200
	d := newDesk(t)
	late := make([]time.Duration, n)
	var all sync.WaitGroup
	for i := range n {
		end := d.at(fmt.Sprintf("end-%d", i))
		cmd := d.command("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "l.csv", "--label", fmt.Sprintf("n=%d", i), "--",
			"sh", "-c", fmt.Sprintf("sleep 1; date +%%s%%N >%s; exit %d", end, i%3))
		all.Go(func() {
			_ = cmd.Run() // its exit code is looked at
			back := time.Now()
			assert.Equal(t, i%3, cmd.ProcessState.ExitCode())
			b, err := os.ReadFile(end)
			assert.NoError(t, err)
			ns, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
			assert.NoError(t, err)
			late[i] = back.Sub(time.Unix(0, ns))
		})
	}
	all.Wait()
	slices.Sort(late)
	t.Logf("from the command's end to wrap's return: p50 %v, p99 %v, most %v", late[n/2], late[n*99/100], late[n-1])
	before := d.read("l.csv")
	added, byOthers := strings.Count(before, "\n")-1, strings.Count(before, "recovered_at")
	t.Logf("rows of %d: %d by their own runs, %d by others meanwhile, %d left to report", n, added-byOthers, byOthers, n-added)
	_, messages, code := d.try("", "carbonctl", "report", "l.csv")
	require.Zero(t, code, messages)
	assert.NotContains(t, messages, "killed")
	rows := recorded(d, "l.csv")
	for i := range n {
		want := fmt.Sprint(footprint.Failed, " ", i%3)
		if i%3 == 0 {
			want = fmt.Sprint(footprint.Completed, " ", 0)
		}
		assert.Equal(t, []string{want}, rows[i], "run %d", i)
	}
	out, messages, code := d.try("", "carbonctl", "verify", "l.csv")
	assert.Zero(t, code, out+messages)
}

// TestKilledEarly kills runs in their first tenth of a second. Whatever had a journal by
// then has a row, once; how soon that is is logged.
func TestKilledEarly(t *testing.T) {
	const n = 100
	d := newDesk(t)
	had := make([]bool, n)
	after := make([]time.Duration, n)
	for i := range n {
		cmd := d.command("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "l.csv", "--label", fmt.Sprintf("n=%d", i), "--", "sleep", "0.5")
		require.NoError(t, cmd.Start())
		start := time.Now()
		time.Sleep(time.Duration(i+1) * time.Millisecond) // what is measured is time
		slots, err := filepath.Glob(d.at("l.csv.d/*.journal.1"))
		require.NoError(t, err)
		for _, slot := range slots {
			b, _ := os.ReadFile(slot)
			had[i] = had[i] || strings.Contains(string(b), fmt.Sprintf(`"n":"%d"`, i))
		}
		require.NoError(t, cmd.Process.Kill())
		after[i] = time.Since(start)
		_ = cmd.Wait() // it was killed
	}
	_, messages, code := d.try("", "carbonctl", "report", "l.csv")
	require.Zero(t, code, messages)
	rows := recorded(d, "l.csv")
	lost := 0
	for i := range n {
		assert.LessOrEqual(t, len(rows[i]), 1, "run %d is there twice", i)
		if len(rows[i]) == 0 {
			assert.False(t, had[i], "run %d is lost, killed after %v", i, after[i])
			lost++
			t.Logf("killed after %v, without a journal", after[i])
		}
	}
	assert.Less(t, lost, n/2)
}

// TestTheMessageOutlivesAKill kills runs about when they end. Whoever has the row of a run
// that reached its budget has, or has had, its message too.
func TestTheMessageOutlivesAKill(t *testing.T) {
	const n = 60
	d := newDesk(t)
	var mu sync.Mutex
	sent := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			Run string `json:"run_id"`
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&m))
		mu.Lock()
		defer mu.Unlock()
		sent[m.Run]++
	}))
	defer server.Close()
	for i := range n {
		cmd := d.command("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "l.csv", "--budget", "1ms", "--on-budget", "webhook:"+server.URL, "--", "sleep", "0.05")
		require.NoError(t, cmd.Start())
		time.Sleep(50*time.Millisecond + time.Duration(i%30)*time.Millisecond) // what is tried is time
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	}
	_, messages, code := d.try("", "carbonctl", "report", "l.csv")
	require.Zero(t, code, messages)
	lines, err := csv.NewReader(strings.NewReader(d.read("l.csv"))).ReadAll()
	require.NoError(t, err)
	var reached []string
	for _, line := range lines[1:] {
		if strings.Contains(line[slices.Index(lines[0], "warnings")], footprint.BudgetReached) {
			reached = append(reached, line[slices.Index(lines[0], "run_id")])
		}
	}
	t.Logf("%d runs, %d of them knew that the budget was reached", len(lines)-1, len(reached))
	assert.NotEmpty(t, reached)
	assert.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return !slices.ContainsFunc(reached, func(id string) bool { return sent[id] == 0 })
	}, 10*time.Second, 10*time.Millisecond)
	t.Logf("messages: %v", len(sent))
}
