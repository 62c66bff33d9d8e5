// Package nested tells a run that it is inside another one, which counts its
// energy already: by a variable of the environment that names the other run and
// the process that tracks it.
package nested

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/internal/proc"
)

// Env is the variable: "RUN_ID/PID:START:MACHINE", or the run's ID alone, which
// makes it the parent and no more.
const Env = "CARBONCTL_RUN_ID"

// Value is what Env says to whatever runs inside a run that this process tracks.
func Value(run string) string {
	self, err := proc.Self()
	if err != nil {
		return run
	}
	return run + "/" + self.String()
}

// A Parent is the run around this one. The zero Parent is none.
type Parent struct {
	// ID of the run, "" if there is none.
	ID      string
	tracker proc.Identity
}

// Parse reads a value of Env; "" means no parent. An error: it does not name a run.
func Parse(value string) (Parent, error) {
	if value == "" {
		return Parent{}, nil
	}
	run, tracker, _ := strings.Cut(value, "/")
	id, err := uuid.Parse(run)
	if err != nil {
		return Parent{}, fmt.Errorf("%s: %.40q is not the ID of a run", Env, run)
	}
	p := Parent{ID: id.String()}
	p.tracker, _ = proc.ParseIdentity(tracker) // zero: not known, and so not above us
	return p, nil
}

// Counts reports whether the run around this one counts its energy: whether the
// process that tracks it still runs above us. The variable may also come from
// another machine (srun and ssh pass the environment on), from a run that has
// ended (a server that outlives it) or from outside of a container.
func (p Parent) Counts() bool { return p.ID != "" && p.tracker.Above() }
