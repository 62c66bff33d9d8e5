package runs

import "github.com/carbonctl/carbonctl/energy"

// An entry is a row among others that ran on the same machine at the same time,
// from start to end in Unix milliseconds.
type entry struct {
	start, end int64
	// process says that only the work's part is charged: such a row keeps what it
	// has, and the others share the rest.
	process         bool
	energy          energy.Energy
	low, high       energy.Energy
	wasOpen, open   bool          // no upper bound, before and after
	perJoule, again float64       // g per microjoule, as recorded and by other factors
	market          float64       // g, NaN where there is none
	measured        energy.Energy // of energy
	unknown         bool          // measured is not known
	whole           bool          // no components are known: parts are of the row as one
	order           uint16        // breaks ties, so that the order of rows does not matter
	bucket          uint32
	parts           []part
	counted         energy.Energy // the results: what the row counts for
	countedLow      energy.Energy
	countedHigh     energy.Energy
	countedMeasured energy.Energy
}

// A part is what a row has of a component: the machine's energy, or, of a row
// that is charged the work's part, that part.
type part struct {
	component int // one of the machine
	kind      kind
	energy    energy.Energy
	seen      energy.Energy // of energy, by counters
	low, high energy.Energy
	open      bool
	own       energy.Energy // the work's part
	known     bool          // own is
	weight    float64       // what it gets of what is shared, in µJ, while that is found
	counted   energy.Energy // the result
}

// A kind is a column that holds a part of a row's energy.
type kind uint8

const (
	kindCPU kind = iota
	kindMemory
	kindGPU
	kindOther
	kindNone // in no column
)

// asWhole makes one part of all of a row, which is in its columns as before.
func (e *entry) asWhole() {
	if e.whole {
		return
	}
	e.whole = true
	for i := range e.parts {
		p := &e.parts[i]
		p.component = 0
		if e.process {
			p.energy = p.own
		}
	}
}

func (e *entry) countMeasured() {
	switch {
	case e.unknown:
	case e.process:
		e.countedMeasured = e.measured
	case e.whole && e.energy > 0:
		e.countedMeasured = min(e.counted.Scale(float64(e.measured)/float64(e.energy)), e.counted)
	default:
		for _, p := range e.parts {
			if p.seen > 0 {
				e.countedMeasured = e.countedMeasured.Plus(min(p.counted.Scale(float64(p.seen)/float64(p.energy)), p.counted))
			}
		}
	}
}
