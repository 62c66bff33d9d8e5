package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
)

// Formats are the names that Write and [Totals.Write] take; csv and openmetrics only the
// latter.
func Formats() []string {
	return []string{"text", "json", "csv", "markdown", "html", "latex", "openmetrics"}
}

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
	return unknownFormat(format, "csv", "openmetrics")
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
	return unknownFormat(format)
}

func unknownFormat(format string, but ...string) error {
	var all []string
	for _, f := range Formats() {
		if !slices.Contains(but, f) {
			all = append(all, f)
		}
	}
	return fmt.Errorf("%.40q is no format: it is one of %s", format, strings.Join(all, ", "))
}
