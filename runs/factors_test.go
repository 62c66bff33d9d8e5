package runs

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFactors(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s factors
	type kept struct {
		f     float64
		place uint32
		off   uint64
	}
	var all []kept
	add := func(f float64) kept {
		k := kept{f: f}
		k.place, k.off = s.near(f)
		all = append(all, k)
		return k
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 1, 1.0000000000000002, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		add(f)
	}
	const grid = 458.29 / 3.6e12
	for range 1000 { // as energy × factor ÷ energy is
		e := float64(1 + r.IntN(1e10))
		require.Less(t, add(e*grid/e).off, uint64(1)<<lastBits)
	}
	require.Less(t, len(s.bits), 10)
	for range 2 * maxFactors {
		add(r.Float64())
	}
	require.Len(t, s.bits, maxFactors)
	for _, k := range all {
		require.Equal(t, math.Float64bits(k.f), math.Float64bits(s.at(uint64(k.place), k.off)), k)
	}
}
