package serve

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/serve/store"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// choices are the values that filters may have, and the runs that started last.
type choices struct {
	mu     sync.Mutex
	rows   store.Rows
	values map[string]map[string]bool // by the name of the filter
	latest *runs.Listing
}

// Bounds on what there is to choose.
const (
	maxChoices = 200
	maxChoice  = 1 << 10 // bytes of a value: no address has room for what is longer
	maxLatest  = 100
)

// of brings the choices up to some rows.
func (c *choices) of(rows store.Rows) *choices {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.latest != nil && c.rows.Extends(rows):
		return c
	case c.latest == nil || !rows.Extends(c.rows):
		c.rows, c.latest = store.Rows{}, &runs.Listing{Most: maxLatest}
		c.values = map[string]map[string]bool{"project": {}, "user": {}, "host": {}, "region": {}, "status": {}}
	}
	project, user, host, region, status := c.values["project"], c.values["user"], c.values["host"], c.values["region"], c.values["status"]
	learn := func(all map[string]bool, value string) {
		if value != "" && len(value) <= maxChoice && !all[value] && len(all) < maxChoices {
			all[strings.Clone(value)] = true
		}
	}
	rows.EachShort(c.rows.Len(), func(r *runs.Row) {
		learn(project, r.Project)
		learn(user, r.User)
		learn(host, r.Host)
		learn(region, r.Zone)
		learn(status, string(r.Status))
		c.latest.Add(r)
	})
	c.rows = rows
	return c
}

// options are the values of a filter, nil where there are none or too many.
func (c *choices) options(name, value string) []page.Option {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Sorted(maps.Keys(c.values[name]))
	if len(all) == 0 || len(all) >= maxChoices {
		return nil
	}
	list := []page.Option{{Value: "", Text: "all"}}
	if value != "" && !slices.Contains(all, value) {
		list = append(list, page.Option{Value: value, Text: shown(value)})
	}
	for _, v := range all {
		list = append(list, page.Option{Value: v, Text: shown(v)})
	}
	return list
}

// shown is a name as a list of choices has it: short, and without what moves other text.
func shown(name string) string {
	const most = 40
	clean := []rune(format.Clean(name))
	if len(clean) > most {
		clean = append(clean[:most-1], '…')
	}
	return string(clean)
}

// newest are the runs that started last, the newest first.
func (c *choices) newest() (all []runs.Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := c.latest.Len() - 1; i >= 0; i-- {
		all = append(all, c.latest.At(i))
	}
	return all
}

// controls are the fields of the form of filters.
func (c *choices) controls(p *params) (all []page.Control) {
	for _, f := range []page.Control{
		{Name: "from", Label: "From", Hint: "2026-01 or -30d"}, {Name: "to", Label: "To", Hint: "2026-06"},
		{Name: "project", Label: "Project"}, {Name: "label", Label: "Label", Hint: "team=nlp"}, {Name: "user", Label: "User"},
		{Name: "host", Label: "Host"}, {Name: "region", Label: "Region"}, {Name: "status", Label: "Status"},
	} {
		f.Value = p.text(f.Name)
		f.Options = c.options(f.Name, f.Value)
		all = append(all, f)
	}
	return all
}
