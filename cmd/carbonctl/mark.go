package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/watch"
)

func (a *app) mark() *cobra.Command {
	return &cobra.Command{
		Use:   "mark EVENT [NAME]",
		Short: "Mark the start or end of an epoch or task in the current run",
		Long: `Mark the start or end of an epoch or task, from any program. EVENT is one of

  epoch-start [N[/TOTAL]]
  epoch-end
  task-start NAME
  task-end NAME

"carbonctl wrap" sets CARBONCTL_EVENTS to a file, and this appends a line to it,
without waiting. Outside of such a run it prints a note and exits with 0.`,
		Example: `  carbonctl mark epoch-start 3/10
  carbonctl mark task-start "load the data"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no event given: use epoch-start, epoch-end, task-start NAME or task-end NAME")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := watch.ParseEvent(strings.Join(args, " "), time.Now())
			if err != nil {
				return err
			}
			// Who marks its epochs must run as well without us: this is no failure.
			path := os.Getenv(watch.EnvEvents)
			if path == "" {
				a.say(fmt.Sprintf("not running under carbonctl wrap (%s is not set)", watch.EnvEvents), "")
				return nil
			}
			if err := watch.Append(path, e); errors.Is(err, fs.ErrNotExist) {
				a.say("the enclosing run has ended", "")
			} else if err != nil {
				return &exitError{exitFinding, err}
			}
			return nil
		},
	}
}
