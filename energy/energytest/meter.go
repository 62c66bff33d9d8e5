package energytest

import (
	"context"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// A Step is what one Read answers.
type Step struct {
	// Readings are given as they stand. A zero Time becomes that of the Read.
	Readings []energy.Reading
	// Err comes with them.
	Err error
}

// A Meter answers each Read with the next of its Steps, and once they are used
// up with the last one again; without Steps it has no components. It is for one
// goroutine at a time. The zero Meter is ready.
type Meter struct {
	Steps []Step
	// Reads counts the Steps taken. CloseErr is what Close returns, and Closed
	// says that it was called.
	Reads    int
	CloseErr error
	Closed   bool
}

var _ energy.Meter = (*Meter)(nil)

// Read appends the readings of the next Step. With ctx ended it takes none, and
// returns the context's error.
func (m *Meter) Read(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
	if err := ctx.Err(); err != nil {
		return to, err
	}
	if len(m.Steps) == 0 {
		return to, nil
	}
	step := m.Steps[min(m.Reads, len(m.Steps)-1)]
	m.Reads++
	now := time.Now()
	for _, r := range step.Readings {
		if r.Time.IsZero() {
			r.Time = now
		}
		to = append(to, r)
	}
	return to, step.Err
}

// Close notes that it was called.
func (m *Meter) Close() error {
	m.Closed = true
	return m.CloseErr
}
