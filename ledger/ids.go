package ledger

import (
	"crypto/sha256"
	"encoding/hex"
)

// IDs is a set of run IDs, in about 30 bytes each: so that a run is counted once
// although several files have it. Not safe for concurrent use.
type IDs map[[16]byte]struct{}

// Add puts an ID in, and reports whether it was not in before.
func (s IDs) Add(id string) bool {
	k := idKey(id)
	n := len(s)
	s[k] = struct{}{}
	return len(s) > n
}

// Has reports whether an ID is in the set.
func (s IDs) Has(id string) bool {
	_, ok := s[idKey(id)]
	return ok
}

// idKey is a UUID's bytes, or the start of the hash of another text.
func idKey(id string) (key [16]byte) {
	if len(id) == 36 && isID([]byte(id)) {
		var digits [32]byte
		n := 0
		for i := range len(id) {
			if id[i] != '-' {
				digits[n] = id[i]
				n++
			}
		}
		if _, err := hex.Decode(key[:], digits[:]); err == nil {
			return key
		}
	}
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}
