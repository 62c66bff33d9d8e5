package runs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
)

func TestListingHoldsTheLatest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	var rows []Row
	for i := range 5000 {
		row := Row{RunID: fmt.Sprint("run-", i), Project: fmt.Sprint("p", i%7), Status: "completed", Zone: "FR", DurationS: Number(i), Energy: energy.Energy(i), Emissions: 2,
			StartedAt: Stamp{time.Date(2026, 1, 1, 0, r.IntN(3000), 0, 0, time.UTC)}}
		if i%3 == 0 {
			row.RunID = fmt.Sprintf("0193a000-0000-7000-8000-%012x", i)
		}
		if i%50 == 0 {
			row.StartedAt, row.CountedBy = Stamp{}, "run-1"
		}
		rows = append(rows, row)
	}
	for _, most := range []int{0, 1, 20, 1023, 1024, 1025, 4999, 5000, 9000} {
		l := Listing{Most: most}
		for i := range rows {
			l.Add(&rows[i])
		}
		want := slices.Clone(rows)
		slices.SortStableFunc(want, func(a, b Row) int { return a.StartedAt.Compare(b.StartedAt.Time) })
		if most > 0 {
			want = want[max(0, len(want)-most):]
		}
		var got []Row
		for i := range l.Len() {
			got = append(got, l.At(i))
		}
		assert.Equal(t, want, got, most)
	}
	assert.Zero(t, (&Listing{}).Len())
}
