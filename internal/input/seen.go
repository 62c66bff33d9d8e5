package input

import (
	"hash/maphash"
	"math/bits"
)

// seen is a set of run IDs in 9 to 11 bytes each: it keeps 64 bits of a hash whose seed
// nobody can know. In a ledger of a million runs one is taken for another by chance
// with a probability of 3 × 10⁻⁸ (n²/2⁶⁵). The zero value is not ready: use newSeen.
type seen struct {
	seed  maphash.Seed
	parts [256]struct {
		slots []uint64 // 0: empty
		n     int
	}
}

func newSeen() *seen { return &seen{seed: maphash.MakeSeed()} }

// add puts an ID in, and reports whether it was not in before.
func (s *seen) add(id string) bool {
	hash := max(maphash.String(s.seed, id), 1)
	part := &s.parts[hash>>56]
	if part.n >= len(part.slots)*7/8 { // more would be slow to search
		old := part.slots
		part.slots = make([]uint64, len(old)+len(old)/4+8)
		for _, h := range old {
			if h != 0 {
				part.slots[find(part.slots, h)] = h
			}
		}
	}
	at := find(part.slots, hash)
	if part.slots[at] == hash {
		return false
	}
	part.slots[at] = hash
	part.n++
	return true
}

// find gives the place of a hash, or the one for it.
func find(slots []uint64, hash uint64) int {
	high, _ := bits.Mul64(hash<<8, uint64(len(slots))) // the upper bits chose the part
	for at := int(high); ; {
		if slots[at] == 0 || slots[at] == hash {
			return at
		}
		if at++; at == len(slots) {
			at = 0
		}
	}
}
