package child

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCramped(t *testing.T) {
	for _, c := range []struct{ setup, want string }{
		{"ulimit -n 31", "open files is 31"},
		{"ulimit -n 32", "<nil>"},
	} {
		got, code := run(t, c.setup, self("cramped")...)
		assert.Zero(t, code)
		assert.Contains(t, got, c.want)
	}
}

func TestThreadsOf(t *testing.T) {
	assert.GreaterOrEqual(t, threadsOf(os.Getuid()), uint64(2), "this process has some")
	assert.Zero(t, threadsOf(1<<30))
}

func TestReplace(t *testing.T) {
	got, code := run(t, "trap '' PIPE", self("replace", "/bin/sh", "-c", `while read k v; do case $k in SigIgn:) echo $v; esac; done </proc/self/status; exit 7`)...)
	assert.Equal(t, 7, code)
	want, _ := run(t, "trap '' PIPE", "/bin/sh", "-c", `while read k v; do case $k in SigIgn:) echo $v; esac; done </proc/self/status`)
	if exact {
		assert.Equal(t, want, got)
	}
	_, code = run(t, "", self("replace", "/no/such")...)
	assert.Equal(t, CodeNotFound, code)
	_, err := Command{Args: []string{"/no/such"}}.Start(nil)
	require.Error(t, err)
	assert.False(t, Scarce(err))
}
