package main

import (
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/export/file"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/session"
)

// sinkFlags are those of sinks that no settings file may name. The others are keys of
// internal/config, which make their flags.
type sinkFlags struct {
	jsonTo string // files for the report, "" for none
	html   string
}

func (s *sinkFlags) add(f *pflag.FlagSet) {
	f.StringVar(&s.jsonTo, "json-file", "", "write the result as JSON to this `FILE` too")
	f.StringVar(&s.html, "html", "", "write the result as a page to this `FILE` too")
}

// sinks are what flags and settings say that is given the report. No sink without its flag
// or key: what else is in the environment only configures one.
//
// A sink has a line here and one in redo.
func (w *runFlags) sinks() (all []session.Sink, err error) {
	all = addFile(all, file.NameHTML, file.HTML(w.sink.html, w.config.car), "the page was not written")
	all = addFile(all, file.NameJSON, file.JSON(w.sink.jsonTo), "the JSON file was not written")
	return all, nil
}

// redo makes a sink again for a run that could not deliver its report, nil for a name that
// is not known, or where this process lacks what it needs.
func (w *runFlags) redo(name, target string) carbon.Sink {
	switch name {
	case file.NameHTML, file.NameJSON:
		return file.Redo(name, target)
	}
	return nil
}

func addFile(all []session.Sink, name string, sink file.Sink, failed string) []session.Sink {
	if sink.Path == "" {
		return all
	}
	s := session.Sink{Sink: sink, Failed: failed}
	if abs, err := filepath.Abs(sink.Path); err == nil && output.IsFile(sink.Path) {
		s.Name, s.Target = name, abs // what is no file is not there later
	}
	return append(all, s)
}
