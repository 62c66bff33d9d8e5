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
		Use:   "mark epoch-start [N[/TOTAL]] | epoch-end | task-start NAME | task-end NAME",
		Short: "Tell the run around us that an epoch or a task begins or ends",
		Long: `Tell the run that we are in, from any program: "carbonctl wrap" names a file in
CARBONCTL_EVENTS, and this appends a line to it. It never waits. Outside of such
a run it says so, and the exit code is 1.`,
		Example: `  carbonctl mark epoch-start 3/10
  carbonctl mark task-start "load the data"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := watch.ParseEvent(strings.Join(args, " "), time.Now())
			if err != nil {
				return fmt.Errorf("mark: %w", err)
			}
			// Who marks its epochs must run as well without us: this is no failure.
			path := os.Getenv(watch.EnvEvents)
			if path == "" {
				a.say(fmt.Sprintf("mark: not running under carbonctl wrap (%s is not set)", watch.EnvEvents), "")
				return nil
			}
			if err := watch.Append(path, e); errors.Is(err, fs.ErrNotExist) {
				a.say("mark: the enclosing run has ended", "")
			} else if err != nil {
				return &exitError{exitFinding, fmt.Errorf("mark: %w", err)}
			}
			return nil
		},
	}
}
