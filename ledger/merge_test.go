package ledger

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// files writes each text to a file of its own.
func files(t testing.TB, texts ...string) (paths []string) {
	t.Helper()
	for _, text := range texts {
		path := newPath(t)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		paths = append(paths, path)
	}
	return paths
}

func TestMerge(t *testing.T) {
	a, b := five(t, idA), five(t, idB)
	whole := func(lines []string) string { return strings.Join(lines, "") }
	both := whole(a) + whole(b[1:])
	for name, in := range map[string][]string{
		"two hosts":                {whole(a), whole(b)},
		"an older copy before":     {whole(a[:3]), whole(a), whole(b)},
		"an older copy after":      {whole(a), whole(b), whole(a[:4]), whole(b[:1])},
		"a merged one, and more":   {whole(a[:3]) + whole(b[1:3]), whole(a), whole(b)},
		"itself":                   {both, both},
		"an empty and a bare file": {"", whole(a), Header + "\n", whole(b)},
	} {
		out := newPath(t)
		heads, err := Merge(out, files(t, in...)...)
		require.NoError(t, err, name)
		assert.Equal(t, []Head{headOf(t, a), headOf(t, b)}, heads, name)
		result, err := Verify(strings.NewReader(contents(t, out)), heads...)
		require.NoError(t, err)
		assert.Empty(t, result.Findings, name)
		assert.Empty(t, result.Unseen, name)
		assert.EqualValues(t, 10, result.Rows, name)
	}
}

func TestMergeHidesNothing(t *testing.T) {
	a, b := five(t, idA), five(t, idB)
	altered := strings.Replace(strings.Join(a, ""), "a-3", "a-9", 1)
	noted := strings.Join(a[:3], "") + "checked by me\n" + strings.Join(a[3:], "")
	for name, text := range map[string]string{"altered": altered, "a note": noted, "a row removed": strings.Join(a[:2], "") + strings.Join(a[3:], "")} {
		out := newPath(t)
		heads, err := Merge(out, files(t, strings.Join(b, ""), text)...)
		require.NoError(t, err, name)
		result, err := Verify(strings.NewReader(contents(t, out)), heads...)
		require.NoError(t, err)
		assert.False(t, result.OK(), name)
	}
}

func TestMergeOfATornLedger(t *testing.T) {
	a, b := five(t, idA), five(t, idB)
	out := newPath(t)
	in := files(t, strings.Join(a, "")+"carbonctl.le", strings.Join(b, ""))
	heads, err := Merge(out, in...)
	assert.ErrorIs(t, err, ErrTorn)
	assert.ErrorContains(t, err, in[0]+":7")
	assert.Len(t, heads, 2)
	result, err := Verify(strings.NewReader(contents(t, out)), heads...)
	require.NoError(t, err)
	assert.True(t, result.OK())
}

func TestMergeRefuses(t *testing.T) {
	a := five(t, idA)
	forked := append(append([]string{}, a[:5]...), seal(strings.Replace(a[5], "a-5", "a-6", 1)))
	var fork *ForkError
	var header *HeaderError
	for name, in := range map[string][]string{
		"a fork": {strings.Join(a, ""), strings.Join(forked, "")}, "foreign": {strings.Join(a, ""), codecarbonHeader},
		"too long": {Header + "\n" + strings.Repeat("x", MaxRow+1) + "\n"},
	} {
		out := newPath(t)
		paths := files(t, in...)
		_, err := Merge(out, paths...)
		require.Error(t, err, name)
		assert.ErrorContains(t, err, paths[len(paths)-1])
		switch name {
		case "a fork":
			require.ErrorAs(t, err, &fork)
			assert.Equal(t, ForkError{paths[1], 6, idA}, *fork)
		case "foreign":
			assert.ErrorAs(t, err, &header)
		}
		left, _ := os.ReadDir(filepath.Dir(out))
		assert.Empty(t, left, name)
	}
	out := files(t, "precious")[0]
	_, err := Merge(out, files(t, strings.Join(a, ""))...)
	assert.ErrorIs(t, err, fs.ErrExist)
	assert.Equal(t, "precious", contents(t, out))
	_, err = Merge(newPath(t), filepath.Join(t.TempDir(), "none.csv"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
