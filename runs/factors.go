package runs

import "math"

// factors keep grams per joule exactly, in few bytes a row: emissions are rounded, so
// that rows of one grid differ in the last bits alone. A row has the place of a factor
// near its own, and how its bits differ from that. The zero value is empty.
type factors struct {
	bits   []uint64
	byHead map[uint64]uint32 // places, by the bits that near ones share
}

const (
	lastBits   = 14      // that rows of one factor differ in, two bytes of a line
	maxFactors = 1 << 16 // what has a factor of its own beyond those has all of its bits
)

// near gives the place of a factor near f, and what differs.
func (s *factors) near(f float64) (place uint32, off uint64) {
	bits := math.Float64bits(f)
	place, ok := s.byHead[bits>>lastBits]
	if !ok && len(s.bits) < maxFactors {
		if s.byHead == nil {
			s.byHead, s.bits = map[uint64]uint32{}, []uint64{0} // 0 is near none
		}
		place = uint32(len(s.bits))
		s.bits = append(s.bits, bits)
		s.byHead[bits>>lastBits] = place
	}
	return place, bits ^ s.bits[place]
}

// at is the factor that near was given.
func (s *factors) at(place, off uint64) float64 { return math.Float64frombits(s.bits[place] ^ off) }
