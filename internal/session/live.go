package session

import (
	"os"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/output"
)

// Live is the line of a terminal that says how far a run is. The zero value is none.
type Live struct {
	// Status is the line; nil is none. Of a line on our stderr only what passes us can be
	// kept apart: it is drawn where the output is watched.
	Status *output.Status
	// Apart says that the line is on a terminal that the command does not print on.
	Apart bool
	// Text says how far the run is: its report so far, what the whole is expected to need
	// (nil if that is not known), and the power since the last time (0 if that is not).
	Text func(footprint.Report, *footprint.Prediction, energy.Power) string
	// After is how long a run goes on before it has a line; 0 is ten seconds.
	After time.Duration
}

const (
	liveAfter = 10 * time.Second
	liveEvery = time.Second
)

// begin shows the line, once the run is old enough, until stop. It comes before output is
// passed on.
func (l Live) begin(s *Session) (stop func()) {
	out := s.lookout.output
	switch {
	case l.Status == nil || l.Text == nil:
		return func() {}
	case l.Apart:
	case out == nil || !out.Before(os.Stderr, l.Status.Erase):
		return func() {}
	default:
		l.Status.Beside(func() bool { return !out.Idle(os.Stderr) })
	}
	after := l.After
	if after == 0 {
		after = liveAfter
	}
	var last footprint.Report
	return l.Status.Every(after, liveEvery, func() string {
		r := s.tracker.Report()
		var power energy.Power
		if past := time.Duration((r.DurationS - last.DurationS) * float64(time.Second)); last.DurationS > 0 && past > 0 {
			power = (r.MachineEnergy - last.MachineEnergy).Per(past)
		} else if r.DurationS > 0 {
			power = r.MachineEnergy.Per(time.Duration(r.DurationS * float64(time.Second)))
		}
		last = r
		if q, ok := s.tracker.Predict(); ok {
			return l.Text(r, &q, power)
		}
		return l.Text(r, nil, power)
	})
}
