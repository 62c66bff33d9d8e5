package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/export/ci"
	"github.com/carbonctl/carbonctl/export/file"
	"github.com/carbonctl/carbonctl/export/metrics"
	"github.com/carbonctl/carbonctl/export/otlp"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/internal/session"
)

// sinkFlags are those of sinks that no settings file may name. The others are keys of
// internal/config, which make their flags.
type sinkFlags struct {
	jsonTo string // files for the report, "" for none
	html   string
}

func (s *sinkFlags) add(f *pflag.FlagSet) {
	f.StringVar(&s.jsonTo, "json-file", "", "`FILE` also write the result to FILE as JSON")
	f.StringVar(&s.html, "html", "", "`FILE` also write the result to FILE as an HTML page")
}

// sinks are what flags and settings say that is given the report. No sink without its flag
// or key: what else is in the environment only configures one.
//
// A sink has a line here and one in redo.
func (w *runFlags) sinks() (all []session.Sink, err error) {
	all = addFile(all, file.NameHTML, file.HTML(w.sink.html, w.config.car), "the page was not written")
	all = addFile(all, file.NameJSON, file.JSON(w.sink.jsonTo), "the JSON file was not written")
	all = append(all, w.otlp()...)
	all = append(all, w.ci()...)
	all = append(all, w.prometheus()...)
	return all, w.addServices(&all)
}

// redo makes a sink again for a run that could not deliver its report, nil for a name that
// is not known, or where this process lacks what it needs.
func (w *runFlags) redo(name, target string) carbon.Sink {
	switch name {
	case file.NameHTML, file.NameJSON:
		return local{file.Redo(name, target)}
	case otlp.Name:
		if s := otlp.Redo(target, ownedBy("OTEL_EXPORTER_OTLP_ENDPOINT", w.config.otlp)); s != nil {
			return s
		}
	case metrics.NameTextfile:
		return local{metrics.RedoTextfile(target)}
	case metrics.NamePush:
		if p, err := pushgateway(target, w.config.pushgateway); err == nil {
			return p
		}
	}
	return w.redoService(name, target)
}

// ownedBy is our environment, whose credentials are for the server that this run itself
// names, unless variable says for which they are. So those for a new server are not given to
// an old one, to which a report is still to be delivered.
func ownedBy(variable, server string) func(string) string {
	return func(name string) string {
		if v := os.Getenv(name); name != variable || v != "" || server == otlp.Environment {
			return v
		}
		return server
	}
}

// otlp is the sink of OpenTelemetry, if one is asked for.
func (w *runFlags) otlp() []session.Sink {
	if w.config.otlp == "" {
		return nil
	}
	s, problems, err := otlp.FromEnv(w.config.otlp, proc.Root("/"), os.Getenv)
	for _, p := range append(problems, err) {
		w.unfit("otlp", p)
	}
	if err != nil || s.Metrics.URL == "" && s.Traces.URL == "" {
		return nil
	}
	s.Resource["process.pid"] = strconv.Itoa(os.Getpid())
	return []session.Sink{{Sink: s, Failed: "otlp: not delivered", Name: otlp.Name, Target: s.Target()}}
}

// ci is the sink of the CI system that this is a job of, if it is asked for. Its files are
// gone with the job: no later run writes them.
func (w *runFlags) ci() []session.Sink {
	switch w.config.ci {
	case ci.GitHub:
		s, err := ci.WorkflowOf(os.Getenv, w.config.car)
		if err != nil {
			w.unfit("ci", err)
			return nil
		}
		return []session.Sink{{Sink: s, Failed: "the job summary was not written"}}
	case ci.GitLab:
		return []session.Sink{{Sink: ci.PipelineOf(os.Getenv), Failed: "the metrics report was not written"}}
	}
	return nil
}

// unfit keeps what is wrong in the environment with what a sink needs. It stops nothing.
func (w *runFlags) unfit(sink string, err error) {
	if err != nil {
		w.unfitted = append(w.unfitted, fmt.Errorf("%s: %w", sink, err))
	}
}

// local is a sink that writes to this host: see spool.Local.
type local struct{ carbon.Sink }

func (local) Local() {}

func addFile(all []session.Sink, name string, sink file.Sink, failed string) []session.Sink {
	if sink.Path == "" {
		return all
	}
	s := session.Sink{Sink: sink, Failed: failed}
	if abs, err := filepath.Abs(sink.Path); err == nil && output.IsFile(sink.Path) {
		s.Name, s.Target, s.Amend = name, abs, true // what is no file is not there later
	}
	return append(all, s)
}
