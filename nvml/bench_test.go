package nvml

import (
	"fmt"
	"testing"

	"github.com/carbonctl/carbonctl/energy"
)

// BenchmarkTick is what one tick of the sampler costs: energy, and who used it.
// The cards answer at once, so that it is our own part.
func BenchmarkTick(b *testing.B) {
	for _, n := range []int{1, 8} {
		b.Run(fmt.Sprintf("gpus=%d", n), func(b *testing.B) {
			cards := make([]*card, n)
			for i := range cards {
				cards[i] = &card{load: steady(250), tune: func(d *device) {
					d.busy = func(since int64, to []busy) ([]busy, error) { return append(to, busy{1, since + 1, 80}), nil }
					d.processes = func(to []int) ([]int, error) { return append(to, 1), nil }
				}}
			}
			m := openCards(b, cards...)
			defer m.Close()
			list, use := make([]energy.Reading, 0, n), make([]energy.Use, 0, n)
			mine := only(1)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Read(b.Context(), list); err != nil {
					b.Fatal(err)
				}
				if _, err := m.Use(b.Context(), mine, use); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
