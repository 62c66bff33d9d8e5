package report

import (
	"fmt"
	"io"
)

// Merged is a ledger that others were joined to. Its JSON keys are only ever added to.
type Merged struct {
	File  string `json:"file"`
	Rows  int64  `json:"rows"`
	Heads []Head `json:"heads"`
}

// Text shows the merged ledger to a person.
func (m Merged) Text(w io.Writer) error {
	var p Page
	p.Title(fmt.Sprintf("%s: %s of %s", m.File, Count(m.Rows, "row"), Count(len(m.Heads), "chain")))
	for _, h := range m.Heads {
		p.Row("head", "%s, after %s:", h.LedgerID, Count(h.Rows, "row"))
		p.Code(h.Hash)
	}
	_, err := p.WriteTo(w)
	return err
}
