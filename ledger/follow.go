package ledger

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// follow checks that a row, sound in itself, comes after the last of its chain.
func (v *verifier) follow(row link, c *chain, at Finding) *chain {
	had := genesis(v.header, row.id)
	if c == nil {
		c = &chain{Chain: Chain{Head: Head{LedgerID: row.id}}}
		v.chains[row.id] = c
		v.order = append(v.order, row.id)
		if v.strange {
			had = v.vouch(row, had)
		}
	} else {
		had = c.Head.Hash
	}
	v.fillGap(row)
	if row.previous == had || c.own != "" && row.previous == c.own || v.loose {
		return c
	}
	if v.misplaced(row, had, at) == Duplicated {
		return nil
	}
	return c
}

// vouch judges a header that is not ours by the first row chained to it: if it
// fits, this is a ledger of another version; if ours fits, it was altered.
func (v *verifier) vouch(row link, had string) string {
	v.strange = false
	switch row.previous {
	case had:
		v.Findings, v.Faults = v.Findings[1:], v.Faults-1
	case genesis([]byte(Header+"\n"), row.id), genesis([]byte(HeaderV1+"\n"), row.id):
		v.header = []byte(Header + "\n")
		if row.previous != genesis(v.header, row.id) {
			v.header = []byte(HeaderV1 + "\n")
		}
		v.Findings[0].Text = "the header was altered after the first row was written"
		had = row.previous
	}
	return had
}

// misplaced records a row that does not follow the one before it, and says how
// it looks so far.
func (v *verifier) misplaced(row link, had string, at Finding) Kind {
	at.Kind, at.Text = Removed, "rows before this one are missing, or the one before it was rewritten"
	if v.Faults >= maxFindings {
		v.find(at)
		return at.Kind
	}
	again, after := v.earlier(row.hash), v.earlier(row.previous)
	switch {
	case again > 0:
		at.Kind, at.Text = Duplicated, fmt.Sprintf("the row is that of row %d again", again)
	case after > 0 || row.previous == genesis(v.header, row.id):
		// The chain goes on from an earlier row: what stands between is not of it.
		at.Kind, at.Text = Inserted, fmt.Sprintf("row %d follows row %d: rows of its ledger_id between them are not of the chain", at.Row, after)
		if len(v.order) == 1 {
			at.Row, at.Line = after+1, after+2
		}
	case v.gap == nil:
		v.gap = &gap{len(v.Findings), had, row.previous}
	}
	v.find(at)
	return at.Kind
}

// fillGap tells, by a later row, what kind of gap was found.
func (v *verifier) fillGap(row link) {
	if v.gap == nil {
		return
	}
	f := &v.Findings[v.gap.finding]
	switch {
	case row.hash == v.gap.asked:
		f.Kind, f.Text = Reordered, fmt.Sprintf("the row belongs after row %d", v.Rows)
		v.gap = nil
	case row.previous == v.gap.had && f.Kind == Removed:
		f.Kind, f.Text = Inserted, fmt.Sprintf("the row is not part of the chain, which continues at row %d", v.Rows)
	}
}

// earlier returns which row has the hash, 0 if none.
func (v *verifier) earlier(hash string) int64 {
	want := prefix(hash)
	for i, h := range v.seen {
		if h == want {
			return int64(i) + 1
		}
	}
	return 0
}

func prefix(hash string) uint64 {
	var b [8]byte
	_, _ = hex.Decode(b[:], []byte(hash[:16])) // parseLink saw to its digits
	return binary.BigEndian.Uint64(b[:])
}

// endingIn finds the chain that an altered row continues.
func (v *verifier) endingIn(hash string, c *chain) *chain {
	if v.Faults >= maxFindings {
		return c
	}
	for _, id := range v.order {
		if v.chains[id].Head.Hash == hash {
			return v.chains[id]
		}
	}
	return c
}
