// Package nearest finds the word that was meant by a misspelt one.
package nearest

import (
	"iter"
	"strings"
)

// Of gives the candidate that is most like a word, whatever the case, the first of
// several; "" if none is near enough to be meant, where a third of the word's letters, or
// one, may be wrong: "regoin" is region, "xyzzy" nothing.
func Of(word string, candidates iter.Seq[string]) (best string) {
	word = strings.ToLower(word)
	least := max(1, len([]rune(word))/3) + 1
	for c := range candidates {
		d := Distance(word, strings.ToLower(c))
		if d < least && d < min(len(word), len(c)) { // else nothing of it is left
			best, least = c, d
		}
	}
	return best
}

// Distance is how many letters must be inserted, dropped, changed or swapped with their
// neighbour to get from one word to the other, each letter at most once (optimal string
// alignment). Case matters.
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	width := len(to) + 1
	room := make([]int, 3*width)
	before, last, row := room[:width], room[width:2*width], room[2*width:]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row[0] = i
		for j := 1; j <= len(to); j++ {
			change := last[j-1]
			if from[i-1] != to[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(to)]
}
