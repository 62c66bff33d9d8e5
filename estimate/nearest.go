package estimate

import (
	"cmp"
	"slices"
	"strings"

	near "github.com/carbonctl/carbonctl/internal/nearest"
)

// mostNearest is how many names are offered for one that is not known.
const mostNearest = 3

// nearest returns the CPU models whose names are most like the one given, best first,
// in the form of [key].
func nearest(name string) []string { return nearestOf(key(name), cpus) }

// nearestOf returns the keys of a table that hold all words of the one given, or are
// like it.
func nearestOf(name, table string) []string {
	type candidate struct {
		key string
		off int
	}
	if strings.TrimSpace(name) == "" || len(name) > 100 {
		return nil
	}
	words := strings.Fields(name)
	var found []candidate
	for row := range strings.Lines(table) {
		k, _, ok := strings.Cut(row, ",")
		if !ok {
			continue
		}
		off := near.Distance(name, k)
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(k, w) }) {
			off = 0 // all of it is there
		}
		if off <= max(1, len(name)/3) {
			found = append(found, candidate{k, off})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(len(a.key), len(b.key)))
	})
	var names []string
	for _, c := range found[:min(mostNearest, len(found))] {
		names = append(names, c.key)
	}
	return names
}
