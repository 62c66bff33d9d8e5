package main

import (
	"context"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/estimate"
)

// loadOf is a load of so many threads. Its copies are larger than what caches hold for a
// thread, and together at most an eighth of the machine's memory in bytes.
func loadOf(threads int, memory uint64) estimate.Load {
	size := int(min(32<<20, max(1<<20, memory/8/uint64(threads))))
	return func(ctx context.Context, mix estimate.Mix, part float64) {
		var all sync.WaitGroup
		for range threads {
			all.Go(func() {
				runtime.LockOSThread() // and never unlocked: the thread ends with its low priority
				yield()
				do(ctx, burst(mix, size), part)
			})
		}
		all.Wait()
	}
}

// period is that of a load for a part of the time: shorter than power limits follow, and
// longer than the kernel's ticks.
const period = 40 * time.Millisecond

// do works for a part of each period until ctx ends.
func do(ctx context.Context, burst func(), part float64) {
	on := time.Duration(part * float64(period))
	for ctx.Err() == nil {
		for start := time.Now(); time.Since(start) < on; {
			burst()
		}
		if on < period {
			time.Sleep(period - on)
		}
	}
}

// burst is some work of a mix, of about a millisecond or less.
func burst(mix estimate.Mix, size int) func() {
	switch mix {
	case estimate.FloatMix:
		x := [8]float64{1, 2, 3, 4, 5, 6, 7, 8}
		return func() {
			for range 20_000 {
				for i := range x { // independent of each other, and bounded
					x[i] = math.FMA(x[i], 0.999, 0.001)
				}
			}
		}
	case estimate.MemoryMix:
		const piece = 1 << 19
		half := max(1, size/2/piece) * piece
		from, to, at := make([]byte, half), make([]byte, half), 0
		for i := range from {
			from[i] = byte(i) // else all of it would be one page of zeros
		}
		return func() {
			copy(to[at:at+piece], from[at:])
			at = (at + piece) % len(from)
		}
	}
	x := uint64(88172645463325252)
	return func() {
		for range 200_000 { // xorshift64 (Marsaglia, Journal of Statistical Software 8, 2003) and a product
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			x *= 0x9E3779B97F4A7C15
		}
	}
}
