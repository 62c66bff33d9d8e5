package integration

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostile is a name in which everything means something to somebody.
const hostile = `a_b 50% R&D #1 $x$ {y} \z ~home ^2 <b>|"q" [*] 'é' --- \input{x}`

// TestLaTeXSetsItsTables compiles what goes into a paper as the paper would.
func TestLaTeXSetsItsTables(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("steps", `for i in 1 2 3; do
		carbonctl mark epoch-start $i/3
		carbonctl mark task-start "$1"
		carbonctl mark task-end "$1"
		carbonctl mark epoch-end
	done`)
	for _, project := range []string{hostile, "", `\`, "%", "{", "}", "$", "&", "#", "^", "~", "_", `\\`, `[h]`, "*"} {
		d.run("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "runs.csv", "--project", project, "--label", "team="+project, "--json-file", "run.json", "--", "sh", "steps", "task "+project)
		d.run("carbonctl", "report", "show", "run.json", "--output", "run.tex")
		compile(d, "run")
	}
	for name, args := range map[string][]string{
		"whole":  {},
		"groups": {"--by", "project,label:team"},
		"budget": {"--by", "month", "--budget", "1g"},
		"filter": {"--project", hostile, "--label", "team=" + hostile},
	} {
		d.run("carbonctl", append([]string{"report", "runs.csv", "--format", "latex", "--output", name + ".tex"}, args...)...)
		compile(d, name)
	}
}

// TestLaTeXCitesItsStatement puts the statement for a paper into one, and its sources
// into the list of references.
func TestLaTeXCitesItsStatement(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.run("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "runs.csv", "--", "true")
	statement := d.run("carbonctl", "report", "runs.csv", "--statement", "paper", "--about", hostile)
	text, sources, found := strings.Cut(statement, "% For the .bib file:\n")
	require.True(t, found, statement)
	d.write("sources.bib", sources)
	d.write("statement.tex", text+`\bibliographystyle{plain}\bibliography{sources}`)
	compile(d, "statement")
	d.run("bibtex", "paper")
	compile(d, "statement")
	compile(d, "statement")
	assert.NotContains(t, d.read("paper.log"), "undefined")
	assert.Equal(t, strings.Count(sources, "@misc{"), strings.Count(d.read("paper.bbl"), `\bibitem{`))
}

// compile sets one of our files in an article, with nothing but LaTeX's own.
func compile(d desk, name string) {
	d.Helper()
	d.write("paper.tex", `\documentclass{article}\begin{document}\input{`+name+`}\end{document}`)
	out, _, code := d.try("", "pdflatex", "-no-shell-escape", "-halt-on-error", "-interaction=nonstopmode", "paper.tex")
	assert.Zero(d, code, "%s:\n%s\n%s", name, d.read(name+".tex"), out)
	assert.True(d, strings.HasPrefix(d.read("paper.pdf"), "%PDF-"))
}
