package otlp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A Parent is the span that a run is a part of. The zero value is none: the run is a trace of
// its own.
type Parent struct {
	// Traceparent and Tracestate are as in W3C Trace Context; ParseParent checks the first.
	Traceparent string `json:"traceparent,omitempty"`
	Tracestate  string `json:"tracestate,omitempty"`
}

// ErrTraceparent is a traceparent that is not one.
var ErrTraceparent = errors.New("not a W3C traceparent")

// ParseParent reads the headers of W3C Trace Context, which the environment variables
// TRACEPARENT and TRACESTATE hold. An empty traceparent is the zero Parent. The error is
// ErrTraceparent.
func ParseParent(traceparent, tracestate string) (Parent, error) {
	if traceparent == "" {
		return Parent{}, nil
	}
	p := Parent{traceparent, tracestate}
	if _, _, _, ok := p.ids(); !ok {
		return Parent{}, ErrTraceparent
	}
	if len(tracestate) > 512 || strings.ContainsAny(tracestate, "\r\n") {
		p.Tracestate = ""
	}
	return p, nil
}

// ids are the parts of a traceparent.
func (p Parent) ids() (trace, parent string, sampled, ok bool) {
	f := strings.Split(p.Traceparent, "-")
	if len(f) < 4 || !lowerHex(f[0], 2) || f[0] == "ff" || f[0] == "00" && len(f) != 4 {
		return "", "", false, false
	}
	if !lowerHex(f[1], 32) || strings.Trim(f[1], "0") == "" || !lowerHex(f[2], 16) || strings.Trim(f[2], "0") == "" || !lowerHex(f[3], 2) {
		return "", "", false, false
	}
	flags, _ := hex.DecodeString(f[3])
	return f[1], f[2], flags[0]&1 == 1, true
}

func lowerHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}

// unsampled reports whether whoever started the trace has decided not to record it.
func (p Parent) unsampled() bool {
	_, _, sampled, ok := p.ids()
	return ok && !sampled
}

// spanOf is a run as a span. Its IDs follow from the run's, so that one that is sent twice is
// the same span.
func spanOf(r footprint.Report, p Parent) span {
	id := sha256.Sum256([]byte(r.RunID))
	s := span{
		TraceID: hex.EncodeToString(id[8:24]), SpanID: hex.EncodeToString(id[:8]),
		Name: "carbonctl.run", Kind: internalSpan, Start: at(r.StartedAt), End: at(r.EndedAt),
		Attributes: spanAttributes(r), Events: []event{}, EventsDropped: r.EpochsOmitted,
	}
	if u, err := uuid.Parse(r.RunID); err == nil {
		s.TraceID = hex.EncodeToString(u[:])
	}
	if trace, parent, _, ok := p.ids(); ok {
		s.TraceID, s.ParentSpanID, s.TraceState, s.Flags = trace, parent, p.Tracestate, 1
	}
	switch {
	case r.Signal != nil:
		s.Status = status{"killed by SIG" + *r.Signal, failed}
	case r.Status == footprint.Failed && r.ExitCode != nil:
		s.Status = status{fmt.Sprint("exit code ", *r.ExitCode), failed}
	case r.Status == footprint.Failed, r.Status == footprint.Interrupted:
		s.Status = status{string(r.Status), failed}
	}
	for _, e := range r.Epochs {
		s.Events = append(s.Events, epochEvent(e))
	}
	if b := r.Budget; b != nil && b.TrippedAt != nil {
		var a attributes
		a.text("carbonctl.budget.limit", b.Limit)
		a.text("carbonctl.budget.basis", b.Basis)
		a.text("carbonctl.budget.action", b.Action)
		s.Events = append(s.Events, event{at(*b.TrippedAt), "carbonctl.budget", a})
	}
	return s
}

// epochEvent is an epoch at the moment of its end.
func epochEvent(e footprint.Epoch) event {
	var a attributes
	a.int("carbonctl.epoch.index", int64(e.Index))
	a.text("carbonctl.epoch.name", e.Name)
	a.double("carbonctl.epoch.duration_s", e.DurationS)
	a.double("carbonctl.epoch.energy_joules", e.Energy.Joules())
	a.double("carbonctl.epoch.energy_low_joules", e.EnergyLow.Joules())
	a.joules("carbonctl.epoch.energy_high_joules", e.EnergyHigh)
	a.double("carbonctl.epoch.emissions_g", float64(e.Emissions))
	a.double("carbonctl.epoch.coverage", e.Coverage)
	a.bool("carbonctl.epoch.ended", e.Ended)
	return event{at(e.StartedAt.Add(time.Duration(e.DurationS * float64(time.Second)))), "carbonctl.epoch", a}
}

// spanAttributes are the run's headline, by the names that its JSON has.
func spanAttributes(r footprint.Report) (a attributes) {
	a.text("carbonctl.run_id", r.RunID)
	a.text("carbonctl.status", string(r.Status))
	if r.ExitCode != nil {
		a.int("process.exit.code", int64(*r.ExitCode))
	}
	h := r.Headline()
	if h.Energy != "" {
		a.text("carbonctl.charge", string(r.Charge))
		a.double("carbonctl.energy_joules", r.Energy.Joules())
		a.double("carbonctl.energy_low_joules", r.EnergyLow.Joules())
		a.double("carbonctl.machine_energy_joules", r.MachineEnergy.Joules())
		a.joules("carbonctl.process_energy_joules", r.ProcessEnergy)
	}
	a.joules("carbonctl.energy_high_joules", r.EnergyHigh)
	if h.Emissions != "" {
		a.double("carbonctl.emissions_g", float64(r.Emissions))
		a.double("carbonctl.emissions_low_g", float64(r.EmissionsLow))
		if r.EmissionsHigh != nil {
			a.double("carbonctl.emissions_high_g", float64(*r.EmissionsHigh))
		}
		a.double("carbonctl.g_per_kwh", float64(r.Intensity.PerKWh))
		a.text("carbonctl.intensity_scope", string(r.Intensity.Scope))
		a.text("carbonctl.intensity_source", r.Intensity.Source)
		a.double("carbonctl.pue", r.PUE.Value)
	}
	a.text("carbonctl.zone", r.Region.Zone)
	if r.MeasuredShare != nil {
		a.double("carbonctl.measured_share", *r.MeasuredShare)
	}
	a.double("carbonctl.coverage", r.Coverage)
	return a
}

func (a *attributes) joules(key string, e *energy.Energy) {
	if e != nil {
		a.double(key, e.Joules())
	}
}

// tracesOf is the run's span as a message.
func (s *Sink) tracesOf(r footprint.Report) tracesRequest {
	return tracesRequest{[]resourceSpans{{
		Resource: s.resource(r), SchemaURL: schemaURL,
		ScopeSpans: []scopeSpans{{Scope: scopeOf(r), Spans: []span{spanOf(r, s.Parent)}, SchemaURL: schemaURL}},
	}}}
}
