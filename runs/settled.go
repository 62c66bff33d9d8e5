package runs

import (
	"maps"
	"slices"

	"github.com/carbonctl/carbonctl/regions"
)

// Settled gives the sums as [Groups.Settle] leaves them, and g as it is: it can take more
// rows, which may share machines with those before. What was given is only to be read, and
// g is not to be used before it returns.
func (g *Groups) Settled() *Groups {
	out := &Groups{By: g.By, Also: g.Also, Total: g.Total.copied(), overlaps: g.overlaps, grids: g.grids}
	out.overlaps.parts = nil
	places := map[*Group]*Group{nil: nil}
	all := func(groups map[string]*Group) map[string]*Group {
		next := make(map[string]*Group, len(groups))
		for name, old := range groups {
			next[name] = new(old.copied())
			places[old] = next[name]
		}
		return next
	}
	out.groups, out.months = all(g.groups), all(g.months)
	for i := range g.also {
		out.also[i] = all(g.also[i])
	}
	out.buckets = slices.Clone(g.buckets)
	for i := range out.buckets {
		b := &out.buckets[i]
		b.group, b.month = places[b.group], places[b.month]
		for j := range b.also {
			b.also[j] = places[b.also[j]]
		}
	}
	out.Settle()
	return out
}

func (g Group) copied() Group {
	g.Warnings, g.Scopes, g.Work = maps.Clone(g.Warnings), slices.Clone(g.Scopes), maps.Clone(g.Work)
	for unit, d := range g.Work {
		next := *d
		next.Scopes, next.ByScope = slices.Clone(d.Scopes), maps.Clone(d.ByScope)
		g.Work[unit] = &next
	}
	return g
}

func (t Total) copied() Total {
	t.Group = t.Group.copied()
	t.Grids, t.Charges, t.Tools, t.Tables = maps.Clone(t.Grids), maps.Clone(t.Charges), maps.Clone(t.Tools), maps.Clone(t.Tables)
	t.Foresights = slices.Clone(t.Foresights)
	return t
}

// Copied gives the runs as they are now, while l takes more.
func (l *Largest) Copied() Largest {
	out := Largest{Most: l.Most, scopes: map[regions.Scope]Rows{}}
	for scope, rows := range l.scopes {
		out.scopes[scope] = slices.Clone(rows)
	}
	return out
}
