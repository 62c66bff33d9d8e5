package metrics

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/export/file"
	"github.com/carbonctl/carbonctl/export/internal/runmetrics"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/exposition"
	"github.com/carbonctl/carbonctl/internal/output"
)

// NameTextfile is the name of the sink [Textfile] for a later run, which makes it by [RedoTextfile].
const NameTextfile = "textfile"

// A Textfile is a sink that keeps the metrics of a run in a file for the textfile
// collector of a node exporter: from the start on, every few seconds, and with the last
// reading. The file is replaced whole, holds no times, and stays when the run has ended.
// Its series have the label textfile, the file's name, since a node exporter refuses two
// files with the same series. Make it with [NewTextfile].
type Textfile struct {
	path string
	hold exposition.Hold
}

// NewTextfile makes a sink for the file at path, which must end in ".prom": the collector
// reads no others.
func NewTextfile(path string) (*Textfile, error) {
	if filepath.Ext(path) != ".prom" || filepath.Base(path) == ".prom" {
		return nil, fmt.Errorf("%s: the name must end in .prom, or the textfile collector does not read it", path)
	}
	return &Textfile{path: path}, nil
}

// Checkpoint implements carbon.Checkpointer.
func (t *Textfile) Checkpoint(r footprint.Report) error { return output.Write(t.path, t.text(r)) }

// Report implements carbon.Sink.
func (t *Textfile) Report(ctx context.Context, r footprint.Report) error {
	return t.sink().Report(ctx, r)
}

func (t *Textfile) sink() file.Sink {
	return file.Sink{Path: t.path, Write: func(w io.Writer, r footprint.Report) error { return t.text(r)(w) }}
}

func (t *Textfile) text(r footprint.Report) func(io.Writer) error {
	families := runmetrics.Of(r)
	if r.Status == footprint.Running { // the last report is what it is
		t.hold.Apply(r.RunID, families)
	}
	name := exposition.Label{Name: "textfile", Value: strings.TrimSuffix(filepath.Base(t.path), ".prom")}
	for _, f := range families {
		for i := range f.Samples {
			f.Samples[i].Labels = append(f.Samples[i].Labels[:len(f.Samples[i].Labels):len(f.Samples[i].Labels)], name)
		}
	}
	return func(w io.Writer) error { return exposition.Text.Write(w, families) }
}

var _ carbon.Checkpointer = (*Textfile)(nil)
