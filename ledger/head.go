package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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
	b, err := os.ReadFile(path + ".head")
	if err != nil {
		return Head{}, fmt.Errorf("ledger head: %w", err)
	}
	h, err := ParseHead(b)
	if err != nil {
		return Head{}, fmt.Errorf("%s.head: %w", path, err)
	}
	return h, nil
}

func (h Head) bytes() []byte {
	b, _ := json.Marshal(h) // two strings and a number always encode
	return append(b, '\n')
}
