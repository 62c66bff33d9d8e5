// Package nearest finds the word that was meant by a misspelt one.
package nearest

import (
	"iter"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Of gives the candidate that is most like a word, whatever the case, the first of
// several; "" if none is near enough to be meant. Near are a third of the word's
// letters, or one, wrong, missing or too many: "regoin" is region, "xyzzy" nothing.
func Of(word string, candidates iter.Seq[string]) (best string) {
	word = strings.ToLower(word)
	least := max(1, len([]rune(word))/3) + 1
	for c := range candidates {
		d := levenshtein.ComputeDistance(word, strings.ToLower(c))
		if d < least && d < min(len(word), len(c)) { // else nothing of it is left
			best, least = c, d
		}
	}
	return best
}
