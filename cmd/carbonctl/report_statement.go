package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/input"
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
	to.StringVar(&f.statement, "statement", "", "instead of totals, a statement as this `FORM`: paper, model-card, boamps, sci, ghg or markdown")
	to.StringVar(&f.about.Subject, "about", "", "`WHAT` the runs did, in a few words, for a statement")
	to.StringVar(&f.per, "per", "", "for sci: `N=UNIT`, how many units the runs did: 1000=request")
	to.StringVar(&f.run, "run", "", "one `RUN`, which names the machine (boamps, model-card): its JSON, an ID or last")
	to.StringVar(&f.about.Hardware, "hardware", "", "describe the machine in `WORDS`, without --run")
	to.StringVar(&f.about.Location, "location", "", "describe the place in `WORDS`")
	to.StringVar(&f.about.Stage, "stage", "", "`STAGE` of the work: training, fine-tuning, inference …")
	to.StringVar(&f.about.Family, "family", "", "`KIND` of task, such as \"text classification\" (boamps)")
	to.StringVar(&f.about.Data, "data", "", "`KIND` of data: text, image, tabular, audio, video … (boamps)")
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
		return form, f.about, fmt.Errorf("--statement: %.40q is not one of %s", f.statement, strings.Join(all, ", "))
	}
	if f.per != "" {
		per, err := report.ParsePer(f.per)
		if err != nil {
			return form, f.about, fmt.Errorf("--per: %w", err)
		}
		f.about.Unit, f.about.Units = per.Unit, per.Units
	}
	if f.run != "" {
		found, err := read(f.run)
		if err == nil && found.Report == nil {
			err = fmt.Errorf("%s: only its row is kept, which names no machine", f.run)
		}
		if err != nil {
			return form, f.about, fmt.Errorf("--run: %w", err)
		}
		f.about.Run = found.Report
	}
	return form, f.about, nil
}
