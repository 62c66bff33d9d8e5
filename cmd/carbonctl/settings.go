package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/export/ci"
	"github.com/carbonctl/carbonctl/export/influx"
	"github.com/carbonctl/carbonctl/export/jsonlines"
	"github.com/carbonctl/carbonctl/export/metrics"
	"github.com/carbonctl/carbonctl/export/otlp"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/locate"
	"github.com/carbonctl/carbonctl/internal/nested"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/internal/watch"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// settings are all that are in force, with those whose values belong to other rooms.
type settings struct {
	*config.Config
	cloud   string // the provider of the machine, "" if that is not known
	keep    ledger.Keep
	pattern *watch.Pattern // of epochs, nil: none given
	car     report.Car
	// metrics is where they are served, "" for nowhere; textfile and pushgateway where they
	// are left.
	metrics     string
	textfile    string
	pushgateway string
	budget      runs.Allowance // of a month, zero: none given
	// calibration of this machine's model, nil: none given
	calibration *estimate.Calibration
	parent      string // the run that started this one, "" if none
	otlp        string // where OpenTelemetry is reached, "" if nowhere
	ci          ci.System

	// Sinks; the zero values are none.
	mlflow                          bool
	influx, webhook, lines, linesIn string
}

// configure reads the settings: the user's file, the project's file, environment, flags,
// each over the one before. The error is that of a flag.
func configure(flags *pflag.FlagSet) (*settings, error) {
	if flags.Changed(config.EpochPattern) && flags.Changed(config.EpochPreset) {
		return nil, errors.New("--epoch-pattern and --epoch-preset: choose one")
	}
	s := &settings{}
	var err error
	s.Config, err = config.Layers{
		User: config.UserFile(), Project: config.ProjectFile,
		Environ: os.Environ(), Flags: changed(flags), Set: s.set,
	}.Read()
	parent, wrong := nested.Parse(os.Getenv(nested.Env))
	if wrong != nil {
		s.Problems = append([]error{wrong}, s.Problems...)
	}
	s.parent = parent.ID
	return s, err
}

// set takes a setting whose values belong to another room.
func (s *settings) set(key, value string) (err error) {
	if to := map[string]*string{config.Influx: &s.influx, config.Webhook: &s.webhook, config.JSONLines: &s.lines}[key]; to != nil && value == session.None {
		*to = "" // in place of what a settings file names
		return nil
	}
	switch key {
	case config.KeepRuns:
		return assign(&s.keep)(ledger.ParseKeep(value))
	case config.EpochPattern:
		return assign(&s.pattern)(watch.Compile(value))
	case config.EpochPreset:
		return assign(&s.pattern)(watch.Preset(value))
	case config.Calibration:
		return assign(&s.calibration)(estimate.ReadCalibration(value))
	case config.OTLP:
		return assign(&s.otlp)(value, otlp.CheckURL(value))
	case config.CI:
		return assign(&s.ci)(ci.Parse(value, os.Getenv))
	case config.MLflow:
		return assign(&s.mlflow)(strconv.ParseBool(value))
	case config.Influx:
		return assign(&s.influx)(influx.Check(value))
	case config.Webhook:
		return assign(&s.webhook)(checkWebhook(value))
	case config.JSONLines:
		return assign(&s.lines)(checkLines(value))
	case config.LinesForm:
		form, err := jsonlines.ParseForm(value)
		return assign(&s.linesIn)(string(form), err)
	case config.MonthlyBudget:
		return assign(&s.budget)(runs.ParseAllowance(value))
	case config.Car:
		return assign(&s.car)(report.ParseCar(value))
	case config.Metrics:
		return assign(&s.metrics)(value, checkAddress(value))
	case config.Textfile:
		_, err := metrics.NewTextfile(value)
		return assign(&s.textfile)(value, err)
	case config.Pushgateway:
		_, err := pushgateway(value, value)
		return assign(&s.pushgateway)(value, err)
	}
	return nil
}

// assign puts what was parsed where it belongs, unless it is wrong.
func assign[T any](to *T) func(T, error) error {
	return func(v T, err error) error {
		if err == nil {
			*to = v
		}
		return err
	}
}

// changed gives the flags that were given, by the keys of their settings.
func changed(flags *pflag.FlagSet) func(key string) ([]string, bool) {
	return func(key string) ([]string, bool) {
		f := flags.Lookup(key)
		if f == nil || !f.Changed {
			return nil, false
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			return list.GetSlice(), true
		}
		return []string{f.Value.String()}, true
	}
}

// addSettings adds a flag for each setting but some.
func addSettings(cmd *cobra.Command, but ...string) {
	for _, s := range config.Table() {
		if !s.OfRun() || slices.Contains(but, s.Key) {
			continue
		}
		switch s.Kind {
		case config.Pairs:
			cmd.Flags().StringArray(s.Key, nil, s.Usage)
		case config.Bool:
			cmd.Flags().Bool(s.Key, false, s.Usage)
		default:
			usage := s.Usage
			if s.Key == config.EpochPreset {
				usage += ": " + strings.Join(watch.Presets(), ", ")
			}
			cmd.Flags().String(s.Key, "", usage)
		}
	}
}

// effective lists every setting, also those that nobody gave.
func effective(s *settings) []config.Value {
	all := s.All()
	hint := s.cloudHint()
	if i := slices.IndexFunc(all, func(v config.Value) bool { return v.Key == config.Region }); i >= 0 && hint != "" {
		all[i].Value += "; " + hint
	}
	if i := slices.IndexFunc(all, func(v config.Value) bool { return v.Key == config.Webhook }); i >= 0 {
		if u, err := url.Parse(all[i].Value); err == nil && u.Host != "" {
			all[i].Value = u.Scheme + "://" + u.Host + "/…" // the rest may be a secret
		}
	}
	return all
}

// locate finds the region where nobody has named one, by what the machine below root
// says of itself: nobody is asked.
func (s *settings) locate(root fs.FS) {
	if s.Region != "" {
		return
	}
	var found string
	if found, s.cloud = s.Table.DetectRegion(root, os.Getenv); found != "" {
		s.found(found)
	}
}

// askCloud asks the cloud for the region, where nobody has named one and that is wanted.
// What it can't tell is a problem.
func (s *settings) askCloud(ctx context.Context) {
	if s.Region != "" || !s.DetectCloud {
		return
	}
	found, err := locate.Ask(ctx, s.Table, os.Getenv)
	if err != nil {
		s.Problems = append(s.Problems, fmt.Errorf("--detect-cloud: %w", err))
		return
	}
	s.found(found)
}

func (s *settings) found(region string) {
	s.Region = region
	s.Note(config.Value{Key: config.Region, Value: region, Origin: config.Cloud})
}

// cloudHint says how the region of this machine could be known, "" if it could
// not, or was looked for.
func (s *settings) cloudHint() string {
	if s.Region != "" || s.DetectCloud {
		return ""
	}
	return locate.Hint(s.cloud)
}
