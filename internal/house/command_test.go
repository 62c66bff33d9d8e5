package house

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hall are the files of the command that all commands may use: main and the tree of
// commands, their help, hints, settings and the flags that several have. Any other file belongs to the
// command that it is named after, up to the first underscore.
var hall = []string{"main", "root", "help", "exit", "hint", "settings", "flags", "reading"}

// TestNoCommandUsesAnother checks that what two commands need stands in a room of its own:
// no command's file uses an identifier of another command's file. Only root.go, which
// builds the tree, knows all of them.
func TestNoCommandUsesAnother(t *testing.T) {
	uses := crossings(t, "../../cmd/carbonctl")
	assert.Empty(t, uses)
}

// command is what a file belongs to, "" for the hall.
func command(path string) string {
	name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".go"), "_")
	if slices.Contains(hall, name) {
		return ""
	}
	return name
}

// crossings lists the uses of one command's identifiers in another's files, and in the
// hall's but root.go.
func crossings(t *testing.T, dir string) (all []string) {
	fset := token.NewFileSet()
	var files []*ast.File
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			files = append(files, f)
		}
	}
	require.NotEmpty(t, files)
	// What is imported does not matter, so that nothing but these files is looked at.
	config := types.Config{Error: func(error) {}, Importer: nothing{}}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	pkg, _ := config.Check("main", fset, files, info)
	for id, object := range info.Uses {
		if object.Pkg() != pkg || !outside(object, pkg) {
			continue
		}
		from, to := fset.Position(id.Pos()), fset.Position(object.Pos())
		user, owner := command(from.Filename), command(to.Filename)
		if owner != "" && user != owner && filepath.Base(from.Filename) != "root.go" {
			all = append(all, filepath.Base(from.String())+" uses "+id.Name+" of "+filepath.Base(to.Filename))
		}
	}
	slices.Sort(all)
	return all
}

// outside reports whether an object can be used from other files: it is declared at the
// top, or is a method or a field.
func outside(object types.Object, pkg *types.Package) bool {
	switch o := object.(type) {
	case *types.Func:
		return true
	case *types.Var:
		return o.IsField() || o.Parent() == pkg.Scope()
	}
	return object.Parent() == pkg.Scope()
}

// nothing imports nothing.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not looked at") }

func TestCrossingsAreFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"root.go":     "package main\ntype app struct{ out int }\nfunc main() { new(app).wrap() }",
		"flags.go":    "package main\nfunc shared() { helper() }",
		"wrap.go":     "package main\nfunc (a *app) wrap() { _ = a.out; shared(); own() }",
		"wrap_own.go": "package main\nfunc own() {}\nfunc helper() {}\ntype kept struct{ n int }",
		"show.go":     "package main\nimport \"fmt\"\nfunc (a *app) show() { own(); var k kept; fmt.Println(k.n, fmt.Sprint()); a.wrap() }",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	assert.Equal(t, []string{
		"flags.go:2:17 uses helper of wrap_own.go",
		"show.go:3:24 uses own of wrap_own.go",
		"show.go:3:37 uses kept of wrap_own.go",
		"show.go:3:57 uses n of wrap_own.go",
		"show.go:3:77 uses wrap of wrap.go",
	}, crossings(t, dir))
}

// maxLines is how long a file may be: it is one idea.
const maxLines = 400

// TestFilesAreShort counts the lines of every Go file, tests and generated ones apart.
func TestFilesAreShort(t *testing.T) {
	for file := range sources(t, "../..") {
		b, err := os.ReadFile(filepath.Join("../..", file))
		require.NoError(t, err)
		if strings.HasPrefix(string(b), "// Code generated ") {
			continue
		}
		assert.LessOrEqual(t, strings.Count(string(b), "\n"), maxLines, file)
	}
}
