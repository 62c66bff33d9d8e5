package formula

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGuard(t *testing.T) {
	for _, c := range []struct{ text, cell string }{
		{"plain", "plain"}, {"", ""}, {`C:\temp`, `C:\temp`}, {"a=b", "a=b"}, {"it's", "it's"},
		{"=1+1", "'=1+1"}, {"-x", "'-x"}, {"+x", "'+x"}, {"@x", "'@x"}, {" =x", "' =x"}, {"＝x", "'＝x"},
		{"'quoted'", "''quoted'"}, {"a\nb", `'a\nb`}, {"\tx", `'\tx`}, {"\rx", `'\rx`}, {"a\x00", `'a\u0000`},
		{"a\xffb", `'a\xffb`}, {"x;=1+1", `'x\u003b=1+1`}, {`;" -1;a`, `'\u003b" -1;a`}, {"a;b=c", "a;b=c"}, {"=\\", `'=\\`}, {"a\u2028b", `'a\u2028b`},
	} {
		assert.Equal(t, c.cell, Guard(c.text), "%q", c.text)
		assert.Equal(t, c.text, Unguard(c.cell), "%q", c.cell)
	}
	assert.Equal(t, `C:\dir\`, Unguard(`'C:\dir\`), "escapes that we do not write stay")
}

func FuzzGuard(f *testing.F) {
	for _, s := range []string{"", "=1+1", "'=1", "a;=b", "\xff", "x\r\ny", "\\", "＝x", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cell := Guard(s)
		require.Equal(t, s, Unguard(cell))
		require.NotContains(t, cell, "\n")
		require.NotContains(t, cell, "\r")
		require.False(t, strings.HasPrefix(strings.TrimLeft(cell, " \t"), "="))
		Unguard(s) // whatever it is
	})
}
