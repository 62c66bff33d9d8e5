package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/watch"
)

func (a *app) mark() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "mark EVENT [NAME]",
		Short: "Mark epochs and tasks in the current run, and count its work",
		Long: `Mark the start or end of an epoch or task in the current run, or count work that
was done. EVENT is one of

  epoch-start [N[/TOTAL]]
  epoch-end
  task-start NAME
  task-end NAME
  count UNIT N    add N units of work: output_token, request, sample …

The event is appended to the file CARBONCTL_EVENTS, which "carbonctl wrap" sets.
Without it, mark prints a note and exits with 0.`,
		Example: `  carbonctl mark epoch-start 3/10
  carbonctl mark task-start "load the data"
  carbonctl mark count output_token 512`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no event given: use epoch-start, epoch-end, task-start NAME, task-end NAME or count UNIT N")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := watch.ParseEvent(strings.Join(args, " "), time.Now())
			if err != nil {
				return err
			}
			m := marked{Event: e.String()}
			// Who marks its epochs must run as well without us: this is no failure.
			if path := os.Getenv(watch.EnvEvents); path == "" {
				m.Reason = fmt.Sprintf("not running under carbonctl wrap (%s is not set)", watch.EnvEvents)
			} else if err := watch.Append(path, e); errors.Is(err, fs.ErrNotExist) {
				m.Reason = "the enclosing run has ended"
			} else if err != nil {
				return &exitError{exitFinding, err}
			}
			if m.Marked = m.Reason == ""; asJSON {
				return output.JSON(a.out, m)
			}
			if !m.Marked {
				a.say(m.Reason, "")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the outcome as JSON")
	return cmd
}

// marked is what mark answers.
type marked struct {
	Event  string `json:"event"` // the line of the events file
	Marked bool   `json:"marked"`
	Reason string `json:"reason"` // why it is not marked, "" if it is
}
