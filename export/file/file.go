// Package file writes the report of a run to a file: JSON, or a page. Each is a sink for
// carbon.Config.Sinks, and replaces its file whole, so that a reader never sees half of it.
package file

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
)

// closing is how long before its deadline a file is given up, so that it is known
// why.
const closing = 20 * time.Millisecond

// A Sink writes the report to a file when the run has ended. A pipe or a device at that
// path is written to as it is.
type Sink struct {
	Path  string
	Write func(io.Writer, footprint.Report) error
}

// JSON is a sink for the report as JSON.
func JSON(path string) Sink { return Sink{path, report.JSON} }

// HTML is a sink for the report as a page that needs no other file. car is what emissions
// are compared with; the zero Car is the usual one.
func HTML(path string, car report.Car) Sink {
	return Sink{path, func(w io.Writer, r footprint.Report) error {
		return page.Run{Run: report.Run{Report: r, Car: car}}.Advised(regions.Builtin()).HTML(w)
	}}
}

// Report implements carbon.Sink.
func (f Sink) Report(ctx context.Context, r footprint.Report) error {
	write := func(to io.Writer) error { return f.Write(to, r) }
	if deadline, ok := ctx.Deadline(); ok {
		return output.WriteBy(f.Path, deadline.Add(-closing), write)
	}
	return output.Write(f.Path, write)
}

// The names of the sinks, by which a later run knows what one that was killed has left
// undone: see [Redo].
const (
	NameHTML = "html"
	NameJSON = "json-file"
)

// Redo makes a sink by its name for a run that could not finish, nil for a name that is
// not known. It writes no file that somebody has written since.
func Redo(name, path string) carbon.Sink {
	switch name {
	case NameHTML:
		return late{HTML(path, report.Car{})} // which car was chosen is not known
	case NameJSON:
		return late{JSON(path)}
	}
	return nil
}

// late is a file that is written by a later run.
type late struct{ Sink }

// Report implements carbon.Sink.
func (f late) Report(ctx context.Context, r footprint.Report) error {
	if info, err := os.Stat(f.Path); err == nil && info.ModTime().After(r.EndedAt) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.Sink.Report(ctx, r)
}
