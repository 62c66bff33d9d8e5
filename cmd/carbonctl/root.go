package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes of every command but wrap, whose own are the child's.
const (
	exitOK      = 0
	exitFinding = 1 // it worked, and what it looked for is not as it should be
	exitUsage   = 2 // wrong arguments or settings, or it could not do its work
)

// exitError carries an exit code up to run. One without an Err has already said
// what there is to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// app is what the subcommands share: where output goes.
type app struct {
	out, err io.Writer
}

// run is the whole command: it takes arguments and gives an exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{out: stdout, err: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	code := exitUsage
	if cmd != nil && cmd.Name() == "wrap" {
		code = exitWrapFailed
	}
	if e := (*exitError)(nil); errors.As(err, &e) {
		code = e.code
		if e.err == nil {
			return code
		}
	}
	a.fail(err)
	return code
}

// fail prints an error and what to do about it.
func (a *app) fail(err error) {
	fmt.Fprintf(a.err, "carbonctl: %v\n", err)
	if h := hint(err); h != "" {
		fmt.Fprintf(a.err, "  hint: %s\n", h)
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "carbonctl",
		Short: "Measure the energy and the emissions of any program",
		Long: `carbonctl measures the energy that a program uses, from the counters of CPU
and memory where they can be read and from a model where not, multiplies it by
the carbon intensity of the grid, and keeps a record that can be checked.`,
		Example: `  carbonctl wrap --region FR -- python train.py
  carbonctl report
  carbonctl devices`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q", args[0])
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%s: %w", cmd.Name(), err)
	})
	root.AddCommand(a.wrap(), a.report(), a.verify(), a.devices(), a.regions(), a.version())
	return root
}

// machine returns the root of the machine to look at.
func machine(dir string) (os.FileInfo, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("--root: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("--root: %s is not a directory", dir)
	}
	return info, nil
}
