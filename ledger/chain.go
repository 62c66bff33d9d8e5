package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
)

const hashLen = 2 * sha256.Size

// genesis is the previous_hash of the first row of a chain: SHA-256 over the
// header line, its line end included, and the ledger_id.
func genesis(header []byte, ledgerID string) string {
	h := sha256.New()
	h.Write(header)
	h.Write([]byte(ledgerID))
	return hex.EncodeToString(h.Sum(nil))
}

// rowHash is SHA-256 over previous_hash as it stands in the file and the bytes
// of the row up to and including its last comma.
func rowHash(previous string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(previous))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// link is what the chain needs of a row.
type link struct {
	id, previous, hash string
	body               []byte // up to and including the last comma; a part of the line
}

// parseLink reads a line: a schema, a ledger_id, …, two hashes and one line
// end, all four without quotes. No more of CSV is needed.
func parseLink(line []byte) (link, bool) {
	n := len(line)
	first := bytes.IndexByte(line, ',')
	if first < 0 || n < 2*hashLen+3 || line[n-1] != '\n' {
		return link{}, false
	}
	hash, rest := line[n-1-hashLen:n-1], line[:n-1-hashLen]
	body := rest
	rest, ok := bytes.CutSuffix(rest, []byte(","))
	if !ok || len(rest) <= hashLen || !isHash(hash) {
		return link{}, false
	}
	previous := rest[len(rest)-hashLen:]
	rest, ok = bytes.CutSuffix(rest[:len(rest)-hashLen], []byte(","))
	if !ok || !isHash(previous) || len(rest) <= first {
		return link{}, false
	}
	id, _, ok := bytes.Cut(rest[first+1:], []byte(","))
	if !ok || !isID(id) {
		return link{}, false
	}
	return link{string(id), string(previous), string(hash), body}, true
}

func isHash(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(b) == hashLen
}

// isID: a UUID as we write it, lower case.
func isID(b []byte) bool {
	for i, c := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(b) == 36
}
