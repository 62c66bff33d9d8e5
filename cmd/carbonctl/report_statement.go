package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/report"
)

// aboutFlags say what a statement is about, and no row knows.
type aboutFlags struct {
	statement, per, run string
	about               report.About
	flags               *pflag.FlagSet
}

// aboutNames are the flags that belong to a statement.
var aboutNames = []string{"about", "per", "run", "hardware", "location", "stage", "family", "data"}

func (f *aboutFlags) add(to *pflag.FlagSet) {
	f.flags = to
	to.StringVar(&f.statement, "statement", "", "`FORM` print a statement instead of totals: paper, model-card, boamps, sci, ghg, markdown")
	to.StringVar(&f.about.Subject, "about", "", "`TEXT` what the runs did, in a few words")
	to.StringVar(&f.per, "per", "", "`N=UNIT` sci: functional units done: 1000=request")
	to.StringVar(&f.run, "run", "", "`RUN` boamps, model-card: take the machine from this run: JSON file, ID or last")
	to.StringVar(&f.about.Hardware, "hardware", "", "`TEXT` describe the machine, instead of --run")
	to.StringVar(&f.about.Location, "location", "", "`TEXT` describe the location")
	to.StringVar(&f.about.Stage, "stage", "", "`STAGE` boamps, model-card: training, fine-tuning, inference …")
	to.StringVar(&f.about.Family, "family", "", "`KIND` boamps: kind of task, such as \"text classification\"")
	to.StringVar(&f.about.Data, "data", "", "`KIND` boamps: kind of data: text, image, tabular, audio, video …")
}

// alone finds a flag that was given and needs a statement, "" if there is none.
func (f *aboutFlags) alone() string {
	i := slices.IndexFunc(aboutNames, f.flags.Changed)
	if i < 0 {
		return ""
	}
	return aboutNames[i]
}

func (f *aboutFlags) parse(read func(name string) (input.Run, error)) (report.Form, report.About, error) {
	form := report.Form(f.statement)
	if form == "md" {
		form = report.Summary
	}
	if !slices.Contains(report.Forms(), form) {
		var all []string
		for _, f := range report.Forms() {
			all = append(all, string(f))
		}
		return form, f.about, fmt.Errorf("--statement: unknown form %.40q: use one of %s", f.statement, strings.Join(all, ", "))
	}
	if f.per != "" {
		per, err := screen.ParsePer(f.per)
		if err != nil {
			return form, f.about, fmt.Errorf("--per: %w", err)
		}
		f.about.Unit, f.about.Units = per.Unit, per.Units
	}
	if f.run != "" {
		found, err := read(f.run)
		if err == nil && found.Report == nil {
			err = fmt.Errorf("%s: the machine is unknown: only the row of this run was kept", f.run)
		}
		if err != nil {
			return form, f.about, fmt.Errorf("--run: %w", err)
		}
		f.about.Run = found.Report
	}
	return form, f.about, nil
}
