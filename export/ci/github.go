package ci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/report"
)

// SummaryLimit is how many bytes the summary of a step may have: GitHub drops a longer one
// whole.
const SummaryLimit = 1 << 20

// A Workflow is a step of a workflow of GitHub Actions, as a sink: it adds to the step's
// summary and to its outputs. Both files are the step's own and gone with it.
type Workflow struct {
	// Summary and Output are the files of GITHUB_STEP_SUMMARY and GITHUB_OUTPUT; "" is none.
	Summary, Output string
	// Car is what emissions are compared with; the zero Car is the usual one.
	Car report.Car
}

// WorkflowOf is the step of an environment. The error says what is missing for a step.
func WorkflowOf(env func(string) string, car report.Car) (Workflow, error) {
	w := Workflow{env("GITHUB_STEP_SUMMARY"), env("GITHUB_OUTPUT"), car}
	if w.Summary == "" && w.Output == "" {
		return w, errors.New("neither GITHUB_STEP_SUMMARY nor GITHUB_OUTPUT is set: this is not a step of GitHub Actions")
	}
	return w, nil
}

// Report implements carbon.Sink.
func (w Workflow) Report(ctx context.Context, r footprint.Report) error {
	var errs []error
	if w.Summary != "" {
		errs = append(errs, w.summarize(ctx, r))
	}
	if w.Output != "" {
		var b strings.Builder
		for _, v := range values(r) {
			fmt.Fprintf(&b, "%s=%s\n", v.name, v.text)
		}
		errs = append(errs, appendTo(ctx, w.Output, b.String()))
	}
	return errors.Join(errs...)
}

// summarize adds the run to the summary: whole where there is room, else its headline.
func (w Workflow) summarize(ctx context.Context, r footprint.Report) error {
	var whole bytes.Buffer
	if err := (report.Run{Report: r, Car: w.Car}).Write(&whole, "markdown"); err != nil {
		return err
	}
	used := int64(0)
	if info, err := os.Stat(w.Summary); err == nil {
		used = info.Size()
	}
	short := "`carbonctl`: " + escape(r.String()) + "\n"
	for _, text := range []string{whole.String(), short} {
		if used+int64(len(text))+2 <= SummaryLimit {
			return appendTo(ctx, w.Summary, text)
		}
	}
	return fmt.Errorf("%s: the step's summary has no room left (1 MiB)", w.Summary)
}

// escape keeps a line of text from being Markdown.
func escape(s string) string {
	return strings.NewReplacer("<", "&lt;", "|", "&#124;", "`", "'", "\n", " ").Replace(s)
}

// appendTo adds a text to a file with one write, after an empty line where the file has
// something: its last line may not have been ended.
func appendTo(ctx context.Context, path, text string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644) //nolint:gosec // as the runner makes it
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		text = "\n" + text
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// Annotate writes a run as workflow commands, which GitHub shows beside the job's log: its
// headline, a budget that was reached, and what could not be recorded or delivered.
func Annotate(w io.Writer, r footprint.Report) error {
	var b strings.Builder
	kind := "notice"
	if r.Budget != nil && r.Budget.TrippedAt != nil {
		kind = "warning"
	}
	b.WriteString(Command(kind, "Carbon footprint", r.String()))
	n := 0
	for _, warning := range r.Warnings {
		if warning.Code != footprint.NotRecorded {
			continue
		}
		if n++; n > maxWarnings {
			break
		}
		b.WriteString(Command("warning", "carbonctl", warning.Text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// maxWarnings are annotated: GitHub shows ten of a kind for each step, and the step may have
// its own.
const maxWarnings = 5

// Command is a workflow command on a line of its own: "::notice title=T::text".
func Command(kind, title, text string) string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	return "::" + kind + " title=" + property.Replace(title) + "::" + data.Replace(text) + "\n"
}
