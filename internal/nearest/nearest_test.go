package nearest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/internal/nearest"
)

func TestOf(t *testing.T) {
	words := []string{"region", "regions-file", "pue", "ledger", "label", "keep-runs", "epoch-preset", "epochs"}
	for word, want := range map[string]string{
		"regoin": "region", "labels": "label", "PUE": "pue", "ledgre": "ledger", "Regions-Fil": "regions-file",
		"keep_runs": "keep-runs", "pu": "pue", "epoch": "epochs", "region": "region",
		"xyzzy": "", "": "", "p": "", "x": "", "colour": "", "legend": "", "Deutschland": "", "énergie": "",
	} {
		assert.Equal(t, want, nearest.Of(word, slices.Values(words)), word)
	}
	assert.Empty(t, nearest.Of("region", slices.Values([]string(nil))))
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"regoin", "region", 1},
		{"kitten", "sitting", 3}, {"é", "e", 1}, {"ca", "abc", 3},
	} {
		assert.Equal(t, c.want, nearest.Distance(c.a, c.b), "%s %s", c.a, c.b)
		assert.Equal(t, c.want, nearest.Distance(c.b, c.a), "%s %s", c.b, c.a)
	}
}

// What is suggested is a candidate, and one letter too many never hides it.
func FuzzOf(f *testing.F) {
	f.Add("regoin", "region")
	f.Add("", "")
	f.Add("\xff", "é")
	f.Fuzz(func(t *testing.T, word, candidate string) {
		got := nearest.Of(word, slices.Values([]string{candidate}))
		assert.Contains(t, []string{"", candidate}, got)
		if len(candidate) > 1 && strings.ToValidUTF8(candidate, "") == candidate && strings.ToLower(candidate) == candidate {
			assert.Equal(t, candidate, nearest.Of(candidate+"x", slices.Values([]string{candidate})))
		}
	})
}
