package ledger

import (
	"fmt"
	"slices"
)

// witness is a head, and where its row was found.
type witness struct {
	Head
	name   string // for people
	beside bool   // FILE.head: who changes the ledger can change it too
	signed bool   // FILE.head, with a good signature
	at     place  // rows is 0 if it was not found
}

// finish compares what the file holds with the heads, and names what was not seen.
func (v *verifier) finish() {
	v.headFindings()
	whole := v.OK() // else it may only repeat what was found
	for _, id := range v.order {
		c, of := v.chains[id], ""
		if len(v.order) > 1 {
			of = " of chain " + id
		}
		v.Chains = append(v.Chains, c.Chain)
		switch stray := v.stray(id); {
		case c.Held && c.Since > 0:
			v.Unseen = append(v.Unseen, fmt.Sprintf("truncation or rebuilding%s after the held head, %d rows back", of, c.Since))
		case c.Held:
		case stray != "" && whole:
			v.find(Finding{Kind: Stray, Row: v.Rows + 1, Line: v.lines + 1, LedgerID: id, Text: stray})
		case len(v.order) == 1 && v.missed(): // that is a finding
		case stray == "":
			v.Unseen = append(v.Unseen, fmt.Sprintf("truncation or rebuilding%s: no head kept elsewhere was given", of))
		}
		if whole && c.behind > max(1, c.batch) && v.named(id) {
			v.find(Finding{Kind: StaleHead, Row: v.Rows + 1, Line: v.lines + 1, LedgerID: id,
				Text: fmt.Sprintf("FILE.head is %d rows behind: those were added by something that does not keep it", c.behind)})
		}
	}
	if len(v.order) == 0 && len(v.heads) == 0 {
		v.Unseen = append(v.Unseen, "whether there were any rows: no head kept elsewhere was given")
	}
}

// missed reports whether a head that was kept elsewhere is no row's.
func (v *verifier) missed() bool {
	return slices.ContainsFunc(v.heads, func(w witness) bool { return !w.beside && w.at.rows == 0 })
}

// named reports whether FILE.head names a chain.
func (v *verifier) named(id string) bool {
	return slices.ContainsFunc(v.heads, func(w witness) bool { return w.beside && w.LedgerID == id })
}

// stray tells why a chain was put into the file: there are heads, and none is of
// it. FILE.head names all chains of its file; without it the held ones should.
func (v *verifier) stray(id string) string {
	why, beside := "", false
	for _, w := range v.heads {
		switch {
		case w.LedgerID == id, w.LedgerID == "" && w.at.rows == 0:
			return ""
		case w.beside:
			why, beside = "FILE.head is not of this chain: it was put into the file", true
		case !beside:
			why = "none of the heads held is of this chain"
		}
	}
	return why
}

// headFindings compares the heads with the rows that have their hashes.
func (v *verifier) headFindings() {
	whole := v.OK() // else a wrong count only repeats what was found
	told := map[string]bool{}
	for _, h := range v.heads {
		f := Finding{Row: v.Rows + 1, Line: v.lines + 1, LedgerID: h.LedgerID}
		var rows int64
		if c := v.chains[h.LedgerID]; c != nil {
			rows = c.Head.Rows
		}
		switch {
		case h.at.rows > 0 && (h.LedgerID == "" || h.LedgerID == h.at.id) && (h.Rows == 0 || h.Rows == h.at.rows || !whole):
			continue
		case h.at.rows > 0:
			f.Kind, f.Text = WrongHead, fmt.Sprintf("%s has the hash of row %d of %s, not of row %d of %s", h.name, h.at.rows, h.at.id, h.Rows, h.LedgerID)
		case h.Rows == 0 || h.LedgerID == "":
			f.Kind, f.Text = Missing, fmt.Sprintf("no row has the hash of %s: the end was cut off, or the chain rebuilt", h.name)
		case rows < h.Rows:
			f.Kind, f.Text = Cut, fmt.Sprintf("%s counts %d rows, the file has %d of its chain", h.name, h.Rows, rows)
		default:
			f.Kind, f.Text = Rebuilt, fmt.Sprintf("row %d is not the one that %s names: the chain was rebuilt", h.Rows, h.name)
		}
		if !h.beside || !told[h.LedgerID] { // the held one has told of it
			v.find(f)
		}
		told[h.LedgerID] = true
	}
}
