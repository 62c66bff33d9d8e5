package layout_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/layout"
)

func TestALeadIsFoldedBelowItself(t *testing.T) {
	var p layout.Page
	p.Lead("carbonctl: ", strings.Repeat("word ", 30)+strings.Repeat("x", 100)+" \x1b[2J")
	var b bytes.Buffer
	_, err := p.WriteTo(&b)
	require.NoError(t, err)
	got := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	require.Len(t, got, 5)
	assert.True(t, strings.HasPrefix(got[0], "carbonctl: word"))
	for i, l := range got {
		assert.True(t, i == 0 || strings.HasPrefix(l, strings.Repeat(" ", 11)) && l[11] != ' ', l)
		assert.True(t, len(l) <= layout.Width || strings.HasSuffix(l, strings.Repeat("x", 100)), "only a long word is wider: %s", l)
	}
	assert.NotContains(t, b.String(), "\x1b")
}
