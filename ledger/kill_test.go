package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// runForever is a process that makes run after run and tells what is on the
// disk, until it is killed.
func runForever(path string) {
	flush, _ := time.ParseDuration(os.Getenv("LEDGER_TEST_FLUSH"))
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	w := &Writer{Path: path, Flush: flush}
	for {
		id := uuid.NewString()
		start := time.Now()
		for range 2 + rand.IntN(3) {
			time.Sleep(w.Every()) // what this process stands for takes time
			e := energy.Energy(time.Since(start))
			fail(w.Checkpoint(soFar(id, e)))
			fmt.Println("safe", id, int64(e))
		}
		r := soFar(id, energy.Energy(time.Since(start)))
		r.Status = footprint.Completed
		fail(w.Report(context.Background(), r))
		fmt.Println("done", id, int64(r.Energy))
	}
}

// ack is the last that a killed process told of a run.
type ack struct {
	done   bool
	energy energy.Energy
}

// killed starts runForever, kills it after some time, and returns what it had
// told by then.
func killed(t *testing.T, path string, flush, after time.Duration) map[string]ack {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "LEDGER_TEST_RUNS="+path, "LEDGER_TEST_FLUSH="+flush.String())
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	require.NoError(t, cmd.Start())
	var kill *time.Timer
	acks := map[string]ack{}
	for s := bufio.NewScanner(out); s.Scan(); {
		if kill == nil { // from the first run on
			kill = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		f := strings.Fields(s.Text())
		if len(f) != 3 || !strings.HasSuffix(s.Text(), f[2]) {
			continue
		}
		n, err := strconv.ParseInt(f[2], 10, 64)
		assert.NoError(t, err)
		acks[f[1]] = ack{f[0] == "done", energy.Energy(n)}
	}
	_ = cmd.Wait() // it was killed
	assert.Empty(t, complaints.String())
	return acks
}

// 200 processes are killed at random moments, at times several that write to one
// ledger. Whatever a process had been told to be safe is in the ledger
// afterwards, each run once, so that no more is lost than what came after the
// last checkpoint; and recovering goes on at the same time.
func TestKill(t *testing.T) {
	const kills, workers = 200, 4
	path := newPath(t)
	var mu sync.Mutex
	told := map[string]ack{}
	var all sync.WaitGroup
	met := 0 // kills that met a run that went on: how many do depends on the machine
	for round := uint64(0); round < 3 && met <= kills/4; round++ {
		for worker := range workers {
			all.Go(func() {
				r := rand.New(rand.NewPCG(1+round, uint64(worker)))
				for i := range kills / workers {
					flush, most := time.Duration(0), 30
					if i%5 == 0 {
						flush, most = 50*time.Millisecond, 200
					}
					acks := killed(t, path, flush, time.Duration(r.IntN(most*1000))*time.Microsecond)
					added, err := Writer{Path: path}.Recover(t.Context())
					assert.NoError(t, err)
					mu.Lock()
					met += len(added)
					for id, a := range acks {
						told[id] = a
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
	}
	_, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, journals(t, path))

	recovered := 0
	found := map[string]bool{}
	for row, err := range Read(strings.NewReader(contents(t, path)), path) {
		if torn := errors.Is(err, ErrTorn); torn {
			continue // the last process was killed while it wrote
		}
		require.NoError(t, err)
		require.False(t, found[row.RunID], "run %s is there twice", row.RunID)
		found[row.RunID] = true
		if row.Status == footprint.Recovered {
			recovered++
		}
		a := told[row.RunID]
		assert.GreaterOrEqual(t, row.Energy, a.energy, "less than was safe")
		if a.done {
			assert.Equal(t, footprint.Completed, row.Status)
			assert.Equal(t, a.energy, row.Energy)
		}
	}
	for id := range told {
		assert.True(t, found[id], "run %s is lost", id)
	}
	assert.Greater(t, recovered, kills/4)
	result, err := Verify(strings.NewReader(contents(t, path)))
	require.NoError(t, err)
	if !result.OK() {
		assert.Equal(t, Torn, result.Findings[0].Kind)
	}
	t.Logf("at least %d kills, %d runs, %d recovered", kills, len(found), recovered)
}
