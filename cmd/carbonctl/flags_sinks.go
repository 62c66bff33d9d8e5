package main

import (
	"path/filepath"

	"github.com/carbonctl/carbonctl/export/file"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/session"
)

// sinks are what the flags say that is given the report.
func (w *runFlags) sinks() (all []session.Sink) {
	add := func(name string, sink file.Sink, failed string) {
		if sink.Path == "" {
			return
		}
		s := session.Sink{Sink: sink, Failed: failed}
		if abs, err := filepath.Abs(sink.Path); err == nil && output.IsFile(sink.Path) {
			s.Name, s.Target = name, abs // what is no file is not there later
		}
		all = append(all, s)
	}
	add(file.NameHTML, file.HTML(w.html, w.config.car), "the page was not written")
	add(file.NameJSON, file.JSON(w.jsonTo), "the JSON file was not written")
	return all
}
