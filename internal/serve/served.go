package serve

import (
	_ "embed"
	"fmt"
	"maps"
	"net/url"
	"strconv"

	"github.com/carbonctl/carbonctl/internal/serve/store"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

//go:embed live.js
var liveScript string

// followScript makes a page of a state follow what is new.
func followScript(s *store.State) string {
	return fmt.Sprintf("const made = %q;\n%s", stateID(s), liveScript)
}

// served is what the page of all runs has here beside what a file has: runs that go on, the
// form of filters, other forms of the same figures, and the script that follows.
func (p *pages) served(a *asked, f runs.Filter, c *choices) *page.Served {
	live := &page.Served{Filters: c.controls(a.params), Script: followScript(a.state), Narrow: narrow(a.params.values)}
	for _, r := range a.state.Live {
		if f.Match(runs.FromReport(r)) {
			live.Underway = append(live.Underway, page.Underway{Run: report.Run{Report: r, Car: p.Car}, Link: runAddress(r.RunID)})
		}
	}
	for _, l := range [][2]string{{"JSON", "json"}, {"CSV of runs", "runs.csv"}, {"CSV of groups", "csv"}} {
		q := url.Values{}
		for name, values := range a.params.values {
			q[name] = values
		}
		q.Set("format", l[1])
		live.Links = append(live.Links, [2]string{l[0], "/?" + q.Encode()})
	}
	live.Links = append(live.Links, [2]string{"Compare runs", "/compare"}, [2]string{"Intensity API", "/v1/"})
	return live
}

// narrow gives the addresses of the page of some filters with one more choice.
func narrow(filters url.Values) func(project, time string) string {
	return func(project, time string) string {
		if project == "" && time == "" {
			return ""
		}
		q := maps.Clone(filters)
		q.Del("format")
		if project != "" {
			q.Set("project", project)
		}
		if time != "" {
			q.Set("from", time)
			q.Set("to", time)
		}
		if to := "/?" + q.Encode(); len(to) <= maxURL {
			return to
		}
		return ""
	}
}

// thousands shows a number with separators.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
