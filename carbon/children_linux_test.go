package carbon

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A child is charged as it runs, and once: what it used is there before it has
// ended, and its end changes nothing.
func TestChildrenAsTheyRun(t *testing.T) {
	s := newSelf()
	defer s.close()
	before := s.used(time.Now(), true)
	require.True(t, before.KnowsCPU)

	cmd := exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; echo done; read wait")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 5))
	require.NoError(t, err)

	own, _ := processCPU()
	s.next = time.Time{}
	running := s.used(time.Now(), true)
	require.True(t, running.KnowsCPU)
	assert.Positive(t, s.live.RSS)
	hidden := s.used(time.Now(), false)
	assert.False(t, hidden.KnowsCPU, "a look costs too much just now")

	require.NoError(t, in.Close())
	_ = cmd.Wait() // sh says 1 at the end of its input
	child := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	ended := s.used(time.Now(), false)
	require.True(t, ended.KnowsCPU, "there is no child any more")
	now, _ := processCPU()

	t.Logf("the child used %v; told %v as it ran and %v in the end, of which we are %v", child, running.CPU-before.CPU, ended.CPU-before.CPU, now-own)
	assert.Greater(t, child, 20*time.Millisecond)
	assert.InDelta(t, child.Seconds(), (running.CPU - before.CPU).Seconds(), 0.02)
	assert.GreaterOrEqual(t, running.CPU+running.CPUEdge, before.CPU+child-5*time.Millisecond)
	assert.InDelta(t, 0, (ended.CPU - running.CPU - (now - own)).Seconds(), 0.005, "nothing twice, nothing lost")
}
