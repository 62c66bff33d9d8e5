package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/export/file"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
	"github.com/carbonctl/carbonctl/report"
)

// wrapping is one run of wrap.
type wrapping struct {
	*app
	config  *settings
	args    []string
	root    string
	forward child.Forward
	json    bool   // the result as JSON in place of text
	quiet   bool   // no result at all, only what went wrong
	verbose bool   // the run whole
	silent  bool   // nothing at all once the command has started
	jsonTo  string // files for the report and the samples, "" for none
	html    string
	samples string
	sign    string        // OpenSSH key that signs the ledger's head
	format  string        // of the ledger
	flush   time.Duration // between two states of the journal, 0 for the default
	nvml    string        // NVIDIA's library, "" to find it
	live    string        // service that knows the intensity of the hour, "" for the table
	grid    gridFlags
	command bool // record the command line
	green   greenFlags
	epochs  string // files for the epochs and the events, "" for none
	events  string
	budget  budgetFlags
	plan    planFlags
}

func (a *app) wrap() *cobra.Command {
	w := &wrapping{app: a}
	var forward string
	cmd := &cobra.Command{
		Use:   "wrap [flags] -- CMD [ARGS…]",
		Short: "Run a command and report its energy use and emissions",
		Long: `Run a command unchanged, measure it, and print the result on stderr when it has
ended. The exit code is the command's own, or 125: carbonctl failed before the
start; 126: command not executable; 127: command not found; 128+N: killed by
signal N.`,
		Example: `  carbonctl wrap --region FR -- python train.py
  carbonctl wrap --region US-CA --json-file run.json -- make -j8`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no command given; write it after --, as in: carbonctl wrap -- python train.py")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := child.Cramped(); err != nil {
				return w.unmeasured(args, err)
			}
			var err error
			if w.forward, err = child.ParseForward(forward); err != nil {
				return err
			}
			if w.config, err = configure(cmd.Flags()); err != nil {
				return err
			}
			w.config.locate(proc.Root(w.root))
			w.config.askCloud(cmd.Context())
			w.args = args
			return w.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows the command's name is the command's
	addSettings(cmd)
	f.StringVar(&w.root, "root", "/", rootUsage)
	f.StringVar(&w.nvml, "nvml-library", "", nvmlUsage)
	f.StringVar(&forward, "forward-signals", string(child.Auto), "`WHEN` to send TERM, HUP, USR1, USR2 on to the command: auto, always, never")
	f.BoolVar(&w.json, "json", false, "print the result as JSON, on stderr")
	f.StringVar(&w.jsonTo, "json-file", "", "write the result as JSON to this `FILE` too")
	f.StringVar(&w.html, "html", "", "write the result as a page to this `FILE` too")
	f.StringVar(&w.sign, "sign", "", "OpenSSH ed25519 `KEY` that signs the head of the ledger after each row")
	f.StringVar(&w.format, "ledger-format", "carbonctl", "`FORMAT` of the ledger: carbonctl, or codecarbon for CodeCarbon's columns")
	f.DurationVar(&w.flush, "flush", 0, "`TIME` between two writes of the journal, which survives a kill (default 10s)")
	f.StringVar(&w.samples, "samples", "", "write every reading to this `FILE`, for recompute")
	f.StringVar(&w.live, "live", "", "live service `NAME` for the intensity of the hour: "+strings.Join(live.Names(), ", "))
	w.grid.add(f)
	w.green.add(f)
	f.StringVar(&w.epochs, "epochs-file", "", "write every epoch as CSV to this `FILE`")
	f.StringVar(&w.events, "events-file", "", "write epochs, predictions and the budget to this `FILE` as they happen, as JSON lines")
	w.budget.add(f)
	w.plan.add(f)
	f.BoolVarP(&w.quiet, "quiet", "q", false, "print no result; the run is still recorded")
	f.BoolVarP(&w.verbose, "verbose", "v", false, "print the run whole, as \"carbonctl report show last\" does")
	f.BoolVar(&w.command, "record-command", false, "record the command line, which may hold secrets")
	return cmd
}

func (w *wrapping) run(ctx context.Context) error {
	if lastLineIsResult(os.Getenv, os.Stdout, os.Stderr) {
		w.silent = true
	}
	if !w.json { // then it stands in the result alone, which is one line
		w.strangers()
		for _, p := range w.config.Problems {
			w.say(leftOut(p), "")
		}
	}
	if err := checkRoot(w.root); err != nil {
		return &exitError{exitWrapFailed, err}
	}
	options, service, err := w.options()
	if err != nil {
		return &exitError{exitWrapFailed, err}
	}
	if service.Now != nil {
		follower := regions.Follow(service.Now, w.config.Table) // asks nothing yet
		defer follower.Close()
		options.Tracker.Grid = follower
	}
	for _, path := range []string{w.html, w.jsonTo} {
		if path == "" || w.json { // then it stands in the result alone
			continue
		}
		if err := output.Check(path); err != nil { // the command runs all the same
			w.say(fmt.Sprintf("cannot write the result: %v", err), hint(err))
		}
	}
	s, err := session.Open(options)
	if err != nil {
		return refused(err)
	}
	waited, err := w.waitForGreen(ctx, service.Ahead)
	if err != nil {
		return &exitError{code: interrupted} // the user has given it up, and knows
	}
	s.Waited(waited)
	if err := s.Start(ctx); child.Scarce(err) {
		return w.unmeasured(w.args, err)
	} else if err != nil {
		return refused(err)
	}
	defer s.Close()
	if !w.watches() {
		calm := time.AfterFunc(calmAfter, func() { runtime.GOMAXPROCS(1) })
		defer calm.Stop()
	}
	s.Wait()
	result := s.Finish(ctx)
	if w.silent {
		return &exitError{code: result.Exit.Code}
	}
	shown := make(chan struct{})
	go func() { defer close(shown); w.show(s, result) }() // nobody may read it
	result.Shown(shown)
	return &exitError{code: result.Exit.Code}
}

// calmAfter is how old a run is when one thread of Go's has to do: a timer that fires
// wakes a second one in vain. Until then that would cost more than it saves.
const calmAfter = time.Second

// watches reports whether the command's output is read.
func (w *wrapping) watches() bool { return w.config.Epochs > 0 || w.config.pattern != nil }

// options are what the flags and settings say of the run.
func (w *wrapping) options() (o session.Options, service live.Service, err error) {
	o = session.Options{
		Args: w.args, Forward: w.forward, Tracker: w.carbon(),
		Epochs: session.Epochs{Planned: w.config.Epochs, Pattern: w.config.pattern}, Budget: w.budget.Budget,
		SamplesFile: w.samples, EventsFile: w.events, EpochsFile: w.epochs,
		Sinks: w.sinks(), Redo: file.Redo, Slack: w.slack,
		Voice: session.Voice{Hint: hint},
	}
	if !w.silent {
		o.Voice.Say = func(text string) { w.say(text, "") }
	}
	if !w.quiet && !w.json && !w.silent {
		o.Voice.Live = session.Live{Status: output.NewStatus(w.err, os.Getenv), Text: report.Live, After: w.patience}
		if o.Voice.Live.Status == nil {
			o.Voice.Live.Status, o.Voice.Live.Apart = output.TerminalStatus(os.Stdout, os.Stderr, os.Getenv), true
		}
		w.status = o.Voice.Live.Status
		o.Voice.Predicted = func(p footprint.Prediction) { w.tell("predicted " + report.Predicted(p)) }
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
	if err := w.green.check(w.config.Region); err != nil {
		return o, service, err
	}
	if err := errors.Join(w.grid.check(w.live, w.config), w.plan.choose(&o.Tracker.Run)); err != nil {
		return o, service, err
	}
	if w.live != "" {
		if service, err = live.Open(w.live, liveOptions(w.config.Table)); err != nil {
			return o, service, fmt.Errorf("--live: %w", err)
		}
		if service.Now == nil && w.green.bound == 0 {
			return o, service, fmt.Errorf("--live: %s: %w", w.live, live.ErrMarginal)
		}
	}
	return o, service, nil
}

// lastLineIsResult reports whether whoever reads our output takes its last line for
// the command's result: Airflow's BashOperator joins stderr to stdout and does so.
func lastLineIsResult(env func(string) string, stdout, stderr *os.File) bool {
	if env("AIRFLOW_CTX_DAG_ID") == "" && env("AIRFLOW_CTX_DAG_RUN_ID") == "" {
		return false
	}
	out, outErr := stdout.Stat()
	err, errErr := stderr.Stat()
	return outErr == nil && errErr == nil && out.Mode()&os.ModeNamedPipe != 0 && os.SameFile(out, err)
}

// The formats of a ledger.
const (
	ownFormat        = "carbonctl"
	codecarbonFormat = "codecarbon"
)

// ledger is where the run is to be recorded.
func (w *wrapping) ledger() (session.Ledger, error) {
	l := session.Ledger{Path: w.config.Ledger, Keep: w.config.keep, Flush: w.flush, CodeCarbon: w.format == codecarbonFormat}
	if l.Path != session.None {
		l.User = about.User()
	}
	var err error
	if l.Key, err = readKey(w.sign); err != nil {
		return l, err
	}
	switch {
	case w.format != ownFormat && w.format != codecarbonFormat:
		return l, fmt.Errorf("--ledger-format: %q is neither %s nor %s", w.format, ownFormat, codecarbonFormat)
	case w.format == codecarbonFormat && w.config.Origin(config.Ledger) == "":
		return l, errors.New("--ledger-format codecarbon: name its file with --ledger FILE")
	}
	return l, nil
}

// leftOut tells of a setting that is wrong, where that does not stop the run.
func leftOut(problem error) string { return problem.Error() + " (ignored)" }

// unmeasured runs the command in our place, where measuring it would take what it needs
// itself. It returns where that is not possible either.
func (w *wrapping) unmeasured(args []string, why error) error {
	w.say(fmt.Sprintf("not measured: %v", why), "")
	return refused(child.Replace(args, nil))
}

// refused gives the error of a command that could not be started its exit code.
func refused(err error) error {
	code := exitWrapFailed
	if e := (*child.Error)(nil); errors.As(err, &e) {
		code = e.Code
	}
	return &exitError{code, err}
}

func (w *wrapping) carbon() carbon.Config {
	o := w.config
	cfg := carbon.Config{
		Region: o.Region, Grid: o.Intensity, PUE: o.PUE, Every: o.Interval,
		Run: footprint.Run{
			Project: o.Project, Labels: o.Labels, Charge: o.Charge, Job: session.Job(os.Getenv),
			Parent: o.parent, Epochs: o.Epochs, How: origins[o.Origin(config.Region)],
		},
		Host: carbon.Host{Root: proc.Root(w.root), NVMLLibrary: libraryPath(w.nvml), Env: os.LookupEnv, Calibration: o.calibration},
	}
	if cfg.Run.How == "" && o.Region != "" {
		cfg.Run.How = "config" // a file
	}
	w.grid.choose(&cfg, o)
	if w.command {
		cfg.Run.Command = w.args
	}
	return cfg
}

// origins are the words of the report for where a region was given.
var origins = map[string]string{config.Flag: "flag", config.Environment: "environment", config.Cloud: "cloud"}

// show prints the result on stderr: stdout belongs to the command. An error is
// left alone, there is nobody to tell it to.
func (w *wrapping) show(s *session.Session, result session.Result) {
	r := result.Report
	for i, n := range r.Warnings {
		if hint := w.config.cloudHint(); n.Code == footprint.RegionAssumed && hint != "" {
			r.Warnings[i].Hint = hint
		}
	}
	if result.Lost && !w.json && w.jsonTo == "" {
		r.Warnings = saved(r) // else it would be nowhere
	}
	if !w.quiet {
		s.NewLine()
	}
	switch {
	case w.quiet:
		for _, n := range r.Warnings {
			if n.Code == footprint.NotRecorded {
				w.say(n.Text, n.Hint)
			}
		}
	case w.json:
		w.printJSON(r)
	default:
		r.Warnings = slices.DeleteFunc(slices.Clone(r.Warnings), func(n footprint.Warning) bool {
			return n.Code == footprint.ConfigIgnored || // printed at the start, a wrong region too
				n.Code == footprint.RegionAssumed && w.config.Refused(config.Region)
		})
		run := report.Run{Report: r, Car: w.config.car}
		if w.verbose {
			_ = run.Write(w.err, "text")
		} else {
			_ = run.Result(w.err, w.screen(w.err))
		}
	}
	for _, line := range report.Recovered(w.worthSaying(result.Recovered)) {
		w.say(line, "")
	}
	if result.Damaged != nil {
		w.say(result.Damaged.Error(), "")
	}
}

// worthSaying are the earlier runs whose rows were added meanwhile that the user of this
// one hears of: with -q those whose end was not recorded; with --json none, as the result is one line.
func (w *wrapping) worthSaying(all []footprint.Report) []footprint.Report {
	switch {
	case w.json:
		return nil
	case w.quiet:
		return slices.DeleteFunc(slices.Clone(all), func(r footprint.Report) bool { return r.Status != footprint.Recovered })
	}
	return all
}

// saved writes a result that is kept nowhere else into a folder of its own, that
// nobody but this user can read, and adds its name to the warning.
func saved(r footprint.Report) []footprint.Warning {
	all := slices.Clone(r.Warnings)
	dir, err := os.MkdirTemp("", "carbonctl-result-") // mode 0700
	if err != nil {
		return all
	}
	path := filepath.Join(dir, r.RunID+".json")
	if output.Write(path, func(to io.Writer) error { return report.JSON(to, r) }) != nil {
		_ = os.Remove(dir)
		return all
	}
	for i := range all {
		if all[i].Code == footprint.NotRecorded {
			all[i].Text += "; the result is saved in " + path
			break
		}
	}
	return all
}

func (w *wrapping) printJSON(r footprint.Report) {
	b, _ := json.Marshal(r)
	_, _ = w.err.Write(append(b, '\n'))
}
