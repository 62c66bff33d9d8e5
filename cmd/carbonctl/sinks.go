package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/report"
)

// closing is how long before its deadline a file is given up, so that it is known
// why.
const closing = 20 * time.Millisecond

// A fileSink writes the report to a file.
type fileSink struct {
	path  string
	write func(io.Writer, footprint.Report) error
}

// Report implements carbon.Sink.
func (f fileSink) Report(ctx context.Context, r footprint.Report) error {
	write := func(to io.Writer) error { return f.write(to, r) }
	if deadline, ok := ctx.Deadline(); ok {
		return output.WriteBy(f.path, deadline.Add(-closing), write)
	}
	return output.Write(f.path, write)
}

// The names of sinks, by which a later run knows what one that was killed has
// left undone.
const (
	pageSink = "html"
	jsonSink = "json-file"
)

func (w *wrapping) sinks() (all []session.Sink) {
	add := func(name, path, failed string, write func(io.Writer, footprint.Report) error) {
		if path == "" {
			return
		}
		s := session.Sink{Sink: fileSink{path, write}, Failed: failed}
		if abs, err := filepath.Abs(path); err == nil && output.IsFile(path) {
			s.Name, s.Target = name, abs // what is no file is not there later
		}
		all = append(all, s)
	}
	add(pageSink, w.html, "the page was not written", page(w.config.car))
	add(jsonSink, w.jsonTo, "the JSON file was not written", report.JSON)
	return all
}

// page writes a run as a page.
func page(car report.Car) func(io.Writer, footprint.Report) error {
	return func(w io.Writer, r footprint.Report) error {
		return report.Run{Report: r, Car: car}.Write(w, "html")
	}
}

// redo makes a sink for a run that could not finish.
func redo(name, target string) carbon.Sink {
	switch name {
	case pageSink:
		return lateFile{fileSink{target, report.HTML}} // which car was chosen is not known
	case jsonSink:
		return lateFile{fileSink{target, report.JSON}}
	}
	return nil
}

// lateFile is a file that is written by a later run, unless somebody has written
// it since.
type lateFile struct{ fileSink }

// Report implements carbon.Sink.
func (f lateFile) Report(ctx context.Context, r footprint.Report) error {
	if info, err := os.Stat(f.path); err == nil && info.ModTime().After(r.EndedAt) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.fileSink.Report(ctx, r)
}
