package runs

import (
	"encoding/json"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A Component is what one part of the machine used in a run, as a cell of its row
// holds it: the machine's energy, whatever the run is charged. One that a counter
// saw for a part of the run and a model for the rest stands there twice.
type Component struct {
	Kind  energy.Kind  `json:"kind"`
	ID    string       `json:"id"`
	Basis energy.Basis `json:"basis"`
	// Energy is nil where the part is there and could not be read, High where
	// nothing bounds it from above.
	Energy *energy.Energy `json:"energy_joules"`
	Low    *energy.Energy `json:"low_joules"`
	High   *energy.Energy `json:"high_joules"`
	// Process is the work's part, nil where it is not known.
	Process *energy.Energy `json:"process_energy_joules"`
}

// componentCell gives the counted components of a report as they stand in a Row:
// a compact JSON array, or "" if there are none.
func componentCell(lines []footprint.Line) string {
	var all []Component
	for _, l := range lines {
		if l.Counted() {
			all = append(all, Component{l.Kind, l.ID, l.Basis, l.Energy, l.Low, l.High, l.ProcessEnergy})
		}
	}
	if len(all) == 0 {
		return ""
	}
	cell, _ := compact(all) // these types always encode
	return cell
}

// ParseComponents reads such a cell; "" has none.
func ParseComponents(cell string) ([]Component, error) {
	if cell == "" {
		return nil, nil
	}
	var all []Component
	if err := json.Unmarshal([]byte(cell), &all); err != nil {
		return nil, err
	}
	return all, nil
}

// scanComponents reads a cell as componentCell writes it: each key at its place,
// no blanks, amounts as digits with up to six decimals. It gives each component to
// add, whose ID is a part of the cell. ok is false where the cell is of another
// form, which ParseComponents may know all the same.
func scanComponents(cell string, add func(c *Component)) (ok bool) {
	s := scanner{rest: cell}
	var amounts [4]energy.Energy
	var c Component
	s.skip("[")
	for more := !s.bad && s.rest != "]"; more; {
		s.skip(`{"kind":`)
		c.Kind = energy.Kind(s.text())
		s.skip(`,"id":`)
		c.ID = s.text()
		s.skip(`,"basis":`)
		c.Basis = energy.Basis(s.text())
		s.skip(`,"energy_joules":`)
		c.Energy = s.amount(&amounts[0])
		s.skip(`,"low_joules":`)
		c.Low = s.amount(&amounts[1])
		s.skip(`,"high_joules":`)
		c.High = s.amount(&amounts[2])
		s.skip(`,"process_energy_joules":`)
		c.Process = s.amount(&amounts[3])
		s.skip("}")
		if s.bad {
			return false
		}
		add(&c)
		if more = strings.HasPrefix(s.rest, ","); more {
			s.rest = s.rest[1:]
		}
	}
	s.skip("]")
	return !s.bad && s.rest == ""
}

type scanner struct {
	rest string
	bad  bool
}

func (s *scanner) skip(what string) {
	rest, ok := strings.CutPrefix(s.rest, what)
	s.rest, s.bad = rest, s.bad || !ok
}

// text reads a string without escapes.
func (s *scanner) text() string {
	s.skip(`"`)
	i := strings.IndexByte(s.rest, '"')
	if i < 0 || strings.IndexByte(s.rest[:i], '\\') >= 0 {
		s.bad = true
		return ""
	}
	text := s.rest[:i]
	s.rest = s.rest[i+1:]
	return text
}

// amount reads joules into to, or null.
func (s *scanner) amount(to *energy.Energy) *energy.Energy {
	if rest, ok := strings.CutPrefix(s.rest, "null"); ok {
		s.rest = rest
		return nil
	}
	var n energy.Energy
	i, whole, decimals := 0, 0, -1 // digits so far, before and behind the point
	for ; i < len(s.rest) && decimals < 6; i++ {
		c := s.rest[i]
		if c == '.' && decimals < 0 && i > 0 {
			decimals = 0
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + energy.Energy(c-'0')
		if decimals >= 0 {
			decimals++
		} else {
			whole++
		}
	}
	if whole == 0 || whole > 12 || decimals == 0 || i < len(s.rest) && s.rest[i] != ',' && s.rest[i] != '}' {
		s.bad = true // or so long that it may not fit
		return nil
	}
	for decimals = max(decimals, 0); decimals < 6; decimals++ {
		n *= 10
	}
	*to, s.rest = n, s.rest[i:]
	return to
}
