package foreign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ccAlign says which cell is of which column. CodeCarbon 3 leaves the empty
// cells of a row out when it appends to a file, so that what follows stands too
// far left; and it takes a file with the same columns in another order for its
// own. Both are repaired where there is only one way to, and refused else.
func ccAlign(header, cells []string) (named map[string]string, note string, err error) {
	switch {
	case len(cells) == len(header):
		misfit := ccMisfit(header, cells)
		if misfit == nil {
			return ccNamed(header, cells), "", nil
		}
		order := slices.DeleteFunc(slices.Clone(ccOrder), func(c string) bool { return !slices.Contains(header, c) })
		if len(order) == len(header) && ccMisfit(order, cells) == nil {
			return ccNamed(order, cells), "columns in another order than the header's: reordered", nil
		}
		return nil, "", misfit
	case len(cells) > len(header):
		return nil, "", fmt.Errorf("%d cells for %d columns", len(cells), len(header))
	}
	s := shift{header: header, cells: cells}
	s.try(0, 0, map[string]string{})
	switch {
	case s.steps > maxSteps:
		return nil, "", fmt.Errorf("%d of %d cells: too many ways to place them", len(cells), len(header))
	case len(s.found) == 0:
		return nil, "", fmt.Errorf("%d of %d cells: cannot tell which are missing", len(cells), len(header))
	}
	for _, other := range s.found[1:] {
		for _, name := range ccMatters {
			if other[name] != s.found[0][name] {
				return nil, "", fmt.Errorf("%d of %d cells: %s may be %.30q or %.30q", len(cells), len(header), name, s.found[0][name], other[name])
			}
		}
	}
	return s.found[0], fmt.Sprintf("%d empty cells missing from this row: the others moved back", len(header)-len(cells)), nil
}

// ccMatters are the columns that a row is made from.
var ccMatters = []string{
	"timestamp", "project_name", "run_id", "duration", "emissions", "cpu_energy", "gpu_energy", "ram_energy", "energy_consumed",
	"country_iso_code", "cloud_provider", "cloud_region", "codecarbon_version", "tracking_mode", "pue",
}

const maxSteps = 20_000

// shift looks for all ways to give the cells, in their order, to columns. Those
// that get none were empty, so no cell that is left is.
type shift struct {
	header, cells []string
	found         []map[string]string
	steps         int
}

func (s *shift) try(column, cell int, so map[string]string) {
	if s.steps++; s.steps > maxSteps {
		return
	}
	if cell == len(s.cells) {
		for _, name := range s.header[column:] {
			if slices.Contains(ccAlways, name) {
				return
			}
		}
		for _, pair := range ccTogether {
			if (so[pair[0]] == "") != (so[pair[1]] == "") {
				return
			}
		}
		s.found = append(s.found, maps.Clone(so))
		return
	}
	if len(s.header)-column < len(s.cells)-cell {
		return
	}
	name, text := s.header[column], s.cells[cell]
	if text != "" && ccFits(name, text) {
		so[name] = text
		s.try(column+1, cell+1, so)
		delete(so, name)
	}
	if !slices.Contains(ccAlways, name) {
		s.try(column+1, cell, so)
	}
}

func ccNamed(header, cells []string) map[string]string {
	named := map[string]string{}
	for i, name := range header {
		named[name] = cells[i]
	}
	return named
}

// ccMisfit tells of the first cell that cannot be its column's, nil if all can.
func ccMisfit(header, cells []string) error {
	for i, name := range header {
		cell := strings.TrimSpace(cells[i])
		switch {
		case cell == "" || cell == "None" || strings.EqualFold(cell, "nan"):
			if slices.Contains(ccNeeded, name) && name != "energy_consumed" {
				return fmt.Errorf("%s is empty", name)
			}
		case ccIsNumeric(name) && slices.Contains(ccOrder, name) && !ccNumber().MatchString(cell):
			return fmt.Errorf("%s: %.40q is not a number", name, cell)
		case name == "timestamp" && !ccShape[name]().MatchString(cell):
			return notTime(cell)
		case (name == "on_cloud" || name == "tracking_mode") && !ccShape[name]().MatchString(cell):
			return fmt.Errorf("%s: %.40q is not a value of this column", name, cell)
		}
	}
	return nil
}
