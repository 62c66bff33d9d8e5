package integration

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kills is how often a process that is tracked, or its tracker, is killed.
const kills = 200

// Whoever is killed, and whenever: each run that has said hello has one row, with its
// counts where the tracker lived, and no tracker is left behind.
func TestKillsWhileAttached(t *testing.T) {
	d := newDesk(t)
	file := d.at("l.csv")
	var runs, whole []string // by their IDs; those whose tracker has lived
	for i := range kills {
		work := exec.Command("sleep", "60")
		require.NoError(t, work.Start())
		helper := d.command("carbonctl", "attach", "--control", "--region", "FR", "--ledger", file, fmt.Sprint(work.Process.Pid))
		requests, err := helper.StdinPipe()
		require.NoError(t, err)
		answers, err := helper.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, helper.Start())
		lines := bufio.NewReader(answers)
		first, err := lines.ReadBytes('\n')
		require.NoError(t, err)
		var hello struct {
			ID string `json:"run_id"`
		}
		require.NoError(t, json.Unmarshal(first, &hello))
		runs = append(runs, hello.ID)
		_, _ = io.WriteString(requests, `{"op":"count","unit":"step","n":3}`+"\n")
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		if i%2 == 0 { // the process, or both at the same time
			require.NoError(t, work.Process.Kill())
			whole = append(whole, hello.ID)
			last := ""
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					break
				}
				last = line
			}
			assert.Contains(t, last, `"why":"process-ended"`)
			require.NoError(t, helper.Wait())
		} else {
			require.NoError(t, helper.Process.Kill())
			if i%4 == 1 {
				require.NoError(t, work.Process.Kill())
			}
			_ = helper.Wait()
			require.NoError(t, syscall.Kill(work.Process.Pid, 0), "the process goes on, or waits for its parent")
			_ = work.Process.Kill()
		}
		_ = work.Wait()
	}
	d.run("carbonctl", "report", file)
	seen := map[string]string{}
	table, err := csv.NewReader(strings.NewReader(d.read("l.csv"))).ReadAll()
	require.NoError(t, err)
	id, status := slices.Index(table[0], "run_id"), slices.Index(table[0], "status")
	for _, row := range table[1:] {
		assert.Empty(t, seen[row[id]], "a row twice")
		seen[row[id]] = row[status]
	}
	assert.Equal(t, kills, len(seen))
	for _, id := range runs {
		assert.NotEmpty(t, seen[id], "the row of %s is lost", id)
	}
	for _, id := range whole {
		assert.Equal(t, "completed", seen[id])
	}
	all, err := os.ReadDir(file + ".d")
	require.NoError(t, err)
	for _, f := range all {
		assert.NotContains(t, f.Name(), ".journal.", "nothing is left to recover")
	}
	left, err := exec.Command("ps", "-eo", "args").Output()
	require.NoError(t, err)
	assert.False(t, strings.Contains(string(left), file), "a tracker is left behind")
	d.run("carbonctl", "verify", file)
}
