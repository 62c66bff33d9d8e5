package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/export/ci"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/report"
)

// finish ends the run and shows its result, unless w is silent.
func (w *runFlags) finish(ctx context.Context, s *session.Session) session.Result {
	result := s.Finish(ctx)
	if w.silent {
		return result
	}
	shown := make(chan struct{})
	go func() { defer close(shown); w.show(s, result) }() // nobody may read it
	result.Shown(shown)
	return result
}

// calmAfter is how old a run is when one thread of Go's has to do: a timer that fires
// wakes a second one in vain. Until then that would cost more than it saves.
const calmAfter = time.Second

// show prints the result: of wrap on stderr, as stdout belongs to the command. An error is
// left alone, there is nobody to tell it to.
func (w *runFlags) show(s *session.Session, result session.Result) {
	r := result.Report
	for i, n := range r.Warnings {
		if hint := w.config.cloudHint(); n.Code == footprint.RegionAssumed && hint != "" {
			r.Warnings[i].Hint = hint
		}
	}
	if result.Lost && !w.json && w.sink.jsonTo == "" {
		r.Warnings = saved(r) // else it would be nowhere
	}
	told := func(n footprint.Warning) bool {
		return n.Code == footprint.NotRecorded && slices.ContainsFunc(w.told, func(end string) bool { return strings.HasSuffix(n.Text, end) })
	}
	if !w.quiet {
		s.NewLine()
	}
	switch {
	case w.quiet:
		for _, n := range r.Warnings {
			if n.Code == footprint.NotRecorded && !told(n) {
				w.say(n.Text, n.Hint)
			}
		}
	case w.json:
		r.Warnings = append(slices.Clone(r.Warnings), w.dropped.warnings()...)
		w.printJSON(r)
	default:
		r.Warnings = slices.DeleteFunc(slices.Clone(r.Warnings), func(n footprint.Warning) bool {
			return n.Code == footprint.ConfigIgnored || // printed at the start, a wrong region too
				n.Code == footprint.RegionAssumed && w.config.Refused(config.Region) || told(n)
		})
		run := report.Run{Report: r, Car: w.config.car}
		if w.verbose {
			_ = run.Write(w.to, "text")
		} else {
			_ = run.Result(w.to, w.screen(w.to))
		}
	}
	if w.config.ci == ci.GitHub && !w.json {
		_ = ci.Annotate(w.err, result.Report)
	}
	for _, line := range screen.Recovered(w.worthSaying(result.Recovered)) {
		w.say(line, "")
	}
	if result.Damaged != nil {
		w.say(result.Damaged.Error(), "")
	}
}

// worthSaying are the earlier runs whose rows were added meanwhile that the user of this
// one hears of: with -q those whose end was not recorded; with --json none, as the result is one line.
func (w *runFlags) worthSaying(all []footprint.Report) []footprint.Report {
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

func (w *runFlags) printJSON(r footprint.Report) {
	b, _ := json.Marshal(r)
	_, _ = w.to.Write(append(b, '\n'))
}

// dropped are the reports of earlier runs that are given up, as lines. It is safe for
// concurrent use.
type dropped struct {
	mu    sync.Mutex
	lines []string
}

func (d *dropped) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *dropped) warnings() (all []footprint.Warning) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.lines {
		all = append(all, footprint.Warning{Code: footprint.NotRecorded, Text: line})
	}
	return all
}
