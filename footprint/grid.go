package footprint

import (
	"fmt"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// maxParts bounds how many intensities an account tells apart: neighbours are put
// together where there would be more, and their sums kept.
const maxParts = 1000

// A part is a stretch of a run with one intensity.
type part struct {
	intensity regions.Intensity
	from, to  time.Time
	merged    bool // of several: the intensity's figure is the mean of what flowed
}

// flow is an amount of energy and what it has emitted, without PUE.
type flow struct {
	energy energy.Energy
	grams  float64
}

func (f *flow) add(o flow) {
	f.energy = f.energy.Plus(o.energy)
	f.grams += o.grams
}

func (f flow) minus(o flow) flow { return flow{max(f.energy-o.energy, 0), f.grams - o.grams} }

func (f flow) scale(x float64) flow {
	e := f.energy.Scale(x)
	if f.energy == 0 {
		return flow{}
	}
	return flow{e, f.grams * float64(e) / float64(f.energy)}
}

func emitting(e energy.Energy, perKWh regions.Grams) flow {
	return flow{e, e.KilowattHours() * float64(perKWh)}
}

// A booking is what a component used under one intensity, or in all: settled is
// the part whose user is known, mine the work's part of that.
type booking struct{ all, settled, mine flow }

func (b *booking) add(o booking) {
	b.all.add(o.all)
	b.settled.add(o.settled)
	b.mine.add(o.mine)
}

// count adds energy to a component, under the intensity in force.
func (a *Account) count(t *track, e energy.Energy) {
	if e == 0 {
		return
	}
	n := len(a.parts)
	if n == 0 { // a first sample has no energy
		t.book.all.energy = t.book.all.energy.Plus(e)
		return
	}
	f := emitting(e, a.parts[n-1].intensity.PerKWh)
	t.book.all.add(f)
	for len(t.parts) < n {
		t.parts = append(t.parts, booking{})
	}
	t.parts[n-1].all.add(f)
}

// follow ends the part in force, and begins another where the intensity changes: a
// sample's intensity is that of the time after it.
func (a *Account) follow(s Sample) {
	in := a.admit(s.Intensity)
	n := len(a.parts)
	if n > 0 {
		last := &a.parts[n-1]
		last.to = s.Wall
		switch {
		case in == regions.Intensity{} || same(a.inForce, in):
			return
		case a.inForce == regions.Intensity{}, a.replaces(in):
			if was := a.inForce.PerKWh; was > 0 {
				a.marks.latest.grams *= in.PerKWh / was
			}
			a.inForce, last.intensity = regions.Intensity{}, in
			a.price(in.PerKWh)
			a.inForce = in
			a.adopt(in.PerKWh)
			return
		}
	}
	if n == maxParts {
		a.halve()
	}
	if in != (regions.Intensity{}) {
		a.price(in.PerKWh)
	}
	a.inForce = in
	a.parts = append(a.parts, part{intensity: in, from: s.Wall, to: s.Wall})
}

// price notes an intensity that comes into force with the latest sample.
func (a *Account) price(g regions.Grams) {
	if a.inForce == (regions.Intensity{}) {
		a.cheapest, a.dearest = g, g
		return
	}
	a.cheapest, a.dearest, a.priced = min(a.cheapest, g), max(a.dearest, g), a.samples
}

// MaxPUE is above the PUE of any building: more is taken for a mistake.
const MaxPUE = 100

// mostPerKWh is far above what any plant emits, in grams: more is no figure, and could
// make amounts that no number holds.
const mostPerKWh = 1e6

// admit gives the intensity of a sample, the zero one where it is none that can
// enter emissions.
func (a *Account) admit(in regions.Intensity) regions.Intensity {
	g := float64(in.PerKWh)
	switch {
	case in == regions.Intensity{}:
	case !(g >= 0 && g <= mostPerKWh):
		a.Note(Fault{Code: IntensityStale, Component: "figure", Text: fmt.Sprintf("intensity of %v g/kWh for %s ignored; using the one before", g, in.Zone)})
		return regions.Intensity{}
	case in.Marginal:
		a.Note(Fault{Code: IntensityStale, Component: "marginal", Text: "marginal intensity for " + in.Zone + " ignored; using the one before"})
		return regions.Intensity{}
	case a.inForce != (regions.Intensity{}) && in.Scope != a.inForce.Scope && !a.replaces(in):
		a.Note(Fault{Code: IntensityScope, Text: fmt.Sprintf("%s intensity of %s ignored: this run counts %s emissions", scopeName(in.Scope), in.Source, scopeName(a.inForce.Scope))})
		return regions.Intensity{}
	}
	return in
}

// replaces reports whether a figure takes the place of all before it: the first of a
// service that counts another scope than the table's, which stood in for it. No epoch and no task has been
// priced by that yet.
func (a *Account) replaces(in regions.Intensity) bool {
	return len(a.parts) == 1 && !a.marks.any && in.Scope != a.inForce.Scope && in.Instead == "" && a.inForce.Instead != ""
}

func scopeName(s regions.Scope) string {
	if s == "" {
		return "unspecified"
	}
	return string(s)
}

// expect keeps what a forecast has of intensities that can enter this run's
// emissions.
func (a *Account) expect(list []regions.Intensity) []regions.Intensity {
	sound := func(in regions.Intensity) bool {
		g := float64(in.PerKWh)
		return g >= 0 && g <= mostPerKWh && (a.inForce == regions.Intensity{} || in.Marginal || in.Scope == a.inForce.Scope)
	}
	for i, in := range list {
		if sound(in) {
			continue
		}
		kept := append([]regions.Intensity{}, list[:i]...)
		for _, in := range list[i+1:] {
			if sound(in) {
				kept = append(kept, in)
			}
		}
		return kept
	}
	return list
}

func same(a, b regions.Intensity) bool {
	return a.PerKWh == b.PerKWh && a.Zone == b.Zone && a.Kind == b.Kind &&
		a.Source == b.Source && a.Year == b.Year && a.Scope == b.Scope
}

// adopt gives what has flowed before any intensity was known the first that is.
func (a *Account) adopt(perKWh regions.Grams) {
	for _, t := range a.tracks {
		for _, f := range []*flow{&t.book.all, &t.book.settled, &t.book.mine} {
			*f = emitting(f.energy, perKWh)
		}
		if len(t.parts) > 0 {
			t.parts[0] = t.book
		}
	}
}

// halve puts neighbours together.
func (a *Account) halve() {
	n := len(a.parts)
	for i := 0; i < n; i += 2 {
		p := a.parts[i]
		if i+1 < n {
			next := a.parts[i+1]
			p.to, p.merged = next.to, true
			p.intensity = blend(p.intensity, next.intensity)
		}
		a.parts[i/2] = p
	}
	a.parts = a.parts[:(n+1)/2]
	for _, t := range a.tracks {
		for i := 0; i < len(t.parts); i += 2 {
			b := t.parts[i]
			if i+1 < len(t.parts) {
				b.add(t.parts[i+1])
			}
			t.parts[i/2] = b
		}
		t.parts = t.parts[:(len(t.parts)+1)/2]
		t.from /= 2
	}
}

// blend is the intensity of a merged part: what both have in common.
func blend(a, b regions.Intensity) regions.Intensity {
	if a.Kind != b.Kind {
		a.Kind = regions.Mixed
	}
	if a.Year != b.Year {
		a.Year = 0
	}
	if a.Source != b.Source {
		a.Source = ""
	}
	return a
}

// split gives the parts of a report and their energies, which add up to total: of
// each track by that rule which its total is made by.
func (a *Account) split(total energy.Energy, tracks []*track) []Part {
	parts := make([]Part, len(a.parts))
	var sum energy.Energy
	for i, p := range a.parts {
		var f flow
		for _, t := range tracks {
			if i < len(t.parts) {
				f.add(a.charge(t, t.parts[i]))
			}
		}
		rate := p.intensity.PerKWh
		if kwh := f.energy.KilowattHours(); p.merged && kwh > 0 {
			rate = regions.Grams(f.grams / kwh)
		}
		// What rounding leaves, and what is not decided yet, is the last part's.
		if f.energy = min(f.energy, total-sum); i == len(a.parts)-1 {
			f.energy = total - sum
		}
		sum += f.energy
		parts[i] = Part{
			From: p.from.UTC().Truncate(time.Millisecond), To: p.to.UTC().Truncate(time.Millisecond),
			PerKWh: rate, Kind: p.intensity.Kind, Scope: p.intensity.Scope, Source: p.intensity.Source, Energy: f.energy,
		}
		if p.intensity.Year != 0 {
			parts[i].Year = new(p.intensity.Year)
		}
	}
	return parts
}

// emit fills in what a report says of region, intensity and emissions.
func (a *Account) emit(r *Report, counted []*track) {
	if len(a.parts) == 0 {
		r.Intensity.Parts = []Part{}
		a.emitBounds(r, counted)
		return
	}
	last := a.inForce
	r.Region = Region{Zone: last.Zone, Name: last.Name, How: a.Run.How}
	if r.Region.How == "" {
		r.Region.How = "default"
	}
	if last.Provider != "" {
		r.Region.Provider, r.Region.CloudRegion = new(last.Provider), new(last.CloudRegion)
	}
	r.Intensity = Intensity{
		PerKWh: last.PerKWh, Kind: last.Kind, Scope: last.Scope, Basis: last.Basis,
		Source: last.Source, Licence: last.Licence, Instead: last.Instead, Note: last.Note,
	}
	if last.Year != 0 {
		r.Intensity.Year = new(last.Year)
	}
	if last.Annual > 0 {
		r.Intensity.Annual = new(last.Annual)
		r.EmissionsAnnual = new(regions.Grams(r.Energy.KilowattHours()*r.PUE.Value) * last.Annual)
	}
	r.Intensity.Parts = a.split(r.Energy, counted)
	for _, p := range r.Intensity.Parts {
		if p.Kind != last.Kind {
			r.Intensity.Kind = regions.Mixed
		}
		r.Emissions += regions.Grams(p.Energy.KilowattHours()) * p.PerKWh * regions.Grams(r.PUE.Value)
	}
	if kwh := r.Energy.KilowattHours(); kwh > 0 && len(a.parts) > 1 {
		r.Intensity.PerKWh = r.Emissions / regions.Grams(kwh*r.PUE.Value)
	}
	a.emitBounds(r, counted)
	a.emitOuter(r)
	if a.inForce != (regions.Intensity{}) {
		a.emitLines(r, counted)
	}
}

// emitOuter bounds emissions by the factor's own range as well, where each part of the
// run has one: by the least and the greatest that a range is of its figure.
func (a *Account) emitOuter(r *Report) {
	least, most := 1.0, 1.0
	for _, p := range a.parts {
		in := p.intensity
		if p.merged || !(in.PerKWh > 0 && in.Low >= 0 && in.Low <= in.PerKWh && in.High >= in.PerKWh && in.High <= mostPerKWh) {
			return
		}
		least, most = min(least, float64(in.Low/in.PerKWh)), max(most, float64(in.High/in.PerKWh))
		r.Intensity.RangeOld = r.Intensity.RangeOld || in.RangeOld(r.StartedAt)
	}
	r.Intensity.Low, r.Intensity.High = new(r.Intensity.PerKWh*regions.Grams(least)), new(r.Intensity.PerKWh*regions.Grams(most))
	if len(a.parts) == 1 { // as it stands in the table
		*r.Intensity.Low, *r.Intensity.High = a.inForce.Low, a.inForce.High
	}
	if !r.Intensity.RangeOld && r.EmissionsHigh != nil {
		r.Outer = &Outer{r.EmissionsLow * regions.Grams(least), *r.EmissionsHigh * regions.Grams(most)}
	}
}

// emitBounds bounds the emissions by the bounds of the energy. Where the intensity
// changed, it is not known when that flowed which a counter missed: it is taken at
// the highest. The band of a model is of the machine, the same all the time, and so
// at the mean. Where no intensity is known emissions have no upper bound.
func (a *Account) emitBounds(r *Report, counted []*track) {
	kwh := func(e energy.Energy) regions.Grams { return regions.Grams(e.KilowattHours() * a.pue()) }
	r.EmissionsHigh = nil
	if a.inForce == (regions.Intensity{}) {
		if r.EnergyHigh != nil && *r.EnergyHigh == 0 {
			r.EmissionsHigh = new(regions.Grams(0))
		}
		return
	}
	mean, most, least := r.Intensity.PerKWh, a.dearest, a.cheapest
	if len(a.parts) == 1 {
		most, least = mean, mean
	}
	below, above := kwh(r.Energy-r.EnergyLow)*most, regions.Grams(0)
	if r.EnergyHigh != nil {
		above = kwh(*r.EnergyHigh-r.Energy) * most
	}
	for _, t := range counted {
		if t.component.Basis != energy.Modelled || t.replaces() {
			below += kwh(t.across) * (most - least)
			above += kwh(t.across) * (most - least)
			continue
		}
		l := a.line(t, a.last.time.Sub(a.first.time))
		e, low, high := l.Energy, l.Low, l.High
		if r.Charge == ChargeProcess && l.ProcessEnergy != nil {
			e, low, high = l.ProcessEnergy, l.ProcessLow, l.ProcessHigh
		}
		if e != nil && high != nil {
			below -= kwh(*e-*low) * (most - mean)
			above -= kwh(*high-*e) * (most - mean)
		}
	}
	r.EmissionsLow = min(max(r.Emissions-below, 0), r.Emissions)
	if r.EnergyHigh != nil {
		r.EmissionsHigh = new(max(r.Emissions+above, r.Emissions))
	}
}

// pue is what the building adds, at least 1.
func (a *Account) pue() float64 {
	if a.PUE > 1 && a.PUE <= MaxPUE {
		return a.PUE
	}
	return 1
}
