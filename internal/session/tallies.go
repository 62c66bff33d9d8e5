package session

import (
	"fmt"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/watch"
)

// countOf is what a line says was done: of the file of events, or of the output.
func countOf(e watch.Event) footprint.Count {
	c := footprint.Count{Unit: e.Name, N: e.N, How: footprint.ByEvent, Lower: e.Lower}
	if e.Source != "" {
		c.How, c.Source = footprint.ByLog, e.Source
	}
	if e.Reset {
		c.Resets = 1
	}
	return c
}

// uncounted warns of tallies that no line has fitted.
func (l *lookout) uncounted() {
	for _, t := range l.tallies {
		if t.Lines() == 0 {
			l.warn(footprint.WorkUnseen, fmt.Sprintf("no output line matches %q: %ss are not counted", t.Expr, t.Unit))
		}
	}
}
