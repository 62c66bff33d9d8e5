package carbon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

const (
	// gridTimeout is how long a provider may take for an answer.
	gridTimeout = 10 * time.Second
	// gridFirst is how long New waits for the first one, gridWait how long a
	// sample does: one that has the figure at hand answers in no time.
	gridFirst = 20 * time.Millisecond
	gridWait  = 5 * time.Millisecond
)

// A figure is a provider's answer.
type figure struct {
	in  regions.Intensity
	err error
}

// grid asks a provider what a kWh emits, one question at a time, each on a
// goroutine of its own that ends with the answer: nothing waits for it. The zero
// grid asks nobody.
type grid struct {
	from    regions.Provider
	zone    string
	answers chan figure // nil: no question is underway
	cancel  context.CancelFunc
	latest  figure
	fresh   bool // latest was not taken yet
}

// ask asks for the figure of now, and reports whether it did.
func (g *grid) ask(now time.Time) bool {
	if g.from == nil || g.answers != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), gridTimeout)
	answers, from := make(chan figure, 1), g.from
	g.answers, g.cancel = answers, cancel
	q := regions.Query{Zone: g.zone, Time: now}
	go func() {
		defer cancel()
		in, err := from.Intensity(ctx, q)
		if err == nil {
			err = usable(in)
		}
		answers <- figure{in, err}
	}()
	return true
}

// wait waits a little for the answer.
func (g *grid) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case f := <-g.answers:
		g.answer(f)
	case <-timer.C:
	}
}

func (g *grid) answer(f figure) { g.latest, g.fresh, g.answers = f, true, nil }

// take gives the figure that has come in, else the one before.
func (g *grid) take(before regions.Intensity, found []footprint.Fault) (regions.Intensity, []footprint.Fault) {
	if g.answers != nil {
		select {
		case f := <-g.answers:
			g.answer(f)
		default:
		}
	}
	if !g.fresh {
		return before, found
	}
	g.fresh = false
	if err := g.latest.err; err != nil {
		return before, append(found, footprint.Fault{Code: footprint.IntensityStale, Text: err.Error()})
	}
	return g.latest.in, found
}

// stop ends a question that is underway, and does not wait for it.
func (g *grid) stop() {
	if g.answers != nil {
		g.cancel()
	}
}

// usable returns why a figure can't be applied to energy.
func usable(in regions.Intensity) error {
	v := float64(in.PerKWh)
	switch {
	case math.IsNaN(v) || v < 0 || v >= 1 && regions.Plausible(in.PerKWh) != nil:
		return fmt.Errorf("refused an intensity of %v g/kWh for %s", v, in.Zone)
	case in.Marginal:
		return fmt.Errorf("refused a marginal intensity for %s: emissions take averages", in.Zone)
	}
	return nil
}

// open asks for the figure to begin with. A provider that fails, or has not
// answered soon, gives way to the built-in table, until it answers. Only a place
// that is not known is an error.
func (g *grid) open(from regions.Provider, zone string, now time.Time) (regions.Intensity, []footprint.Fault, error) {
	if p, ok := from.(regions.Immediate); ok {
		in, err := p.Intensity(context.Background(), regions.Query{Zone: zone, Time: now})
		if err == nil && !in.To.IsZero() { // else its figure stays for the run
			g.from, g.zone = from, zone
		}
		return in, nil, err
	}
	g.from, g.zone = from, zone
	g.ask(now)
	g.wait(gridFirst)
	err := errors.New("the grid's intensity was not answered yet")
	if g.fresh {
		g.fresh = false
		if err = g.latest.err; err == nil || wrongPlace(err) {
			return g.latest.in, nil, err
		}
	}
	var in regions.Intensity
	var tableErr error
	for _, q := range []regions.Query{{Zone: zone, Scope: regions.ScopeOf(from), Time: now}, {Zone: zone, Time: now}, {Time: now}} {
		if in, tableErr = regions.Builtin().Intensity(context.Background(), q); tableErr == nil {
			break
		}
	}
	text := fmt.Sprintf("%v: %.0f g/kWh of the built-in table (%s) instead", err, float64(in.PerKWh), in.Name)
	if in.Instead == "" {
		in.Instead = text
	}
	return in, []footprint.Fault{{Code: footprint.IntensityStale, Text: text}}, nil
}

// wrongPlace reports whether a provider knows that there is no such place.
func wrongPlace(err error) bool {
	return errors.As(err, new(*regions.UnknownError)) || errors.As(err, new(*regions.AmbiguousError)) || errors.As(err, new(*regions.MissingError))
}
