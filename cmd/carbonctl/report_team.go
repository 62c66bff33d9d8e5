package main

import (
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// team writes the page of the runs in some files; sums say what of them is wanted.
func (r *reporting) team(flags *pflag.FlagSet, files []input.File, sums report.Totals) error {
	t := page.Team{Totals: sums, Now: time.Now(), Link: r.pages(r.form.output), Table: regions.Builtin()}
	var list *runs.Listing
	if flags.Changed("last") {
		list = &runs.Listing{Most: r.last}
		if r.last == 0 || r.last > page.MaxRuns {
			list.Most = page.MaxRuns
		}
	}
	r.Columns = append(t.Columns(), "ledger_id")
	err := r.Rows(files, func(row *runs.Row) {
		t.Add(row)
		if list != nil && (row.CountedBy == "" || r.nested) && t.Filter.Match(*row) {
			list.Add(row)
		}
	})
	if err != nil {
		return err
	}
	t.Settle()
	if list != nil {
		t.Latest = list
	}
	defer input.BoundGarbage()()
	if err := r.form.write(r.out, func(w io.Writer) error { return t.Write(w, r.format) }); err != nil {
		return err
	}
	if t.Groups.Total.Runs == 0 && r.filter.given(flags) {
		return &exitError{exitFinding, report.NoMatchError{Filter: t.Filter}}
	}
	return r.finding(t.Totals)
}

// finding is the exit code where a row could not be read, or a month has passed --budget: one of
// the settings is shown, and fails nothing.
func (r *reporting) finding(t report.Totals) error {
	if r.bad || r.limit != "" && slices.ContainsFunc(t.Groups.Months(), func(m *runs.Group) bool { return t.Budget.Used(m.Summary) > 1 }) {
		return &exitError{code: exitFinding}
	}
	return nil
}

// pages finds the page of a run beside a file, or in the directory runs there: RUN_ID.html.
// Only what is there is linked.
func (r *reporting) pages(file string) func(runs.Row) string {
	if file == "" || file == "-" {
		return nil
	}
	dir := filepath.Dir(file)
	return func(row runs.Row) string {
		name := row.RunID + ".html"
		if row.RunID == "" || filepath.Base(name) != name {
			return ""
		}
		for _, in := range []string{"", "runs"} {
			if info, err := os.Stat(filepath.Join(dir, in, name)); err == nil && info.Mode().IsRegular() {
				return (&url.URL{Path: "./" + path.Join(in, name)}).String()
			}
		}
		return ""
	}
}
