// Package report shows what runs took to people and programs. A [Run] is text, JSON,
// Markdown or LaTeX; the [Totals] of many are these, CSV and metrics; a [Ranking] is what
// the same work would emit elsewhere; a [Statement] is what a paper, a model card or an
// auditor asks for. It writes to an io.Writer and does nothing else. Pages and pictures
// are in package page.
//
// What users name is escaped in each of these languages: no name can be a formula, a tag,
// a command or a mention.
//
// Functions and methods are safe for concurrent use as long as the values that they read are
// not changed.
package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// Formats are the names that [Totals.Write] takes.
func Formats() []string {
	return []string{"text", "json", "csv", "markdown", "latex", "openmetrics", "prometheus"}
}

// RunFormats are the names that [Run.Write] takes.
func RunFormats() []string { return []string{"text", "json", "markdown", "latex"} }

// A Screen is what text is written for: its width, and whether it has colours and bars.
// The zero Screen is a pipe or a file: 80 columns, no colour, no bars.
type Screen = layout.Screen

// A Run is the report of one run, to be shown in one of the forms below.
type Run struct {
	footprint.Report
	// Car is what its emissions are compared with.
	Car Car
}

// Write writes the run in a format by its name.
func (r Run) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return r.text(w)
	case "json":
		return JSON(w, r.Report)
	case "markdown":
		return r.sheet().Markdown(w)
	case "latex":
		return r.sheet().LaTeX(w)
	}
	return fmt.Errorf("unknown format %.40q: use one of %s", format, strings.Join(RunFormats(), ", "))
}

// Write writes the totals in a format by its name.
func (t Totals) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return t.Text(w)
	case "json":
		return t.json(w)
	case "csv":
		return t.csv(w)
	case "markdown":
		return t.markdown(w)
	case "latex":
		return t.latex(w)
	case "openmetrics":
		return t.openMetrics(w)
	case "prometheus":
		return t.prometheus(w)
	}
	return fmt.Errorf("unknown format %.40q: use one of %s", format, strings.Join(Formats(), ", "))
}
