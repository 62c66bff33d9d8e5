package regions

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

// Holdings says what is in the table, by source, in the order of
// [Table.Sources].
func (t *Table) Holdings() []Holding {
	var all []Holding
	for _, s := range t.Sources() {
		all = append(all, Holding{Source: s})
	}
	t.countZones(all)
	if t.places != nil {
		t.places().count(all[len(t.sources):])
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

func (p *places) count(all []Holding) {
	by := map[string]int{} // names of sources are as unique as their IDs
	for i, s := range p.sources {
		by[s.Name] = i
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
	for _, c := range p.clouds {
		count(c.figures)
	}
	for _, fleet := range p.fleets {
		count(fleet)
	}
	for _, a := range p.areas {
		all[a.source].add(12*24, a.year, a.year)
		all[a.source].Places++
	}
}
