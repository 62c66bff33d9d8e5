package regions

import (
	"strconv"
	"strings"
)

// A Holding is what a table has from one source.
type Holding struct {
	Source  Source
	Places  int // zones, cloud regions or areas with figures from it
	Figures int
	// First and Last year of the figures.
	First, Last int
}

func (h *Holding) add(figures, first, last int) {
	h.Figures += figures
	if h.First == 0 || first < h.First {
		h.First = first
	}
	h.Last = max(h.Last, last)
}

// Holdings lists what is in the table, by source, in the order of [Table.Sources]. Of names
// and lists of regions it has no figures, 0.
func (t *Table) Holdings() []Holding {
	var all []Holding
	at := map[string]int{}
	for i, s := range t.Sources() {
		all = append(all, Holding{Source: s})
		at[s.ID] = i
	}
	t.countZones(all)
	if t.places != nil {
		t.places().count(all, at)
	}
	if t.typical != nil {
		t.typical().count(all, at)
	}
	return all
}

func (t *Table) countZones(all []Holding) {
	last := make([]int, len(t.sources)) // the last zone of each, from 1
	for i := range t.zones {
		for _, s := range t.zones[i].all() {
			if last[s.source] != i+1 {
				last[s.source] = i + 1
				all[s.source].Places++
			}
			for year := s.first; year <= s.last(); year++ {
				if _, ok := s.at(year); ok {
					all[s.source].add(1, year, year)
				}
			}
		}
	}
}

func (p *places) count(all []Holding, at map[string]int) {
	by := map[string]int{} // names of sources are as unique as their IDs
	for _, s := range p.sources {
		by[s.Name] = at[s.ID]
	}
	count := func(figures []Figure) {
		seen := map[int]bool{}
		for _, f := range figures {
			i := by[f.Source]
			all[i].add(1, f.Year, f.Year)
			if !seen[i] {
				seen[i] = true
				all[i].Places++
			}
		}
	}
	for c := range p.clouds() {
		count(c.figures)
	}
	for _, fleet := range p.fleets {
		count(fleet.held().figures)
	}
}

// count adds hours of areas: one a month and hour of the day.
func (p *typical) count(all []Holding, at map[string]int) {
	for _, a := range p.areas {
		h := &all[at[p.sources[a.source].ID]]
		from, to, ok := strings.Cut(a.years, "-")
		if !ok {
			to = from
		}
		first, _ := strconv.Atoi(from)
		last, _ := strconv.Atoi(to)
		h.add(12*24, first, last)
		h.Places++
	}
}
