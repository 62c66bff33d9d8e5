package session

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// What an idle command uses is known at each reading, and costs no look.
func TestTreeOfAnIdleCommand(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	}()
	procs, err := proc.OwnTree()
	require.NoError(t, err)
	tree := newTree(procs)
	procs.Skip(func(pid int) bool { return pid != cmd.Process.Pid }) // what other tests have started may still end
	var looked time.Time
	var live child.Live
	for known := false; !known || looked != tree.looked; { // until cat waits for its input
		looked = tree.looked
		tree.next = looked.Add(25 * time.Millisecond) // by then the clocks have settled
		live, known = tree.below(0)
	}
	assert.Equal(t, 1, live.Processes)
	assert.Positive(t, live.CPU)
	assert.Positive(t, live.RSS)
	assert.Equal(t, 10*time.Millisecond, live.Edge, "it may have begun to run since")
	for range 10 {
		again, ok := tree.below(0)
		assert.True(t, ok)
		assert.Equal(t, live, again)
	}
	assert.Equal(t, looked, tree.looked, "none was made")
}
