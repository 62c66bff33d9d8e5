// Package page shows runs as HTML pages that need no other file, and as SVG pictures for
// a paper: a [Run] by itself, several of them beside each other in a [Compare], and all
// those of a [Team].
//
// A page loads nothing, and its policy allows only what is in it. What users name is
// escaped.
package page

import (
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// A Run is the page of one run. Its fields are only read; the zero Run is the page
// of a run of which nothing is known.
type Run struct {
	report.Run
	// Advice is what would have made it emit less, as [runs.Advise] finds it, and Places what
	// the same energy would emit elsewhere, as [runs.Elsewhere]; nil: the page has no such
	// part.
	Advice []runs.Advice
	Places []runs.Comparison
	// Links are in the head of a page that is served: text and address. nil: none.
	Links [][2]string
	// Script is run in a page that is served, such as to follow the run while it goes on;
	// its policy allows it by its hash, and requests to where the page is from. "": none.
	Script string
}

// Advised is the run with the advice on other places and hours for its page, by a table.
func (r Run) Advised(t *regions.Table) Run {
	r.Places = runs.Elsewhere(t, r.Report)
	r.Advice = runs.Advise(t, r.Report, r.Places)
	return r
}
