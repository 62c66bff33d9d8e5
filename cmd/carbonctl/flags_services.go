package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/export/influx"
	"github.com/carbonctl/carbonctl/export/jsonlines"
	"github.com/carbonctl/carbonctl/export/mlflow"
	"github.com/carbonctl/carbonctl/export/webhook"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/deliver"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/session"
)

// addServices adds the sinks that settings name.
func (w *runFlags) addServices(all *[]session.Sink) error {
	c := w.config
	var errs []error
	// add adds a sink that has a key. What keeps one from being made is an error of its
	// flag; of a settings file it stops nothing.
	add := func(key, name, failed string, made func() (sink carbon.Sink, target string, err error)) {
		sink, target, err := made()
		switch {
		case err != nil && c.Origin(key) == config.Flag:
			errs = append(errs, fmt.Errorf("--%s: %w", key, err))
		case err != nil:
			w.unfit(key, err)
		default:
			*all = append(*all, session.Sink{Sink: sink, Failed: failed, Name: name, Target: target})
		}
	}
	if c.mlflow {
		add(config.MLflow, mlflow.Name, "mlflow: not delivered", func() (carbon.Sink, string, error) {
			s, err := mlflow.New(os.Getenv)
			if err != nil {
				return nil, "", err
			}
			return s, s.Target(), nil
		})
	}
	if c.influx != "" {
		add(config.Influx, influx.Name, "influx: not delivered", func() (carbon.Sink, string, error) {
			s, err := influx.New(c.influx, os.Getenv)
			if err != nil {
				return nil, "", err
			}
			return s, s.Target(), nil
		})
	}
	if c.webhook != "" {
		add(config.Webhook, webhook.Name, "webhook: not delivered", func() (carbon.Sink, string, error) {
			s, err := webhook.New(c.webhook, os.Getenv)
			return s, c.webhookTarget(), err
		})
	}
	if c.lines != "" {
		name := ""
		if isLinesFile(c.lines) {
			name = jsonlines.Name
		}
		add(config.JSONLines, name, "the JSON lines were not written", c.openLines)
	}
	return errors.Join(errs...)
}

// redoService makes the sink of a service again, nil for one that is unknown, or can't be
// made with what is in this environment.
func (w *runFlags) redoService(name, target string) carbon.Sink {
	switch name {
	case mlflow.Name:
		if s := mlflow.Redo(target, os.Getenv); s != nil {
			return s
		}
	case influx.Name:
		if s, err := influx.New(target, ownedBy("INFLUX_HOST", w.config.influx)); err == nil {
			return s
		}
	case webhook.Name:
		url := target
		if strings.HasPrefix(target, settingsTarget) {
			if url = w.config.webhook; w.config.webhookTarget() != target {
				return nil // it is not in these settings
			}
		}
		if s, err := webhook.New(url, os.Getenv); err == nil {
			return s
		}
	case jsonlines.Name:
		form, path, _ := strings.Cut(target, " ")
		return local{jsonlines.File(path, jsonlines.Form(form))}
	}
	return nil
}

// settingsTarget begins the target of a webhook that is named in a settings file or the
// environment: its URL may be a secret, and is not kept.
const settingsTarget = "setting:"

func (s *settings) webhookTarget() string {
	if s.Origin(config.Webhook) == config.Flag {
		return s.webhook // it was on the command line
	}
	return fmt.Sprintf("%s%.8x", settingsTarget, sha256.Sum256([]byte(s.webhook)))
}

func checkWebhook(value string) (string, error) {
	u, err := deliver.URL(value, webhook.SecretVariable)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// checkLines reads where JSON lines go: a file, - for stdout, or fd:N.
func checkLines(value string) (string, error) {
	n, ok := strings.CutPrefix(value, "fd:")
	if !ok {
		if value == "" {
			return "", errors.New("no file given: use a file, - for stdout, or fd:N")
		}
		return value, nil
	}
	fd, err := strconv.Atoi(n)
	if err != nil || fd < 1 {
		return "", fmt.Errorf("invalid descriptor %.20q: use fd:N with N of 1 or more", value)
	}
	return value, nil
}

// descriptor takes what we were started with. It does not close it.
func descriptor(name string) (*os.File, error) {
	fd, err := strconv.Atoi(strings.TrimPrefix(name, "fd:"))
	if err != nil {
		return nil, err
	}
	if !output.Inherited(fd) { // a File of it would write to, and close, what gets its number
		return nil, fmt.Errorf("%s is not open for writing: start carbonctl with %d>FILE", name, fd)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// isLinesFile reports whether JSON lines go to a file, which is still there in a later run.
func isLinesFile(to string) bool {
	return to != "-" && !strings.HasPrefix(to, "fd:") && output.IsFile(to)
}

// openLines makes the sink for JSON lines.
func (s *settings) openLines() (carbon.Sink, string, error) {
	form := jsonlines.Form(s.linesIn)
	if form == "" {
		form = jsonlines.Nested
	}
	switch {
	case s.lines == "-":
		return jsonlines.New(os.Stdout, form), "", nil
	case strings.HasPrefix(s.lines, "fd:"):
		f, err := descriptor(s.lines)
		return jsonlines.New(f, form), "", err
	case isLinesFile(s.lines):
		path, err := filepath.Abs(s.lines)
		return jsonlines.File(path, form), string(form) + " " + path, err
	}
	f, err := output.OpenLog(s.lines) // a pipe whose reader is there
	if err != nil {
		return nil, "", err
	}
	return jsonlines.New(f, form), "", nil
}
