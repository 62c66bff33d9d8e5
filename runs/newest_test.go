package runs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// It keeps what sorting all of them would.
func TestNewest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int{0, 1, 7, 20, 1000} {
		n := Newest{Most: most}
		var all []Row
		for i := range 500 {
			row := Row{RunID: fmt.Sprint(i), StartedAt: Stamp{time.Unix(r.Int64N(100), 0)}} // many together
			n.Add(&row)
			all = append(all, row)
			if i%177 == 0 { // also in between
				assert.LessOrEqual(t, len(n.Rows()), max(most, i+1))
			}
		}
		slices.SortStableFunc(all, func(a, b Row) int { return a.StartedAt.Compare(b.StartedAt.Time) })
		if most > 0 {
			all = all[max(0, len(all)-most):]
		}
		assert.Equal(t, all, n.Rows(), "%d", most)
	}
}
