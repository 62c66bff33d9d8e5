package serve

import (
	"fmt"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/internal/serve/store"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// A view is the sum of the rows that a filter takes. It goes on where it stopped: what was
// appended is added to what was added before.
type view struct {
	mu    sync.Mutex
	team  *page.Team // not settled
	rows  store.Rows
	month string
	used  uint64
}

// views are those that were asked for last: each costs some 90 bytes a row.
type views struct {
	mu      sync.Mutex
	all     map[string]*view
	clock   uint64
	choices choices
}

const maxViews = 3

func newViews() *views { return &views{all: map[string]*view{}} }

// team gives the sums of some rows, settled and not shared with anybody, and what there is
// to choose.
func (v *views) team(rows store.Rows, f runs.Filter, p Pages, now time.Time) (page.Team, *choices) {
	one, chosen := v.advance(rows, f, p, now)
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.team.Settled(now), chosen
}

// advance adds what a view of a filter has not added yet. It may have more than it is asked
// for: newer states are as good.
func (v *views) advance(rows store.Rows, f runs.Filter, p Pages, now time.Time) (*view, *choices) {
	chosen := v.choices.of(rows)
	one := v.view(f)
	one.mu.Lock()
	defer one.mu.Unlock()
	month := now.UTC().Format("2006-01")
	switch {
	case one.team != nil && one.rows.Extends(rows) && one.month == month:
		return one, chosen
	case one.team == nil || one.month != month || !rows.Extends(one.rows):
		one.team = &page.Team{Totals: report.Totals{Groups: &runs.Groups{}, Filter: f, Budget: p.Budget, Car: p.Car}, Now: now}
		one.rows, one.month = store.Rows{}, month
	}
	rows.Each(one.rows.Len(), one.team.Add)
	one.rows = rows
	return one, chosen
}

// view finds the one of a filter, and makes it in the place of the one that was not asked
// for the longest.
func (v *views) view(f runs.Filter) *view {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clock++
	key := fmt.Sprintf("%q", f)
	one := v.all[key]
	if one == nil {
		if len(v.all) >= maxViews {
			oldest := ""
			for k, x := range v.all {
				if oldest == "" || x.used < v.all[oldest].used {
					oldest = k
				}
			}
			delete(v.all, oldest)
		}
		one = &view{}
		v.all[key] = one
	}
	one.used = v.clock
	return one
}
