package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/internal/output"
)

// flagError is a flag that is not one, or has a wrong value.
type flagError struct {
	cmd *cobra.Command
	err error
}

func (e *flagError) Error() string {
	if v := (*pflag.InvalidValueError)(nil); errors.As(e.err, &v) {
		what, use := kindOf(v.GetFlag())
		return fmt.Sprintf("--%s: invalid %s %.40q%s", v.GetFlag().Name, what, v.GetValue(), use)
	}
	return e.err.Error()
}

func (e *flagError) Unwrap() error { return e.err }

// kindOf says what a flag takes, and what to use.
func kindOf(f *pflag.Flag) (what, use string) {
	switch f.Value.Type() {
	case "int":
		return "number", ": use a whole number"
	case "bool":
		return "value", ": use true or false"
	case "float64":
		return "number", ""
	case "duration":
		return "duration", ": use a number and a unit, such as 90m"
	case "price":
		return "price", ": use an amount per kWh, such as 0.30EUR"
	}
	return "value", ""
}

// app is what the subcommands share: where output goes.
type app struct {
	out, err io.Writer
	slack    time.Duration // see session.Options.Slack
	patience time.Duration // of a run before it has a status line; see session.Live
	// status is the line of stderr that says how far the command is; nil: none.
	status *output.Status
}

// answer remembers what went wrong in writing, so that half an answer on a full
// disk is no success.
type answer struct {
	*app
	w   io.Writer
	err error
}

func (o *answer) Write(p []byte) (n int, err error) {
	o.status.Forget() // what was read has its answer
	o.status.Aside(func() { n, err = o.w.Write(p) })
	if o.err == nil {
		o.err = err
	}
	return n, err
}

var southernPoint = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-[0-9.]+,-?[0-9.]+$`) })

// southern keeps points south of the equator, -33.9,151.2, from being read as flags. What
// belongs to a command that is to be run is left alone.
func southern(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "--" || args[0] == "wrap" {
			break
		}
		if strings.HasPrefix(arg, "-") && southernPoint().MatchString(arg) {
			args[i] = " " + arg
		}
	}
	return args
}

// run is the whole command: it takes arguments and gives an exit code.
func (a *app) run(ctx context.Context, args []string) int {
	out := &answer{app: a, w: a.out}
	a.out = out
	defer func() { a.status.Close() }()
	root := a.root(args)
	root.SetArgs(southern(args))
	root.SetOut(out)
	root.SetErr(a.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = out.err
	}
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

// each gives the errors that are joined in one, line by line; none of nil.
func each(err error) (list []error) {
	if err == nil {
		return nil
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		for _, e := range all.Unwrap() {
			list = append(list, each(e)...)
		}
		return list
	}
	return []error{err}
}

// fail prints an error and what to do about it; several errors as several.
func (a *app) fail(err error) {
	for _, e := range each(err) {
		a.say(e.Error(), hint(e))
	}
}

// strangers names the variables of the environment that look like ours and are not.
func (a *app) strangers() {
	for _, name := range config.Strangers(os.Environ()) {
		a.say(name+": unknown variable (ignored)", "")
	}
}

// tell prints what is of note as a command goes on, folded as its result is.
func (a *app) tell(text string) {
	p := layout.Page{Screen: a.screen(a.err)}
	p.Lead("carbonctl: ", text)
	a.status.Aside(func() { _, _ = p.WriteTo(a.err) }) // nobody could be told of an error
}

// say prints a message and a hint, if there is one. They are not folded: errors
// are searched for, and hints copied.
func (a *app) say(text, hint string) {
	a.status.Aside(func() { a.print(text, hint) })
}

func (a *app) print(text, hint string) {
	for line := range strings.SplitSeq(text, "\n") { // errors that are joined
		fmt.Fprintf(a.err, "carbonctl: %s\n", format.Clean(line))
	}
	if hint != "" {
		fmt.Fprintf(a.err, "  hint: %s\n", format.Clean(hint))
	}
}

// screen says what a writer of ours shows text on.
func (a *app) screen(w io.Writer) layout.Screen {
	if o, ok := w.(*answer); ok {
		w = o.w
	}
	return output.Screen(w, os.Getenv)
}

// root makes the command with its subcommands: with the one alone that the arguments begin
// with, since to make them all takes longer than most of them run.
func (a *app) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "carbonctl COMMAND",
		Short: "Measure the energy use and carbon emissions of computing work",
		Long: `Measure the energy use and carbon emissions of computing work. Energy is read
from the counters of CPU, memory and GPUs, or modelled where there are none, and
multiplied by the carbon intensity of the grid. Each run is a row of a ledger
that can be verified.`,
		Example: `  carbonctl wrap --region FR -- python train.py
  carbonctl report
  carbonctl devices`,
		Version:               about.Version(),
		DisableFlagsInUseLine: true,
		SilenceErrors:         true,
		SilenceUsage:          true,
		CompletionOptions:     cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:                  knownCommand,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			if !slices.Contains([]string{"wrap", "attach", "mark", "version"}, cmd.Name()) { // wrap and attach do so themselves
				a.strangers()
			}
		},
	}
	root.SetUsageTemplate(usage)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &flagError{cmd, err}
	})
	root.SetHelpCommand(helpCommand(root))
	groups := []struct {
		title    string
		commands []subcommand
	}{
		{"Measure", []subcommand{{"wrap", a.wrap}, {"attach", a.attach}, {"mark", a.mark}, {"devices", a.devices}, {"calibrate", a.calibrate}}},
		{"Plan", []subcommand{{"estimate", a.estimate}, {"compare", a.compare}, {"when", a.when}, {"regions", a.regions}}},
		{"Report", []subcommand{{"report", a.report}, {"serve", a.serve}, {"import", a.imports}}},
		{"Audit", []subcommand{{"verify", a.verify}, {"recompute", a.recompute}}},
		{"Set up", []subcommand{{"config", a.config}, {"version", a.version}}},
	}
	for _, g := range groups {
		if i := slices.IndexFunc(g.commands, func(c subcommand) bool { return len(args) > 0 && c.name == args[0] }); i >= 0 {
			group(root, g.title, g.commands[i])
			return root
		}
	}
	for _, g := range groups {
		group(root, g.title, g.commands...)
	}
	root.AddCommand(exitHelp())
	return root
}

// commandError is a command that there is not.
type commandError struct {
	cmd  *cobra.Command // the one above it
	name string
}

func (e *commandError) Error() string { return fmt.Sprintf("unknown command %q", e.name) }

// knownCommand is for commands that only have others below: what cobra did not
// find among those is left over as an argument.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &commandError{cmd, args[0]}
}

// atMost is for commands that take up to n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("unexpected argument %.40q", args[n])
		}
		return nil
	}
}
