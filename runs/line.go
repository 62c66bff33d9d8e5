package runs

import (
	"encoding/binary"
	"math"

	"github.com/carbonctl/carbonctl/energy"
)

func (b *book) number(f float64) {
	b.line = binary.BigEndian.AppendUint64(b.line, math.Float64bits(f))
}

func (b *book) amount(e energy.Energy) { b.count(zigzag(e)) }

func (b *book) count(n uint64) { b.line = binary.AppendUvarint(b.line, n) }

// zigzag has small numbers for amounts near 0.
func zigzag(e energy.Energy) uint64 { return uint64(e)<<1 ^ uint64(e>>63) }

func unzigzag(n uint64) energy.Energy { return energy.Energy(n>>1) ^ -energy.Energy(n&1) }

// A line is what put has written of a row, from where it is read on.
type line []byte

func (l *line) take(n int) []byte {
	b := (*l)[:n]
	*l = (*l)[n:]
	return b
}

func (l *line) number() float64 { return math.Float64frombits(binary.BigEndian.Uint64(l.take(8))) }

func (l *line) count() uint64 {
	n, size := binary.Uvarint(*l)
	*l = (*l)[size:]
	return n
}

func (l *line) amount() energy.Energy { return unzigzag(l.count()) }
