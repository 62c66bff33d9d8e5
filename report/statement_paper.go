package report

import (
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// paper is a paragraph in LaTeX that needs no package, and the entries that it
// cites in BibTeX.
func paper(t runs.Total, a About) string {
	list, more := factors(t)
	cite := map[string]string{} // by source
	var sources, grid []string
	for _, g := range list {
		s := escape.LaTeX(factor(t, g))
		switch {
		case regions.Kind(g.Kind) == regions.Own:
			s += " (our own value)"
		case g.Source != "":
			if cite[g.Source] == "" {
				cite[g.Source] = fmt.Sprintf("carbonctl-grid-%d", len(sources)+1)
				sources = append(sources, g.Source)
			}
			s += `~\cite{` + cite[g.Source] + "}"
		}
		grid = append(grid, s)
	}
	if more > 0 {
		grid = append(grid, fmt.Sprintf("%d more", more))
	}
	var b strings.Builder
	b.WriteString("\\paragraph{Carbon footprint.}\n")
	sentence := func(format string, args ...any) { b.WriteString(fmt.Sprintf(format, args...) + "\n") }
	sentence("The %s %s took %s in all and used %s of electricity (%s), %s,", escape.LaTeX(runsOf(t, a)), span(t),
		escape.LaTeXAmount(format.Duration(t.Duration)), escape.LaTeXAmount(format.Energy(t.Energy)), escape.LaTeXAmount(facts.EnergyRange(t.Summary)), escape.LaTeX(basis(t)))
	sentence("as recorded by %s~\\cite{carbonctl}.", escape.LaTeX(tool(t)))
	sentence("%s %s", charged(t), pue(t))
	sentence("With the grid's carbon intensity, %s, this is %s.", strings.Join(grid, "; "), facts.Emitted(t.Summary, escape.LaTeXAmount))
	if t.MarketRuns == t.Runs {
		sentence("By contracts (market-based) it is %s CO2e.", escape.LaTeXAmount(format.Mass(t.Market)))
	}
	sentence("%s %s", ofEnergy, embodied(t))
	if what := hardware(a); what != "" {
		sentence("Hardware: %s.", escape.LaTeX(what))
	}
	text := escape.LaTeXCO2(b.String())

	b.Reset()
	b.WriteString("\n% For the .bib file:\n")
	entry := func(key string, fields ...string) {
		b.WriteString("@misc{" + key + ",\n")
		for i := 0; i < len(fields); i += 2 {
			if fields[i+1] != "" {
				fmt.Fprintf(&b, "  %s = {%s},\n", fields[i], fields[i+1])
			}
		}
		b.WriteString("}\n")
	}
	entry("carbonctl", "key", "carbonctl", "title", "{carbonctl}: energy and carbon footprint of computing work", "howpublished", home,
		"note", escape.LaTeX(strings.TrimPrefix(facts.Versions(strings.TrimPrefix(tool(t), "carbonctl "), ""), "carbonctl ")))
	for i, s := range sources {
		year, zones := "", []string{}
		for _, g := range list {
			if g.Source == s {
				zones = append(zones, escape.LaTeX(format.NameText(g.Zone)))
				if g.Year != 0 {
					year = fmt.Sprintf(", data of %d", g.Year)
				}
			}
		}
		entry(fmt.Sprintf("carbonctl-grid-%d", i+1), "key", "carbon intensity", "title", "{"+escape.LaTeX(s)+"}", "note", "Carbon intensity of electricity: "+strings.Join(zones, ", ")+year)
	}
	return text + b.String()
}
