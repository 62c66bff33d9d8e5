package carbon

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// A tick on this machine, with whatever meters it has, allocates nothing.
func TestTickAllocatesNothing(t *testing.T) {
	tracker, err := New(Config{})
	require.NoError(t, err)
	tracker.join(<-tracker.late.opened) // looking for GPUs, beside us, allocates
	ctx := context.Background()
	for range 3 {
		tracker.tick(ctx) // grow the slices, note the faults
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { tracker.tick(ctx) }))
	_, err = tracker.Stop()
	require.NoError(t, err)
}

func BenchmarkTick(b *testing.B) {
	tracker, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	tracker.tick(ctx)
	b.ReportAllocs()
	for b.Loop() {
		tracker.tick(ctx)
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
