package runs

import (
	"cmp"
	"slices"
	"sort"

	"github.com/carbonctl/carbonctl/energy"
)

// A stretch is one row's figure for a component, from start to end in Unix
// milliseconds: at least low, at most high unless it is open.
type stretch struct {
	start, end int64
	low, high  energy.Energy
	open       bool
}

// atLeast is a lower bound of what was used while any of the stretches lasted:
// the greatest sum of lows of stretches that do not overlap each other (weighted
// interval scheduling). It orders the stretches by their ends.
func atLeast(all []stretch) energy.Energy {
	byEnd(all)
	best := make([]energy.Energy, len(all)+1) // of the first i stretches
	for i, s := range all {
		before := sort.Search(i, func(j int) bool { return all[j].end > s.start })
		best[i+1] = max(best[i], best[before].Plus(s.low))
	}
	return best[len(all)]
}

// atMost is an upper bound of the same: the least sum of highs of stretches that
// together cover all the time that any lasted. ok is false where none bounds it.
// It orders the stretches by their ends.
func atMost(all []stretch) (high energy.Energy, ok bool) {
	byEnd(all)
	// In a cover without a needless stretch the ends rise with the starts, so each
	// one goes on from one that ends earlier. reached keeps what covers cost, both
	// rising: of two, the one that ends later and costs less is enough.
	type chain struct {
		end  int64
		cost energy.Energy
	}
	var reached []chain
	for _, part := range connected(all) {
		reached = reached[:0]
		first, last := part[0].start, int64(0)
		for _, s := range part {
			first, last = min(first, s.start), max(last, s.end)
		}
		for _, s := range part {
			if s.open {
				continue
			}
			cost := s.high
			if s.start > first {
				i := sort.Search(len(reached), func(i int) bool { return reached[i].end >= s.start })
				if i == len(reached) {
					continue
				}
				cost = cost.Plus(reached[i].cost)
			}
			for len(reached) > 0 && reached[len(reached)-1].cost >= cost {
				reached = reached[:len(reached)-1]
			}
			if n := len(reached); n == 0 || reached[n-1].end < s.end {
				reached = append(reached, chain{s.end, cost})
			}
		}
		if len(reached) == 0 || reached[len(reached)-1].end < last {
			return 0, false
		}
		high = high.Plus(reached[len(reached)-1].cost)
	}
	return high, true
}

// connected cuts stretches that are ordered by their ends where no time is
// shared; stretches that only touch are apart. The parts are ordered alike.
func connected(all []stretch) (parts [][]stretch) {
	// From the last one back: what starts before the end of the others is one of them.
	to, start := len(all), int64(0)
	for i := len(all) - 1; i >= 0; i-- {
		if i < to-1 && all[i].end <= start {
			parts = append(parts, all[i+1:to])
			to = i + 1
		}
		if i == to-1 {
			start = all[i].start
		}
		start = min(start, all[i].start)
	}
	if to > 0 {
		parts = append(parts, all[:to])
	}
	slices.Reverse(parts)
	return parts
}

func byEnd(all []stretch) {
	slices.SortFunc(all, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start), cmp.Compare(a.low, b.low), cmp.Compare(a.high, b.high))
	})
}
