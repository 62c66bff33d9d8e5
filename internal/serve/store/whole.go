package store

import (
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/runs"
)

// Whole gives the report that was kept of a run beside the ledger that has its row; ok is
// false where none was kept, or it is not what the row was made of.
func Whole(row runs.Row, path string) (r footprint.Report, ok bool) {
	if row.RunHash == "" {
		return r, false
	}
	r, err := ledger.OpenRun(strings.TrimSuffix(path, ".gz"), row)
	if err != nil {
		return r, false
	}
	r.Ledger = &footprint.Receipt{Path: path, LedgerID: row.LedgerID, Hash: row.Hash}
	return r, true
}
