package facts

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every code that a report can carry has words for whoever reads a ledger's totals.
func TestEveryWarningHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../footprint/warning.go", nil, 0)
	require.NoError(t, err)
	n := 0
	for _, d := range file.Decls {
		consts, ok := d.(*ast.GenDecl)
		if !ok || consts.Tok != token.CONST {
			continue
		}
		for _, s := range consts.Specs {
			for _, v := range s.(*ast.ValueSpec).Values {
				code, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				require.NoError(t, err)
				assert.Contains(t, codeWords, code)
				n++
			}
		}
	}
	assert.Len(t, codeWords, n+1, "one text a code, and that of imported rows")
	assert.Equal(t, "of a later version", CodeText("of-a-later-version"))
}
