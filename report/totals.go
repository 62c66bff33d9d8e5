package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/runs"
)

// Totals are the sums over many runs, to be shown in one of the forms below. Its
// fields are only read.
type Totals struct {
	// Groups holds the sums; it must not be nil.
	Groups *runs.Groups
	// Filter is what the rows were taken by; every form shows it.
	Filter runs.Filter
	// Budget is what a month may use, none if zero.
	Budget runs.Allowance
	// Car is what emissions are compared with.
	Car Car
	// Largest are the runs that matter most, Latest those to list one by one; nil for
	// none.
	Largest, Latest runs.List
	// Overview is set where no user chose the groups: a person is shown what they have of the
	// total, and nothing where there is but one.
	Overview bool
	// Screen is what text is shown on.
	Screen Screen
	// Spread asks what one run takes: the means of groups, and how sure they are.
	Spread bool
}

// markdown writes the totals for a pull request, a job summary or a README.
func (t Totals) markdown(w io.Writer) error { return t.sheet().Markdown(w) }

// latex writes the totals as tables for a paper.
func (t Totals) latex(w io.Writer) error { return t.sheet().LaTeX(w) }

func (t Totals) sheet() layout.Sheet {
	total := t.Groups.Total
	s := layout.Sheet{
		Title:    fmt.Sprintf("Footprint of %d %s", total.Runs, format.Plural(total.Runs, "run", "runs")),
		Subtitle: t.subtitle(),
	}
	if total.Runs == 0 {
		return s
	}
	s.Figures = facts.TotalFigures(total, t.Car.Compare)
	s.Foot = facts.Versions(strings.Join(slices.Sorted(maps.Keys(total.Tools)), ", "), strings.Join(slices.Sorted(maps.Keys(total.Tables)), ", "))
	list, months := t.Groups.List(), t.Groups.Months()
	if len(t.Groups.By) > 0 && (!t.Overview || len(list) > 1) {
		s.Sections = append(s.Sections, facts.Groups(t.Groups, list))
	}
	if t.Spread {
		if p := facts.Means(t.Groups, list); len(p.Table.Rows) > 0 {
			s.Sections = append(s.Sections, p)
		}
	}
	byMonth := len(t.Groups.By) == 1 && t.Groups.By[0] == runs.ByMonth
	if t.Budget != (runs.Allowance{}) || len(months) > 1 && !byMonth {
		s.Sections = append(s.Sections, facts.Months(t.Groups, t.Budget, months))
	}
	if len(total.Work) > 0 {
		s.Sections = append(s.Sections, facts.Done(&total.Group))
	}
	s.Sections = append(s.Sections, facts.Grids(total))
	if len(total.Foresights) > 0 {
		s.Sections = append(s.Sections, facts.Foresights(total.Foresights))
	}
	if len(total.Warnings) > 0 {
		s.Sections = append(s.Sections, facts.WarningCounts(total))
	}
	listed := t.Latest != nil && t.Largest != nil && t.Latest.Len() == total.Runs && t.Largest.Len() == total.Runs
	if t.Largest != nil && t.Largest.Len() > 0 && !listed {
		s.Sections = append(s.Sections, t.largestSection())
	}
	if t.Latest != nil && t.Latest.Len() > 0 {
		s.Sections = append(s.Sections, facts.Latest(t.Latest, total.Runs))
	}
	return s
}

// subtitle says which runs these are.
func (t Totals) subtitle() string {
	total := t.Groups.Total
	var all []string
	switch {
	case total.Runs == 0:
		all = append(all, "none recorded")
	case total.First.IsZero():
		all = append(all, "start unknown")
	default:
		all = append(all, format.Minute(total.First)+" to "+format.Minute(total.Last)+" UTC")
	}
	if total.Nested > 0 {
		all = append(all, fmt.Sprintf("%d more %s inside them", total.Nested, format.Plural(total.Nested, "is", "are")))
	}
	if f := facts.FilterWords(t.Filter); f != "" {
		all = append(all, "only "+f)
	}
	return strings.Join(all, "; ")
}
