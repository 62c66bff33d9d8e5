package input

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeen(t *testing.T) {
	s := newSeen()
	const n = 200_000
	id := func(i int) string { return fmt.Sprintf("0198%04x-0000-7000-8000-%012x", i%7, i) }
	for i := range n {
		require.True(t, s.add(id(i)), i)
		require.False(t, s.add(id(i/2)), i)
	}
	for i := range n {
		require.False(t, s.add(id(i)), i)
	}
	assert.True(t, s.add(""))
	assert.False(t, s.add(""))
	slots := 0
	for _, p := range s.parts {
		slots += len(p.slots)
	}
	assert.LessOrEqual(t, 8*float64(slots)/n, 12.5, "bytes an ID")
}

func BenchmarkSeen(b *testing.B) {
	ids := make([]string, 1_000_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("0198%04x-0000-7000-8000-%012x", i%7, i)
	}
	for b.Loop() {
		s := newSeen()
		for _, id := range ids {
			s.add(id)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/ID")
}
