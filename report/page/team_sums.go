package page

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/runs"
)

// teamSums are the figures of a page, before they are shown: numbers only.
type teamSums struct {
	measure
	now    time.Time
	byTime bool // the groups are times: there is no series of them

	total   runs.Summary
	monthly bool // the page is about the month of now, else about all
	period  runs.Summary
	before  runs.Summary // the month before, up to the same day
	fair    bool         // the record reaches back far enough for before
	future  int          // runs that start after now's day
	narrow  func(project, time string) string

	groups []*teamGroup // the greatest of the period first
	bins   []string     // months, or days where there is only one month, as in names of cells
	byDay  bool
	binned map[string]*runs.Summary
	older  runs.Summary // of months before the bins
	failed runs.Summary // of the period: failed or interrupted
	lost   map[footprint.Status]runs.Summary
	hosts  []*runs.Group

	outlook  *runs.Outlook // of the month
	monthEnd time.Time
}

// teamGroup is a project, or what else rows are grouped by.
type teamGroup struct {
	name                          []string
	total, period, before, failed runs.Summary
	bins                          map[string]*runs.Summary
}

const (
	dayLayout = "2006-01-02"
	// maxBins is how many months or days a picture shows.
	maxBins = 24
	// maxDays is how many days: a month has no more.
	maxDays = 31
	// firstDays is until which day of a month a record may begin to be compared with.
	firstDays = "03"
)

// measureOf is what the page counts: energy where the budget is of that alone.
func (t Team) measureOf() measure {
	m := measure{scope: t.Groups.Total.Headline().Scope}
	m.energy = t.Budget.Energy > 0 && t.Budget.Emissions <= 0 || len(t.Groups.Total.Scopes) == 0
	return m
}

// sums adds up what the page shows, from the cells that Add has filled.
func (t Team) sums() teamSums {
	s := teamSums{measure: t.measureOf(), now: t.now(), total: t.Groups.Total.Summary, binned: map[string]*runs.Summary{}, lost: map[footprint.Status]runs.Summary{}}
	s.narrow = func(string, string) string { return "" }
	if t.Live != nil && t.Live.Narrow != nil && t.Overview {
		s.narrow = t.Live.Narrow
	}
	cells := t.Groups.AlsoList(0)
	if len(t.Groups.Also) > 1 {
		s.hosts = t.Groups.AlsoList(1)
	}
	month := s.now.Format(format.MonthLayout)
	first := time.Date(s.now.Year(), s.now.Month(), 1, 0, 0, 0, 0, time.UTC)
	s.monthEnd = first.AddDate(0, 1, 0)
	last := first.AddDate(0, -1, 0).Format(format.MonthLayout)
	covers := (t.Filter.From.IsZero() || !t.Filter.From.After(first)) && (t.Filter.To.IsZero() || t.Filter.To.After(s.now))
	has := t.Budget != (runs.Allowance{}) || slices.ContainsFunc(t.Groups.Months(), func(g *runs.Group) bool { return g.Name[0] == month && g.Runs > 0 })
	s.monthly = covers && has && len(cells) > 0
	s.fair = s.monthly && !s.total.First.IsZero() && s.total.First.UTC().Format(dayLayout) <= last+"-"+firstDays
	today := s.now.Format(dayLayout)
	s.bin(t.Groups.Months(), month)

	keys := untimed(t.Groups.By)
	s.byTime = len(keys) == 0 && len(t.Groups.By) > 0
	byName := map[string]*teamGroup{}
	days := map[string]float64{}
	for _, c := range cells {
		n := len(c.Name)
		name, day, status := c.Name[:n-2], c.Name[n-2], footprint.Status(c.Name[n-1])
		id := strings.Join(name, "\x00")
		g := byName[id]
		if g == nil {
			g = &teamGroup{name: name, bins: map[string]*runs.Summary{}}
			byName[id], s.groups = g, append(s.groups, g)
		}
		g.total.Merge(c.Summary)
		in := !s.monthly
		switch {
		case !s.monthly:
		case strings.HasPrefix(day, month):
			in = true
		case strings.HasPrefix(day, last) && day[len(last):] <= today[len(month):]:
			g.before.Merge(c.Summary)
			s.before.Merge(c.Summary)
		}
		if day > today {
			s.future += c.Runs
		}
		if in {
			g.period.Merge(c.Summary)
			s.period.Merge(c.Summary)
			if status == footprint.Failed || status == footprint.Interrupted {
				g.failed.Merge(c.Summary)
				s.failed.Merge(c.Summary)
				lost := s.lost[status]
				lost.Merge(c.Summary)
				s.lost[status] = lost
			}
		}
		days[day] += s.of(c.Summary).x
		s.put(g, day, c.Summary)
	}
	if len(cells) == 0 { // rows were added to the groups alone
		s.period = s.total
		for _, g := range t.Groups.List() {
			if !s.byTime && len(keys) == len(t.Groups.By) {
				s.groups = append(s.groups, &teamGroup{name: g.Name, total: g.Summary, period: g.Summary})
			}
		}
	}
	slices.SortStableFunc(s.groups, func(a, b *teamGroup) int {
		return cmp.Or(cmp.Compare(s.of(b.period).x, s.of(a.period).x), cmp.Compare(b.period.Energy, a.period.Energy), cmp.Compare(s.of(b.total).x, s.of(a.total).x), slices.Compare(a.name, b.name))
	})
	if s.monthly {
		s.expect(days)
	}
	return s
}

// bin chooses what stands in the picture: the last months, or the days of the only one.
func (s *teamSums) bin(months []*runs.Group, month string) {
	var names []string
	for _, m := range months {
		if m.Name[0] != "" && m.Runs > 0 && (m.Name[0] <= month || !s.monthly) {
			names = append(names, m.Name[0])
		}
	}
	if len(names) == 0 {
		return
	}
	from, to := names[0], names[len(names)-1]
	if s.monthly {
		to = month
	}
	if from == to {
		s.byDay = true
		at, _ := time.Parse(format.MonthLayout, to)
		for d := at; d.Format(format.MonthLayout) == to; d = d.AddDate(0, 0, 1) {
			s.bins = append(s.bins, d.Format(dayLayout))
		}
	} else {
		at, _ := time.Parse(format.MonthLayout, to)
		for len(s.bins) < maxBins && at.Format(format.MonthLayout) >= from {
			s.bins = append(s.bins, at.Format(format.MonthLayout))
			at = at.AddDate(0, -1, 0)
		}
		slices.Reverse(s.bins)
	}
	for _, b := range s.bins {
		s.binned[b] = &runs.Summary{}
	}
	for _, m := range months {
		if m.Name[0] != "" && m.Name[0] < s.bins[0][:len(format.MonthLayout)] {
			s.older.Merge(m.Summary)
		} else if b := s.binned[m.Name[0]]; b != nil {
			b.Merge(m.Summary)
		}
	}
}

// put adds a cell to the bins.
func (s *teamSums) put(g *teamGroup, day string, sum runs.Summary) {
	bin := day
	if !s.byDay && len(day) >= len(format.MonthLayout) {
		bin = day[:len(format.MonthLayout)]
	}
	all := s.binned[bin]
	if all == nil {
		return
	}
	if s.byDay {
		all.Merge(sum)
	}
	if g.bins[bin] == nil {
		g.bins[bin] = &runs.Summary{}
	}
	g.bins[bin].Merge(sum)
}

// expect says what the month takes by its end: by the whole days before today, back to the
// first of the record.
func (s *teamSums) expect(days map[string]float64) {
	today := time.Date(s.now.Year(), s.now.Month(), s.now.Day(), 0, 0, 0, 0, time.UTC)
	first := s.total.First.UTC().Format(dayLayout)
	var before []float64
	for d := today.AddDate(0, 0, -1); len(before) < maxDays && !s.total.First.IsZero() && d.Format(dayLayout) >= first; d = d.AddDate(0, 0, -1) {
		before = append(before, days[d.Format(dayLayout)])
	}
	slices.Reverse(before)
	if o, ok := runs.Expect(s.of(s.period).x, before, s.monthEnd.Sub(s.now).Hours()/24); ok && s.future == 0 {
		s.outlook = &o
	}
}
