package runs

import (
	"encoding/json"

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

// ComponentCell gives the counted components of a report as they stand in a Row:
// a compact JSON array, or "" if there are none.
func ComponentCell(lines []footprint.Line) string {
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
