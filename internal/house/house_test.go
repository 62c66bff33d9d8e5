// Package house holds the rule of which package may import which. Data flows
// one way, from counters up to the command; an import that points the other way,
// or a module that comes in by a side door, fails here.
package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/carbonctl/carbonctl"

// rooms says what the code of each package may import besides the standard
// library: packages of ours by their folder, modules by their path. Lower
// floors come first.
var rooms = map[string][]string{
	// Floor 1: words, and the kernel's files.
	"energy":              {},
	"internal/atomicfile": {},
	"internal/exposition": {},
	"internal/timespec":   {},
	"internal/deliver":    {},
	"internal/formula":    {},
	"internal/nearest":    {},
	"internal/proc":       {"github.com/shirou/gopsutil/v3", "golang.org/x/sys"},

	// Floor 2: counters of one source each, and grams per kWh.
	"rapl":                 {"energy", "golang.org/x/sys"},
	"nvml":                 {"energy", "estimate", "github.com/NVIDIA/go-nvml"},
	"nvml/internal/gen":    {},
	"estimate":             {"energy", "internal/nearest", "internal/proc"},
	"regions":              {"energy", "internal/nearest"},
	"regions/internal/gen": {},

	// Its live providers, a package each, over one HTTP layer.
	"regions/internal/fetch":  {"regions", "internal/atomicfile", "internal/timespec"},
	"regions/electricitymaps": {"regions", "regions/internal/fetch"},
	"regions/gbcarbon":        {"regions", "regions/internal/fetch"},
	"regions/rte":             {"regions", "regions/internal/fetch"},
	"regions/watttime":        {"regions", "regions/internal/fetch"},
	"regions/entsoe":          {"regions", "regions/internal/fetch"},
	"regions/carbonaware":     {"regions", "regions/internal/fetch"},
	"regions/live":            {"regions", "regions/carbonaware", "regions/electricitymaps", "regions/entsoe", "regions/gbcarbon", "regions/plain", "regions/rte", "regions/watttime"},
	"regions/plain":           {"regions", "regions/internal/fetch"},
	"regions/metadata":        {},

	// Floor 3: arithmetic on plain values.
	"footprint/predict": {},
	"footprint":         {"energy", "regions", "footprint/predict", "internal/formula"},
	"runs":              {"energy", "footprint", "regions", "github.com/google/uuid"},
	"plan":              {"energy", "estimate", "internal/nearest", "github.com/BurntSushi/toml"},
	"internal/config":   {"footprint", "regions", "internal/nearest", "github.com/BurntSushi/toml"},

	// Floor 4: the tracker, the record, the pages.
	"internal/about":  {"footprint", "internal/proc"},
	"internal/nested": {"internal/proc", "github.com/google/uuid"},
	"carbon":          {"energy", "rapl", "nvml", "estimate", "regions", "footprint", "internal/about", "internal/config", "internal/nested", "internal/proc", "github.com/google/uuid"},
	"ledger":          {"energy", "internal/formula", "internal/atomicfile", "internal/timespec", "footprint", "runs", "regions", "github.com/gocarina/gocsv", "github.com/gofrs/flock", "github.com/google/uuid", "golang.org/x/sys"},
	"ledger/foreign":  {"energy", "footprint", "plan", "runs", "regions", "github.com/google/uuid"},
	"ledger/sshsig":   {"golang.org/x/crypto"},

	// What is shown: amounts and names as text, the layout, what is said, and its forms.
	"internal/escape": {"internal/formula"},
	"internal/format": {"energy", "footprint", "regions", "github.com/rivo/uniseg"},
	"internal/layout": {"internal/escape", "internal/format"},
	"internal/facts":  {"energy", "footprint", "plan", "runs", "regions", "internal/escape", "internal/format", "internal/layout"},
	"report":          {"energy", "internal/escape", "internal/exposition", "internal/facts", "internal/format", "internal/layout", "footprint", "plan", "runs", "regions"},
	"report/page":     {"energy", "internal/escape", "internal/facts", "internal/format", "internal/layout", "footprint", "runs", "regions", "report"},
	"internal/screen": {"energy", "footprint", "plan", "runs", "regions", "internal/escape", "internal/facts", "internal/format", "internal/layout", "report"},

	"internal/revision": {},

	"export/ci":                  {"footprint", "internal/output", "report"},
	"export/otlp":                {"energy", "footprint", "internal/deliver", "github.com/google/uuid"},
	"export/internal/sent":       {"footprint"},
	"export/influx":              {"energy", "export/internal/sent", "footprint", "internal/deliver"},
	"export/jsonlines":           {"energy", "footprint", "regions"},
	"export/mlflow":              {"energy", "export/internal/sent", "footprint", "internal/deliver", "regions", "report", "report/page"},
	"export/webhook":             {"footprint", "internal/deliver"},
	"export/file":                {"carbon", "footprint", "internal/output", "regions", "report", "report/page"},
	"export/internal/runmetrics": {"energy", "footprint", "internal/exposition"},
	"export/metrics":             {"carbon", "export/file", "export/internal/runmetrics", "footprint", "internal/deliver", "internal/exposition", "internal/output"},
	// The official client costs each start of a program 1.4 ms: never in the command.
	"export/prometheus": {"export/internal/runmetrics", "footprint", "internal/exposition", "github.com/prometheus/client_golang"},

	// Floor 5: the command.
	"internal/attach":  {"footprint", "internal/child", "internal/proc", "golang.org/x/sys"},
	"internal/child":   {"golang.org/x/sys"},
	"internal/control": {"carbon", "energy", "footprint", "regions"},
	"internal/fleet":   {"energy", "footprint", "regions", "runs", "github.com/google/uuid"},
	"internal/engine":  {"footprint"},
	"internal/input":   {"footprint", "internal/config", "internal/timespec", "ledger", "regions", "report", "runs"},
	"internal/output":  {"internal/atomicfile", "internal/format", "internal/layout", "golang.org/x/sys", "golang.org/x/term"},
	"internal/locate":  {"regions", "regions/metadata"},
	"internal/spool":   {"footprint", "internal/atomicfile", "internal/deliver", "github.com/gofrs/flock"},
	"internal/session": {"energy", "export/webhook", "footprint", "carbon", "ledger", "internal/attach", "internal/child", "internal/engine", "internal/deliver", "internal/spool", "internal/nested", "internal/output", "internal/proc", "internal/revision", "internal/watch"},
	"internal/wait":    {"footprint", "internal/atomicfile", "internal/format", "internal/screen", "regions", "github.com/gofrs/flock"},
	"internal/watch":   {"golang.org/x/sys"},
	"cmd/carbonctl": {
		"carbon", "energy", "estimate", "footprint", "plan", "runs", "internal/attach", "internal/child", "internal/engine", "internal/config", "internal/control", "internal/input", "internal/locate", "internal/timespec", "export/ci", "export/file", "export/otlp", "internal/about", "internal/nearest", "internal/nested", "internal/output", "internal/session", "internal/spool", "internal/wait", "internal/watch", "ledger/sshsig", "ledger/foreign", "internal/proc", "internal/serve", "ledger", "nvml", "rapl", "regions", "report",
		"export/metrics", "internal/fleet",
		"internal/facts", "internal/format", "internal/layout", "internal/screen", "report/page",
		"export/influx", "export/jsonlines", "export/mlflow", "export/webhook", "internal/deliver",
		"regions/live",
		"internal/serve/store",
		"github.com/spf13/cobra", "github.com/spf13/pflag",
	},

	// The server, below the command.
	"internal/serve":       {"energy", "footprint", "internal/exposition", "internal/input", "internal/format", "internal/serve/store", "internal/timespec", "regions", "report", "report/page", "runs"},
	"internal/serve/store": {"energy", "footprint", "internal/input", "ledger", "report", "runs", "github.com/google/uuid"},

	// For tests, and for people.
	"energy/energytest":          {"energy"},
	"regions/internal/fetchtest": {"regions", "github.com/stretchr/testify"},
	"internal/machinetest":       {"energy", "golang.org/x/tools"},
	"internal/reporttest":        {"energy", "footprint", "regions", "runs", "github.com/stretchr/testify"},
	"internal/house":             {},
	"examples/train":             {"carbon", "report"},
}

func TestImportsOnlyPointDown(t *testing.T) {
	seen := map[string]bool{}
	for file, imports := range sources(t, "../..") {
		room := path.Dir(file)
		allowed, ok := rooms[room]
		require.True(t, ok, "%s: no rule says what package %s may import; add it to the table", file, room)
		seen[room] = true
		for _, im := range imports {
			assert.True(t, may(allowed, im), "%s imports %s, which package %s may not", file, im, room)
		}
	}
	for room := range rooms {
		if room != "internal/house" && !seen[room] {
			t.Errorf("the table has a rule for %s, which does not exist", room)
		}
	}
}

// TestNoRuleIsIdle checks that what a package may import it does import: a door that nobody
// uses is shut.
func TestNoRuleIsIdle(t *testing.T) {
	used := map[string][]string{}
	for file, imports := range sources(t, "../..") {
		used[path.Dir(file)] = append(used[path.Dir(file)], imports...)
	}
	for room, allowed := range rooms {
		for _, a := range allowed {
			assert.True(t, slices.ContainsFunc(used[room], func(im string) bool { return may([]string{a}, im) && strings.Contains(im, a) }),
				"%s may import %s, and does not", room, a)
		}
	}
}

// may reports whether an import is allowed by a rule.
func may(allowed []string, im string) bool {
	if first, _, _ := strings.Cut(im, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	if ours, ok := strings.CutPrefix(im, module+"/"); ok {
		return slices.Contains(allowed, ours)
	}
	return slices.ContainsFunc(allowed, func(a string) bool {
		return im == a || strings.HasPrefix(im, a+"/")
	})
}

// sources gives the imports of every Go file below a folder but tests, by path.
func sources(t *testing.T, root string) map[string][]string {
	files := map[string][]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "integration" || strings.HasPrefix(d.Name(), ".") && file != "."):
			return fs.SkipDir // integration is a module of its own
		case d.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files[file] = []string{}
		for _, im := range f.Imports {
			p, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				return err
			}
			files[file] = append(files[file], p)
		}
		return nil
	})
	require.NoError(t, err)
	return files
}

func TestTheRuleCatchesWhatItShould(t *testing.T) {
	assert.True(t, may(rooms["energy"], "strings"))
	assert.False(t, may(rooms["energy"], module+"/carbon"), "nothing upward")
	assert.False(t, may(rooms["footprint"], module+"/ledger"))
	assert.False(t, may(rooms["ledger"], "github.com/spf13/cobra"))
	assert.True(t, may(rooms["estimate"], module+"/internal/proc"))
	assert.False(t, may(rooms["carbon"], "github.com/google/uuidx"))
}

var code = regexp.MustCompile(`= +"([a-z-]+)"`)

// TestEveryWarningIsExplained compares the codes with the page that users read.
func TestEveryWarningIsExplained(t *testing.T) {
	src, err := os.ReadFile("../../footprint/warning.go")
	require.NoError(t, err)
	page, err := os.ReadFile("../../docs/report.md")
	require.NoError(t, err)
	codes := code.FindAllStringSubmatch(string(src), -1)
	require.Greater(t, len(codes), 20)
	for _, c := range codes {
		assert.Contains(t, string(page), "| `"+c[1]+"` |")
	}
}

// TestEveryModuleIsExplained compares go.mod, and that of the tests with real
// programs, with the page on dependencies.
func TestEveryModuleIsExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/dependencies.md")
	require.NoError(t, err)
	for file, least := range map[string]int{"../../go.mod": 6, "../../integration/go.mod": 3} {
		mod, err := os.ReadFile(file)
		require.NoError(t, err)
		n := 0
		for line := range strings.Lines(string(mod)) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "require ")
			name, _, ok := strings.Cut(line, " v")
			if !ok || !strings.Contains(name, ".") || strings.Contains(line, "// indirect") {
				continue
			}
			n++
			known := strings.Contains(string(page), name) || name == "github.com/spf13/pflag" || name == module
			assert.True(t, known, "docs/dependencies.md has no line for %s", name)
		}
		assert.GreaterOrEqual(t, n, least, file)
	}
}

var goFile = regexp.MustCompile("`((?:[a-z]+/)+[a-z_]+\\.go)`")

// TestArchitectureNamesWhatExists reads the files that the page on the house sends to.
func TestArchitectureNamesWhatExists(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	files := goFile.FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(files), 5)
	for _, f := range files {
		assert.FileExists(t, filepath.Join("../..", f[1]))
	}
}
