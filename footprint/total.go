package footprint

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// Report gives the report so far. It changes nothing: reports may be taken at
// any time, and the same samples give the same report.
func (a *Account) Report() Report {
	r := Report{
		Schema: Schema, RunID: a.Run.ID, Project: a.Run.Project, Labels: a.Run.Labels,
		Command: a.Run.Command, Job: a.Run.Job, Wait: a.Run.Wait,
		Status: a.End.Status, ExitCode: a.End.ExitCode, Overhead: a.End.Overhead,
		Host: a.Host, Charge: a.Run.Charge, PUE: PUE{Value: a.PUE, Source: "given"},
		Power:    []struct{}{},
		Warnings: []Warning{}, Versions: a.Versions,
	}
	if a.Run.Parent != "" {
		r.ParentRunID = &a.Run.Parent
	}
	if a.End.CountedBy != "" {
		r.CountedBy = &a.End.CountedBy
	}
	if r.Labels == nil {
		r.Labels = map[string]string{}
	}
	if r.Host.GPUs == nil {
		r.Host.GPUs = []string{}
	}
	if r.Status == "" {
		r.Status = Running
	}
	if r.Charge == "" {
		r.Charge = ChargeMachine
	}
	if a.PUE == 0 {
		r.PUE = PUE{Value: 1, Source: "not given"}
	}
	length := a.last.time.Sub(a.first.time)
	r.StartedAt = a.first.wall.UTC().Truncate(time.Millisecond)
	r.EndedAt = a.last.wall.UTC().Truncate(time.Millisecond)
	r.DurationS = seconds(length)

	r.Components = a.lines(length)
	a.total(&r, length)
	a.emit(&r)
	a.stretches(&r)
	a.predict(&r)
	a.budget(&r)
	a.warn(&r)
	return r
}

// lines gives a line for each component that counted something, or should have.
func (a *Account) lines(length time.Duration) []Line {
	lines := []Line{}
	for _, t := range a.tracks {
		if t.component.Basis == energy.Modelled && a.idle(t) {
			continue
		}
		lines = append(lines, a.line(t, length))
	}
	return lines
}

// idle reports whether a modelled component was never needed.
func (a *Account) idle(t *track) bool {
	if t.covered > 0 || t.held > 0 {
		return false
	}
	for _, m := range a.tracks {
		if standsFor(t, m) && m.covered > 0 {
			return true
		}
	}
	return false
}

func (a *Account) line(t *track, length time.Duration) Line {
	c := t.component
	l := Line{
		Kind: c.Kind, ID: c.ID, Name: c.Name, Source: c.Source, Basis: c.Basis, Scope: c.Scope,
		Wraps: t.reading.Wraps, Resets: t.reading.Resets, Gaps: t.reading.Gaps,
		Coverage: fraction(t.covered+t.held, length),
	}
	if c.Within != "" {
		l.Within = &c.Within
	}
	l.Status = t.status(l.Coverage)
	if !t.started {
		return l // never read: absent is not 0
	}
	e := t.energy.Plus(t.delta)
	low, high := t.bounds(e, !a.stoodIn(t))
	l.Low, l.High = &low, &high
	if e == 0 && t.covered == 0 && c.Basis == energy.Measured && length > 0 {
		return l // read once at the most: how much it was is not known
	}
	l.Energy = &e
	if t.known {
		p := t.process.Plus(t.rest())
		l.ProcessEnergy = &p
		if e > 0 {
			share := float64(p) / float64(e)
			l.Share = &share
		}
	}
	return l
}

// rest is the work's part of energy whose user is not known yet: as before.
func (t *track) rest() energy.Energy {
	if t.settled == 0 {
		return 0
	}
	return (t.energy.Plus(t.delta) - t.settled).Scale(float64(t.process) / float64(t.settled))
}

func (t *track) status(coverage float64) string {
	switch s := t.reading.State; {
	case s == energy.Lost || s == energy.Dead || s == energy.Late:
		return s.String()
	case !t.started:
		return s.String()
	case coverage < 1:
		return "partial"
	}
	return energy.OK.String()
}

// bounds gives the least and the most that the component can have used. unread
// says whether the time without a reading is to be bounded here.
func (t *track) bounds(e energy.Energy, unread bool) (low, high energy.Energy) {
	edges := t.origin.Edge.Plus(t.good.Edge)
	c := t.component
	if c.Basis == energy.Modelled {
		return max(e.Scale(c.BandLow)-edges, 0), e.Scale(c.BandHigh).Plus(edges)
	}
	high = e.Plus(edges).Plus(t.reading.Missed - t.origin.Missed)
	if unread {
		high = high.Plus(t.reading.MaxPower.Over(t.blind + t.pending))
	}
	return max(e-edges, 0), high
}

// stoodIn reports whether a modelled component counted while m was not read.
func (a *Account) stoodIn(m *track) bool {
	for _, t := range a.tracks {
		if t.component.Basis == energy.Modelled && standsFor(t, m) && t.covered+t.held > 0 {
			return true
		}
	}
	return false
}

// total adds the counted lines up and decides what the headline takes.
func (a *Account) total(r *Report, length time.Duration) {
	var process, charged, measured, high energy.Energy
	var known bool
	for _, l := range r.Components {
		if !l.Counted() || l.Energy == nil {
			continue
		}
		r.MachineEnergy = r.MachineEnergy.Plus(*l.Energy)
		if l.ProcessEnergy != nil {
			known = true
			process = process.Plus(*l.ProcessEnergy)
		} else {
			process = process.Plus(*l.Energy) // nobody can tell: the whole of it
		}
	}
	if known {
		r.ProcessEnergy = &process
	}
	for i := range r.Components {
		l := &r.Components[i]
		switch {
		case !l.Counted():
			continue
		case l.Energy == nil:
			if l.High != nil {
				high = high.Plus(*l.High)
			}
			continue
		}
		share := 1.0
		l.Charged = *l.Energy
		if r.Charge == ChargeProcess && l.ProcessEnergy != nil {
			l.Charged, share = *l.ProcessEnergy, 0
			if l.Share != nil {
				share = *l.Share
			}
		}
		charged = charged.Plus(l.Charged)
		r.EnergyLow = r.EnergyLow.Plus(min(l.Low.Scale(share), l.Charged))
		high = high.Plus(max(l.High.Scale(share), l.Charged))
		if l.Basis == energy.Measured {
			measured = measured.Plus(l.Charged)
		}
	}
	r.Energy, r.EnergyHigh = charged, &high
	if charged > 0 {
		share := float64(measured) / float64(charged)
		r.MeasuredShare = &share
	}
	r.Coverage = a.coverage(length)
}

// Counted reports whether totals include the line: no other one holds it already,
// and it is no cross-check.
func (l Line) Counted() bool { return l.Within == nil && l.Kind != energy.Platform }

// coverage is the mean over what is to be counted, each measured component
// together with the model that stands in for it.
func (a *Account) coverage(length time.Duration) float64 {
	var sum float64
	var n int
	for _, t := range a.tracks {
		if !t.component.Counted() || t.component.Basis == energy.Modelled && a.hasTwin(t) {
			continue
		}
		covered := t.covered + t.held
		for _, m := range a.tracks {
			if m.component.Basis == energy.Modelled && standsFor(m, t) {
				covered += m.covered + m.held
			}
		}
		sum += fraction(covered, length)
		n++
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func (a *Account) hasTwin(t *track) bool {
	for _, m := range a.tracks {
		if standsFor(t, m) {
			return true
		}
	}
	return false
}

func fraction(part, whole time.Duration) float64 {
	if whole <= 0 {
		return 0
	}
	return min(float64(part)/float64(whole), 1)
}

// emit applies each intensity to the energy charged while it was in force.
func (a *Account) emit(r *Report) {
	if len(a.parts) == 0 {
		r.Intensity.Parts, r.EmissionsHigh = []Part{}, new(regions.Grams(0))
		return
	}
	last := a.parts[len(a.parts)-1].intensity
	r.Region = Region{Zone: last.Zone, Name: last.Name, How: a.Run.How}
	if r.Region.How == "" {
		r.Region.How = "default"
	}
	if last.Provider != "" {
		r.Region.Provider, r.Region.CloudRegion = &last.Provider, &last.CloudRegion
	}
	r.Intensity = Intensity{
		PerKWh: last.PerKWh, Kind: last.Kind, Scope: last.Scope, Basis: last.Basis,
		Source: last.Source, Licence: last.Licence, Instead: last.Instead,
	}
	if last.Year != 0 {
		r.Intensity.Year = &last.Year
	}
	// What no sample has assigned yet belongs to the part in force.
	var sum energy.Energy
	parts := make([]Part, len(a.parts))
	for i, p := range a.parts {
		e := p.machine
		if r.Charge == ChargeProcess && r.ProcessEnergy != nil {
			e = p.process
		}
		e = min(e, r.Energy-sum)
		if i == len(a.parts)-1 {
			e = r.Energy - sum
		}
		sum += e
		parts[i] = Part{
			From: p.from.UTC().Truncate(time.Millisecond), To: p.to.UTC().Truncate(time.Millisecond),
			PerKWh: p.intensity.PerKWh, Kind: p.intensity.Kind, Energy: e,
		}
		if p.intensity.Kind != last.Kind {
			r.Intensity.Kind = regions.Mixed
		}
		r.Emissions += regions.Grams(e.KilowattHours()) * p.intensity.PerKWh * regions.Grams(r.PUE.Value)
	}
	r.Intensity.Parts = parts
	if kwh := r.Energy.KilowattHours(); kwh > 0 {
		if len(parts) > 1 {
			r.Intensity.PerKWh = r.Emissions / regions.Grams(kwh*r.PUE.Value)
		}
	}
	perJoule := float64(r.Intensity.PerKWh) * r.PUE.Value
	r.EmissionsLow = min(regions.Grams(r.EnergyLow.KilowattHours()*perJoule), r.Emissions)
	if r.EnergyHigh != nil {
		r.EmissionsHigh = new(max(regions.Grams(r.EnergyHigh.KilowattHours()*perJoule), r.Emissions))
	}
}
