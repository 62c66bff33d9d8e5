package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
)

// Formats are the names that [Totals.Write] takes.
func Formats() []string {
	return []string{"text", "json", "csv", "markdown", "html", "latex", "openmetrics"}
}

// RunFormats are the names that Write takes.
func RunFormats() []string { return []string{"text", "json", "markdown", "html", "latex"} }

// Write writes a report in a format by its name.
func Write(w io.Writer, format string, r footprint.Report) error {
	switch format {
	case "text":
		return Text(w, r)
	case "json":
		return JSON(w, r)
	case "markdown":
		return Markdown(w, r)
	case "html":
		return HTML(w, r)
	case "latex":
		return LaTeX(w, r)
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
	}
	return unknownFormat(format, Formats())
}

func unknownFormat(format string, known []string) error {
	return fmt.Errorf("%.40q is no format: it is one of %s", format, strings.Join(known, ", "))
}
