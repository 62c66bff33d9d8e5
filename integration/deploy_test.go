package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRules checks the rules as docs/fleet.md says, and tries them.
func TestRules(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, name := range []string{"rules.yml", "rules_test.yml", "scrape.yml"} {
		b, err := os.ReadFile("../deploy/prometheus/" + name)
		require.NoError(t, err)
		d.write(name, string(b))
	}
	for _, args := range [][]string{{"check", "rules", "rules.yml"}, {"test", "rules", "rules_test.yml"}, {"check", "config", "scrape.yml"}} {
		d.run("promtool", args...) // which must exit with 0
	}
}

// TestDashboard reads the dashboard strictly, by Grafana's own types, and each of its
// queries by Prometheus' own parser. They ask for metrics that there are.
func TestDashboard(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../deploy/grafana/carbonctl.json")
	require.NoError(t, err)
	plugins.RegisterDefaultPlugins()
	//lint:ignore SA1019 the classic schema is what we ship: every Grafana reads it
	var board dashboard.Dashboard
	if err := board.UnmarshalJSONStrict(b); err != nil { // an empty list of errors is one too
		require.Empty(t, err.Error())
	}
	if err := board.Validate(); err != nil {
		require.Empty(t, err.Error())
	}
	assert.Equal(t, uint16(42), board.SchemaVersion)

	page, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	queries := 0
	for line := range strings.Lines(string(b)) {
		_, expr, ok := strings.Cut(strings.TrimSpace(line), `"expr": `)
		if !ok {
			continue
		}
		queries++
		expr = strings.NewReplacer(`\"`, `"`, "$__rate_interval", "5m", "$project", "p").Replace(strings.Trim(strings.TrimSuffix(expr, ","), `"`))
		checkQuery(t, string(page), expr)
	}
	assert.Greater(t, queries, 8)
}

// checkQuery parses a query, and looks its metrics up.
func checkQuery(t *testing.T, page, expr string) {
	p := parser.NewParser(parser.Options{})
	tree, err := p.ParseExpr(expr)
	require.NoError(t, err, expr)
	n := 0
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			n++
			known := strings.Contains(page, "`"+v.Name+"`") || strings.Contains(page, "`"+strings.TrimSuffix(v.Name, "_total")+"`")
			assert.True(t, known, "docs/metrics.md has no %s", v.Name)
		}
		return nil
	})
	assert.Positive(t, n, expr)
}

// TestDeployIsExplained: each file says how to check it.
func TestDeployIsExplained(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/fleet.md")
	require.NoError(t, err)
	files, err := filepath.Glob("../deploy/*/*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 4)
	for _, f := range files {
		assert.Contains(t, string(page), strings.TrimPrefix(f, "../"))
	}
}
