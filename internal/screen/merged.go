package screen

import (
	"fmt"
	"io"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// Merged is a ledger that others were joined to. Its JSON keys are only ever added to.
type Merged struct {
	File  string `json:"file"`
	Rows  int64  `json:"rows"`
	Heads []Head `json:"heads"`
}

// Text shows the merged ledger to a person.
func (m Merged) Text(w io.Writer) error {
	var p layout.Page
	p.Title(fmt.Sprintf("%s: %s of %s", m.File, format.Count(m.Rows, "row"), format.Count(len(m.Heads), "chain")))
	for _, h := range m.Heads {
		p.Row("head", "%s, after %s:", h.LedgerID, format.Count(h.Rows, "row"))
		p.Code(h.Hash)
	}
	_, err := p.WriteTo(w)
	return err
}
