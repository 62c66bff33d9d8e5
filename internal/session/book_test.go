package session

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/footprint"
)

// A head that could not be replaced is no lost row.
func TestLedgerWarning(t *testing.T) {
	full := fmt.Errorf("ledger: %w", syscall.ENOSPC)
	hint := func(error) string { return "free some space" }
	lost := ledgerWarning(nil, full, hint)
	assert.Equal(t, footprint.NotRecorded, lost.Code)
	assert.Contains(t, lost.Text, "could not record this run: ledger: ")
	assert.Contains(t, lost.Hint, "free some space, or choose another file")
	kept := ledgerWarning(&footprint.Receipt{Hash: "ab"}, full, hint)
	assert.Contains(t, kept.Text, "this run is in the ledger, but")
}
