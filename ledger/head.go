package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Head is the last row of a chain: what FILE.head holds, what each receipt
// shows, and what an auditor keeps elsewhere. FILE.head itself proves little,
// since who can change a ledger can change the file beside it.
type Head struct {
	LedgerID string `json:"ledger_id"` // "" where only the hash is known
	Rows     int64  `json:"rows"`      // of this ledger_id; 0 where only the hash is known
	Hash     string `json:"hash"`
}

// ParseHead reads what FILE.head holds.
func ParseHead(b []byte) (Head, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var h Head
	if err := dec.Decode(&h); err != nil {
		return Head{}, fmt.Errorf("ledger head: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Head{}, errors.New("ledger head: more than one JSON value")
	}
	if !isID([]byte(h.LedgerID)) || h.Rows < 1 || !isHash([]byte(h.Hash)) {
		return Head{}, errors.New("ledger head: not a ledger_id, a number of rows and a hash")
	}
	return h, nil
}

// ReadHead reads the head of the ledger at path, from PATH.head. It is
// fs.ErrNotExist if there is none.
func ReadHead(path string) (Head, error) {
	heads, err := readHeads(path)
	if err != nil {
		return Head{}, err
	}
	if len(heads) > 1 {
		return Head{}, fmt.Errorf("%s.head: the heads of %d chains: a merged ledger", path, len(heads))
	}
	return heads[0], nil
}

// readHeads reads FILE.head: one line, or one a chain beside a merged ledger.
func readHeads(path string) ([]Head, error) {
	b, err := readSide(path + ".head")
	if err != nil {
		return nil, fmt.Errorf("ledger head: %w", err)
	}
	heads, err := ParseHeads(b)
	if err != nil {
		return nil, fmt.Errorf("%s.head: %w", path, err)
	}
	return heads, nil
}

// ParseHeads reads what FILE.head holds beside a merged ledger: one head a line,
// at least one.
func ParseHeads(b []byte) ([]Head, error) {
	var heads []Head
	for line := range bytes.Lines(b) {
		h, err := ParseHead(line)
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	if len(heads) == 0 {
		return nil, errors.New("ledger head: empty")
	}
	return heads, nil
}

func (h Head) bytes() []byte {
	b, _ := json.Marshal(h) // two strings and a number always encode
	return append(b, '\n')
}

// headLines is FILE.head beside a merged ledger.
func headLines(heads []Head) (all []byte) {
	for _, h := range heads {
		all = append(all, h.bytes()...)
	}
	return all
}
