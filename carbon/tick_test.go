package carbon

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A tick on this machine, with whatever meters it has, allocates nothing.
func TestTickAllocatesNothing(t *testing.T) {
	tracker, err := New(Config{})
	require.NoError(t, err)
	tracker.join(<-tracker.late.opened) // looking for GPUs, beside us, allocates
	for range 3 {
		tracker.pass(true, readTimeout) // grow the slices, note the faults
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { tracker.pass(true, readTimeout) }))
	_, err = tracker.Stop()
	require.NoError(t, err)
}

func BenchmarkTick(b *testing.B) {
	tracker, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	tracker.pass(true, readTimeout)
	b.ReportAllocs()
	for b.Loop() {
		tracker.pass(true, readTimeout)
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		tracker, err := New(Config{Region: "FR"})
		if err != nil {
			b.Fatal(err)
		}
		_, _ = tracker.Stop()
	}
}
