package footprint

// A Fault is something that went wrong while reading. It becomes a Warning, one
// for each Code and Component, with the first Text and how often it was noted.
type Fault struct {
	Code string `json:"code"`
	// Component is what the fault is about: what differs in it differs in kind.
	Component string `json:"component,omitempty"`
	Text      string `json:"text"`
	// Count is how often it happened; 0 is once.
	Count int `json:"count,omitempty"`
}

// maxFaults bounds how many components one code is kept for: the rest is counted
// with the last of them. Codes are few, so none crowds out another.
const maxFaults = 20

// Note adds a fault that belongs to no sample.
func (a *Account) Note(f Fault) {
	f.Count = max(f.Count, 1)
	var last *Fault // of the same code
	of := 0
	for i := range a.faults {
		switch known := &a.faults[i]; {
		case known.Code != f.Code:
		case known.Component == f.Component:
			known.Count += f.Count
			return
		default:
			last = known
			of++
		}
	}
	if of >= maxFaults {
		last.Count += f.Count
		return
	}
	a.faults = append(a.faults, f)
}
