package estimate

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var hyphen = regexp.MustCompile(`([ |])-(\d)`)

// inDocs holds what stands between two marks of docs/estimator.md to what a test has
// found; with -update it writes that.
func inDocs(t *testing.T, mark, found string) {
	t.Helper()
	found = hyphen.ReplaceAllString(found, "$1−$2") // a minus
	const path = "../docs/estimator.md"
	begin, end := "<!-- table: "+mark+" -->\n", "<!-- end -->"
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(b), begin)
	require.True(t, ok, "docs/estimator.md has no mark %q", mark)
	old, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "docs/estimator.md: mark %q has no end", mark)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+found+end+after), 0o644))
		return
	}
	require.Equal(t, found, old, "docs/estimator.md is to show what the test finds: go generate ./estimate")
}
