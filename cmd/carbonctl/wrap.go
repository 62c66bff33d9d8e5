package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/internal/session"
)

// wrapping is one run of wrap.
type wrapping struct {
	runFlags
	args    []string
	forward child.Forward
	green   greenFlags
}

func (a *app) wrap() *cobra.Command {
	w := &wrapping{runFlags: runFlags{app: a, to: a.err}}
	var forward string
	cmd := &cobra.Command{
		Use:   "wrap [flags] -- CMD [ARGS…]",
		Short: "Run a command and report its energy use and emissions",
		Long: `Run a command and report its energy use and emissions on stderr when it ends.

The exit code is that of the command, or 125 if carbonctl failed before the
start, 126 if the command is not executable, 127 if it was not found, 128+N if
it was killed by signal N.`,
		Example: `  carbonctl wrap --region FR -- python train.py
  carbonctl wrap --region US-CA --json-file run.json -- make -j8`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no command given: carbonctl wrap -- CMD")
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
			if w.config, err = configure(cmd.Flags()); err == nil {
				err = errors.Join(needs(cmd.Flags(), "for", "wait-for-green", "save", "wait-for-green"), w.budget.check(cmd.Flags()))
			}
			if err != nil {
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
	f.StringVar(&forward, "forward-signals", string(child.Auto), "`WHEN` forward TERM, HUP, USR1 and USR2 to the command: auto, always, never")
	w.green.add(f)
	w.add(f)
	w.work.addPatterns(f)
	return cmd
}

func (w *wrapping) run(ctx context.Context) error {
	if lastLineIsResult(os.Getenv, os.Stdout, os.Stderr) {
		w.silent = true
	}
	w.problems()
	if err := checkRoot(w.root); err != nil {
		return &exitError{exitWrapFailed, err}
	}
	options, service, err := w.options(w.green.bound > 0)
	if err == nil {
		err = w.green.check(w.config.Region)
	}
	if err != nil {
		return &exitError{exitWrapFailed, err}
	}
	options.Args, options.Forward = w.args, w.forward
	if options.Epochs.Tallies, err = w.work.tallies(); err != nil {
		return &exitError{exitWrapFailed, err}
	}
	if w.command {
		options.Tracker.Run.Command = w.args
	}
	defer w.follow(service, &options)()
	defer w.serveMetrics(ctx, &options)()
	w.checkFiles()
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
	result := w.finish(ctx, s)
	return &exitError{code: result.Exit.Code}
}

// watches reports whether the command's output is read.
func (w *wrapping) watches() bool {
	return w.config.Epochs > 0 || w.config.pattern != nil || len(w.work.patterns) > 0
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
