package session

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
)

func TestTreeBeforeTheStart(t *testing.T) {
	tr := newTree(nil) // no /proc
	u := tr.Used()
	assert.True(t, u.KnowsCPU && u.KnowsMemory, "nothing was used yet, and that is known")
	assert.Zero(t, u.CPU)
	assert.Zero(t, tr.left())
	_, ok := tr.below(1)
	assert.False(t, ok)
	status, code, _ := tr.Ended()
	assert.Empty(t, status)
	assert.Nil(t, code)
}

func TestTreeEnded(t *testing.T) {
	for _, tt := range []struct {
		exit child.Exit
		want footprint.Status
	}{
		{child.Exit{}, footprint.Completed},
		{child.Exit{Code: 1}, footprint.Failed},
		{child.Exit{Code: 137, Signal: 9}, footprint.Failed},
		{child.Exit{Code: 143, Signal: 15, Interrupted: true}, footprint.Interrupted},
		{child.Exit{Code: 3, Interrupted: true}, footprint.Interrupted},
	} {
		tr := newTree(nil)
		tr.ended(tt.exit)
		status, code, signal := tr.Ended()
		assert.Equal(t, tt.want, status)
		assert.Equal(t, map[int]string{137: "KILL", 143: "TERM"}[tt.exit.Code], signal)
		assert.Equal(t, tt.exit.Code, *code)
	}
}
