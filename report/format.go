package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// Formats are the names that [Totals.Write] takes.
func Formats() []string {
	return []string{"text", "json", "csv", "markdown", "html", "latex", "openmetrics", "prometheus"}
}

// RunFormats are the names that [Run.Write] takes.
func RunFormats() []string { return []string{"text", "json", "markdown", "html", "latex", "svg"} }

// A Run is the report of one run, to be shown in one of the forms below.
type Run struct {
	footprint.Report
	// Car is what its emissions are compared with.
	Car Car
	// Advice says on a page what would have made it emit less, as [runs.Advise] finds
	// it, and Places what the same energy would emit elsewhere, as [runs.Elsewhere]; nil:
	// the page has no such part.
	Advice []runs.Advice
	Places []runs.Comparison
	// Links stand in the head of a page that is served: text and address. nil: none.
	Links [][2]string
	// Script is run in a page that is served, such as to follow the run while it goes on;
	// its policy allows it by its hash, and requests to where the page is from. "": none.
	Script string
}

// Advised is the run with what a page says of other places and hours, by a table.
func (r Run) Advised(t *regions.Table) Run {
	r.Places = runs.Elsewhere(t, r.Report)
	r.Advice = runs.Advise(t, r.Report, r.Places)
	return r
}

// Write writes the run in a format by its name.
func (r Run) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return r.text(w)
	case "json":
		return JSON(w, r.Report)
	case "markdown":
		return r.sheet().markdown(w)
	case "html":
		return r.html(w)
	case "latex":
		return r.sheet().latex(w)
	case "svg":
		return r.SVG(w, PowerPicture, Size{})
	}
	return unknownFormat(format, RunFormats())
}

// Write writes the totals in a format by its name.
func (t Totals) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return t.Text(w)
	case "json":
		return t.JSON(w)
	case "csv":
		return t.CSV(w)
	case "markdown":
		return t.Markdown(w)
	case "html":
		return t.HTML(w)
	case "latex":
		return t.LaTeX(w)
	case "openmetrics":
		return t.OpenMetrics(w)
	case "prometheus":
		return t.Prometheus(w)
	}
	return unknownFormat(format, Formats())
}

func unknownFormat(format string, known []string) error {
	return fmt.Errorf("unknown format %.40q: use one of %s", format, strings.Join(known, ", "))
}
