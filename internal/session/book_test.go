package session

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
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

	busy := &ledger.NotRecordedError{Journal: "x.csv.d/1.journal.0", Whole: true, Err: fmt.Errorf("ledger: lock x.csv: held: %w", context.Canceled)}
	late := ledgerWarning(nil, busy, hint)
	assert.Equal(t, "this run is not in the ledger yet; the next run adds it from its journal: ledger: lock x.csv: held: context canceled", late.Text)
	assert.NotContains(t, late.Hint, "--ledger", "it was only busy")
	old := ledgerWarning(nil, &ledger.NotRecordedError{Journal: "x.csv.d/1.journal.0", Err: full}, hint)
	assert.Contains(t, old.Text, "could not record this run; the next run recovers it from its journal: ledger: ")
	none := ledgerWarning(nil, &ledger.NotRecordedError{Err: full}, hint)
	assert.Equal(t, "could not record this run: "+full.Error(), none.Text)
}
