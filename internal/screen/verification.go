package screen

import (
	"fmt"
	"io"
	"strings"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// A Verification is what the check of one ledger found. Its JSON keys are only ever added
// to.
type Verification struct {
	File     string    `json:"file"`
	OK       bool      `json:"ok"`
	Rows     int64     `json:"rows"` // whole lines after the header
	Chains   []Chain   `json:"chains"`
	Findings []Finding `json:"findings"` // the first of them
	Faults   int64     `json:"faults"`   // how many there were
	// Unseen says what the check could not have seen.
	Unseen    []string   `json:"unseen"`
	Signature *Signature `json:"signature"` // nil: none was looked for
}

// A Chain is one hash chain of a ledger.
type Chain struct {
	Head Head `json:"head"` // as the file stands
	// Held: a head that was kept elsewhere is one of its rows; Since counts the rows after
	// the newest such row.
	Held  bool  `json:"held"`
	Since int64 `json:"rows_since_head"`
}

// A Head is the end of a chain: how many rows, and the hash of the last.
type Head struct {
	LedgerID string `json:"ledger_id"`
	Rows     int64  `json:"rows"`
	Hash     string `json:"hash"`
}

// A Finding is a fault of a ledger.
type Finding struct {
	Kind     string `json:"kind"`
	Row      int64  `json:"row"`  // in the file, from 1; 0: none in particular
	Line     int64  `json:"line"` // in the file, from 1, the header's; 0: beside it
	LedgerID string `json:"ledger_id"`
	Text     string `json:"text"`
}

// A Signature is that of a ledger's head, checked.
type Signature struct {
	OK     bool    `json:"ok"`
	Signer *Signer `json:"signer"` // nil where it proves nothing
	Head   *Head   `json:"head"`   // which was signed
	Text   string  `json:"text"`   // what is wrong
}

// A Signer is whose key has signed.
type Signer struct {
	Name        string `json:"name"` // "" where the list of signers has none
	Fingerprint string `json:"fingerprint"`
}

// Text shows the result to a person: what was found, and what was not checked; verbose
// adds the heads, to be kept elsewhere.
func (v Verification) Text(w io.Writer, verbose bool) error {
	what := "hash chain intact"
	if !v.OK {
		faults := v.Faults
		if v.Signature != nil && !v.Signature.OK {
			faults++
		}
		what = format.Count(faults, "finding")
	}
	var p layout.Page
	p.Title(fmt.Sprintf("%s: %s, %s", v.File, format.Count(v.Rows, "row"), what))
	switch s := v.Signature; {
	case s == nil:
	case s.OK && s.Head != nil:
		p.Row("signed", "after %s by %s", format.Count(s.Head.Rows, "row"), strings.TrimSpace(s.Signer.Name+" "+s.Signer.Fingerprint))
	default:
		p.Row("signed", "no: %s", s.Text)
	}
	for _, f := range v.Findings {
		label := fmt.Sprintf("line %d", f.Line)
		if f.Line == 0 {
			label = "beside"
		}
		p.Row(label, "%s: %s", f.Kind, f.Text)
	}
	if n := v.Faults - int64(len(v.Findings)); n > 0 {
		p.Row("", "and %d more", n)
	}
	for _, s := range v.Unseen {
		p.Lead("  not checked: ", strings.Replace(s, ": no head kept elsewhere was given", "; pass --head HASH kept elsewhere", 1))
	}
	for _, c := range v.Chains {
		if verbose {
			p.Row("head", "after %s:", format.Count(c.Head.Rows, "row"))
			p.Code(c.Head.Hash)
		}
	}
	_, err := p.WriteTo(w)
	return err
}
