package carbon

import (
	"fmt"
	"os/exec"
	"strings"
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

// How far the CPU time of children is off while they run, against what the kernel
// says of them when they have ended: rows of docs/reliability.md.
func TestReliabilityOfChildren(t *testing.T) {
	const spin = "i=0; while [ $i -lt %d ]; do i=$((i+1)); done; "
	busy := fmt.Sprintf(spin, 60_000)
	short := fmt.Sprintf(spin, 500)
	for _, tt := range []struct{ name, script string }{
		{"a shell that is busy", busy},
		{"20 short programs, one after the other", "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sh -c '" + short + "'; done; "},
		{"a busy program of a shell's own", "sh -c '" + busy + "echo; read wait' & "},
	} {
		s := newSelf()
		cmd := exec.Command("/bin/sh", "-c", tt.script+"echo; read wait; wait")
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		before := s.used(time.Now(), true)
		own, _ := processCPU()
		require.NoError(t, cmd.Start())
		for n := 0; n < 1+strings.Count(tt.script, "echo"); {
			k, err := out.Read(make([]byte, 5))
			require.NoError(t, err)
			n += k
		}
		s.next = time.Time{}
		running := s.used(time.Now(), true)
		ours, _ := processCPU()
		require.NoError(t, in.Close())
		_ = cmd.Wait()
		s.close()
		truth := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		told := running.CPU - before.CPU - (ours - own)
		t.Logf("| %s | %v | %+.1f ms | ± %v |", tt.name, truth.Round(time.Millisecond), (told-truth).Seconds()*1000, running.CPUEdge-before.CPUEdge)
		assert.LessOrEqual(t, (told - truth).Abs(), running.CPUEdge+before.CPUEdge+5*time.Millisecond, "%s: its end costs some more", tt.name)
	}
}
