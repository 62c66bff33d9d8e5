package session

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/footprint"
)

func TestOtherRunsAreSaidOnce(t *testing.T) {
	w := besideWarning(1)
	assert.Equal(t, footprint.RunsBeside, w.Code)
	assert.Contains(t, w.Text, "another tracked run was underway on this machine")
	assert.Contains(t, besideWarning(3).Text, "3 other tracked runs were underway")
	assert.Contains(t, besideWarning(maxOthers).Text, "10 or more other tracked runs were underway")
	assert.Zero(t, (&book{}).beside("x", "")(stopwatch{}), "without a ledger there is no journal")
}
