package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/internal/spool"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
)

// runFlags are what is common to the commands that track a run.
type runFlags struct {
	*app
	config  *settings
	root    string
	json    bool      // the result as JSON in place of text
	quiet   bool      // no result at all, only what went wrong
	verbose bool      // the run whole
	silent  bool      // nothing at all once the run has started
	to      io.Writer // takes the result
	sink    sinkFlags
	samples string        // file for the readings, "" for none
	sign    string        // OpenSSH key that signs the ledger's head
	format  string        // of the ledger
	journal time.Duration // between two states of the journal, 0 for the default
	nvml    string        // NVIDIA's library, "" to find it
	live    string        // service that knows the intensity of the hour, "" for the table
	grid    gridFlags
	command bool   // record the command line
	epochs  string // files for the epochs and the events, "" for none
	events  string
	budget  budgetFlags
	work    workFlags
	plan    planFlags

	unfitted []error // what is wrong with the environment of sinks
	dropped  dropped
	told     []string // what keeps files from being written, told at the start
}

// add adds the flags, but those of settings.
func (w *runFlags) add(f *pflag.FlagSet) {
	f.StringVar(&w.root, "root", "/", rootUsage)
	f.StringVar(&w.nvml, "nvml-library", "", nvmlUsage)
	f.BoolVar(&w.json, "json", false, "print the result as JSON, on stderr")
	w.sink.add(f)
	f.StringVar(&w.sign, "sign", "", "`KEY` sign the ledger's head after each row with this OpenSSH ed25519 key")
	f.StringVar(&w.format, "ledger-format", "carbonctl", "`FORMAT` columns of the ledger: carbonctl or codecarbon")
	f.DurationVar(&w.journal, "journal-interval", 0, "`TIME` time between writes of the crash journal (default 10s)")
	f.StringVar(&w.samples, "samples", "", "`FILE` write every reading to FILE, for recompute --samples")
	f.StringVar(&w.live, "live", "", "`NAME` live service for the carbon intensity: "+strings.Join(live.Names(), ", "))
	w.grid.add(f)
	f.StringVar(&w.epochs, "epochs-file", "", "`FILE` write epochs to FILE as CSV")
	f.StringVar(&w.events, "events-file", "", "`FILE` append epochs, predictions and budget events to FILE as JSON lines")
	w.budget.add(f)
	w.work.add(f)
	w.plan.add(f)
	f.BoolVarP(&w.quiet, "quiet", "q", false, "do not print the result; the run is still recorded")
	f.BoolVarP(&w.verbose, "verbose", "v", false, "print the full report, as \"carbonctl report show last\" does")
	f.BoolVar(&w.command, "record-command", false, "record the command line (may contain secrets)")
}

// problems prints what is wrong with the settings, unless the result is one line.
func (w *runFlags) problems() {
	if w.json {
		return
	}
	w.strangers()
	for _, p := range w.config.Problems {
		w.say(leftOut(p), "")
	}
}

// follow has a live service, if there is one, tell the intensity as the run goes on.
func (w *runFlags) follow(service live.Service, o *session.Options) (stop func()) {
	if service.Now == nil {
		return func() {}
	}
	follower := regions.Follow(service.Now, w.config.Table) // asks nothing yet
	o.Tracker.Grid = follower
	return func() { _ = follower.Close() }
}

// checkFiles tells of files that the result cannot be written to. The run goes on all the
// same.
func (w *runFlags) checkFiles() {
	for _, path := range []string{w.sink.html, w.sink.jsonTo, w.config.textfile} {
		if path == "" || w.json { // then it stands in the result alone
			continue
		}
		if err := output.Check(path); err != nil {
			w.say(fmt.Sprintf("cannot write the result: %v", err), hint(err))
			if e := (*fs.PathError)(nil); errors.As(err, &e) {
				w.told = append(w.told, ": open "+e.Path+": "+e.Err.Error())
			}
		}
	}
}

// options are what the flags and settings say of the run. waits says that it may start when
// the grid is greenest, for which a service that only looks ahead will do.
func (w *runFlags) options(waits bool) (o session.Options, service live.Service, err error) {
	o = session.Options{
		Tracker: w.carbon(),
		Epochs:  session.Epochs{Planned: w.config.Epochs, Pattern: w.config.pattern}, Budget: w.budget.Budget,
		SamplesFile: w.samples, EventsFile: w.events, EpochsFile: w.epochs,
		Redo: w.redo, Spool: spool.Dir(config.Spool()), FlushWait: w.config.FlushWait, Slack: w.slack,
		Voice: session.Voice{Hint: hint},
	}
	if o.Sinks, err = w.sinks(); err != nil {
		return o, service, err
	}
	if o.Engines, err = w.work.targets(); err != nil {
		return o, service, err
	}
	for _, problem := range w.unfitted {
		if !w.json { // then it stands in the result alone
			w.say(problem.Error(), hint(problem))
		}
		o.Warnings = append(o.Warnings, footprint.Warning{Code: footprint.ConfigIgnored, Text: problem.Error()})
	}
	if !w.silent {
		o.Voice.Say = func(text string) { w.say(text, "") }
	}
	if w.json { // the result is one line
		o.Voice.Dropped = w.dropped.add
	}
	if !w.quiet && !w.json && !w.silent {
		o.Voice.Live = session.Live{Status: output.NewStatus(w.err, os.Getenv), Text: screen.Live, After: w.patience}
		if o.Voice.Live.Status == nil {
			o.Voice.Live.Status, o.Voice.Live.Apart = output.TerminalStatus(os.Stdout, os.Stderr, os.Getenv), true
		}
		w.status = o.Voice.Live.Status
		o.Voice.Predicted = func(p footprint.Prediction) { w.tell("predicted " + facts.Predicted(p)) }
	}
	for _, problem := range w.config.Problems {
		code := footprint.ConfigIgnored
		if p := (*config.Problem)(nil); errors.As(problem, &p) && p.Key == config.Region && w.config.Refused(config.Region) {
			code = footprint.RegionAssumed // and why
		}
		o.Warnings = append(o.Warnings, footprint.Warning{Code: code, Text: leftOut(problem)})
	}
	if o.Ledger, err = w.ledger(); err != nil {
		return o, service, err
	}
	if err := errors.Join(w.grid.check(w.live, w.config), w.plan.choose(&o.Tracker.Run)); err != nil {
		return o, service, err
	}
	if w.live != "" {
		if service, err = live.Open(w.live, liveOptions(w.config.Table)); err != nil {
			return o, service, fmt.Errorf("--live: %w", err)
		}
		if service.Now == nil && !waits {
			return o, service, fmt.Errorf("--live: %s: %w", w.live, live.ErrMarginal)
		}
	}
	return o, service, nil
}

// The formats of a ledger.
const (
	ownFormat        = "carbonctl"
	codecarbonFormat = "codecarbon"
)

// ledger is where the run is to be recorded.
func (w *runFlags) ledger() (session.Ledger, error) {
	l := session.Ledger{Path: w.config.Ledger, Keep: w.config.keep, Flush: w.journal, CodeCarbon: w.format == codecarbonFormat}
	if l.Path != session.None {
		l.User = about.User()
	}
	var err error
	if l.Key, err = readKey(w.sign); err != nil {
		return l, err
	}
	switch {
	case w.format != ownFormat && w.format != codecarbonFormat:
		return l, fmt.Errorf("--ledger-format: unknown format %.40q: use %s or %s", w.format, ownFormat, codecarbonFormat)
	case w.format == codecarbonFormat && w.config.Origin(config.Ledger) == "":
		return l, errors.New("--ledger-format codecarbon needs --ledger FILE")
	}
	return l, nil
}

// leftOut tells of a setting that is wrong, where that does not stop the run.
func leftOut(problem error) string { return problem.Error() + " (ignored)" }

func (w *runFlags) carbon() carbon.Config {
	o := w.config
	cfg := carbon.Config{
		Region: o.Region, Grid: o.Intensity, PUE: o.PUE, Every: o.Interval,
		Run: footprint.Run{
			Project: o.Project, Labels: session.Labels(o.Labels, os.Getenv), Charge: o.Charge, Job: session.Job(os.Getenv),
			Parent: o.parent, Epochs: o.Epochs, Price: w.budget.price, How: origins[o.Origin(config.Region)],
		},
		Host: carbon.Host{Root: proc.Root(w.root), NVMLLibrary: libraryPath(w.nvml), Env: os.LookupEnv, Calibration: o.calibration},
	}
	if cfg.Run.How == "" && o.Region != "" {
		cfg.Run.How = "config" // a file
	}
	w.grid.choose(&cfg, o)
	return cfg
}

// origins are the words of the report for where a region was given.
var origins = map[string]string{config.Flag: "flag", config.Environment: "environment", config.Cloud: "cloud"}
