package nested

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const run = "0198a000-0000-7000-8000-000000000001"

func TestParse(t *testing.T) {
	p, err := Parse("")
	require.NoError(t, err)
	assert.Zero(t, p)
	assert.False(t, p.Counts())

	for _, value := range []string{run, run + "/", run + "/yesterday", run + "/1:2:elsewhere"} {
		p, err = Parse(value)
		require.NoError(t, err, value)
		assert.Equal(t, run, p.ID)
		assert.False(t, p.Counts(), value)
	}
	_, err = Parse("yesterday/1:2:a")
	assert.EqualError(t, err, `CARBONCTL_RUN_ID: "yesterday" is not the ID of a run`)
}

// The value counts in what this process starts, and not in itself.
func TestValue(t *testing.T) {
	if value := os.Getenv(Env); value != "" {
		p, err := Parse(value)
		require.NoError(t, err)
		assert.Equal(t, run, p.ID)
		assert.True(t, p.Counts())
		return
	}
	p, err := Parse(Value(run))
	require.NoError(t, err)
	assert.False(t, p.Counts())
	cmd := exec.Command(os.Args[0], "-test.run=^TestValue$")
	cmd.Env = append(os.Environ(), Env+"="+Value(run))
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, "%s", out)
}
