package footprint_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// A waveform is the true power of a component, in steps of 50 ms.
type waveform []float64 // W

func waves(rnd *rand.Rand, seconds int) waveform {
	w := make(waveform, 20*(seconds+2))
	p := 60.0
	for i := range w {
		if rnd.IntN(10) == 0 {
			p = 20 + 130*rnd.Float64()
		}
		w[i] = p
	}
	return w
}

// joules is what has flowed by t.
func (w waveform) joules(t time.Duration) (sum float64) {
	for i, p := range w {
		if d := min(t-time.Duration(i)*50*time.Millisecond, 50*time.Millisecond); d > 0 {
			sum += p * d.Seconds()
		}
	}
	return sum
}

// A fate is what happens to a counter.
type fate struct {
	name   string
	at, to time.Duration // from when to when
	state  energy.State  // that it then has; OK: it stands still, and is told Dead later
	keeps  bool          // it goes on counting meanwhile
}

// A machine has a counter, a model that is off by a constant factor, and a GPU
// that is read some milliseconds after the sample begins.
type machine struct {
	rnd      *rand.Rand
	cpu, gpu waveform
	fate     fate
	factor   float64
	frozen   float64 // what the counter showed when it stopped
	lostJ    float64 // what it did not count
	missed   energy.Energy
	modelled bool
	joins    time.Duration // when the GPU joins
	origin   float64       // by how much all of its readings are off but the first
	begun    bool          // it had one
}

const (
	maxPower = 160 * energy.Watt
	grain    = 50 * energy.Millijoule
)

// reading is Total with an error of at most its Edge.
func (m *machine) reading(c energy.Component, j float64, t time.Duration) energy.Reading {
	off := (2*m.rnd.Float64() - 1) * grain.Joules()
	return energy.Reading{
		Component: c, Time: start.Add(t), Total: energy.Joules(math.Max(j+1+off, 0)), Edge: grain, MaxPower: maxPower, State: energy.OK,
	}
}

func (m *machine) counter(t time.Duration) energy.Reading {
	f := m.fate
	switch {
	case f.name == "" || t < f.at:
		r := m.reading(pkg, m.cpu.joules(t), t)
		m.frozen = r.Total.Joules()
		return r
	case t < f.to:
		r := m.reading(pkg, 0, t)
		r.Total, r.State = energy.Joules(m.frozen), f.state
		if f.state == energy.OK && t > f.at+3*time.Second {
			r.State = energy.Dead
		}
		return r
	}
	if m.lostJ == 0 && !f.keeps {
		m.lostJ = m.cpu.joules(f.to) - m.cpu.joules(f.at) + 0.5
		m.missed = maxPower.Over(f.to - f.at + 2*time.Second)
	}
	r := m.reading(pkg, m.cpu.joules(t)-m.lostJ, t)
	r.Total = max(r.Total, energy.Joules(m.frozen))
	if !f.keeps {
		r.Missed, r.Resets, r.Gaps = m.missed, 1, 1
	}
	return r
}

var gpu = measured(energy.GPU, "GPU-1", "")

func (m *machine) sample(t time.Duration) footprint.Sample {
	at := start.Add(t)
	s := footprint.Sample{Time: at, Wall: at, Intensity: grid}
	jitter := func(most time.Duration) time.Duration { return t + time.Duration(m.rnd.Int64N(int64(most))) }
	s.Readings = append(s.Readings, m.counter(jitter(3*time.Millisecond)))
	if m.modelled {
		u := jitter(3 * time.Millisecond)
		r := m.reading(pkgLike, m.factor*m.cpu.joules(u), u)
		r.Edge = energy.Joules(0.2)
		s.Readings = append(s.Readings, r)
	}
	if m.gpu != nil && t >= m.joins {
		u := jitter(8 * time.Millisecond)
		r := m.reading(gpu, m.gpu.joules(u), u)
		if m.begun {
			r.Common = energy.Joules(math.Abs(m.origin))
			r.Total, r.Edge = max(r.Total.Plus(energy.Joules(m.origin)), 0), r.Edge.Plus(r.Common)
		}
		m.begun = true
		s.Readings = append(s.Readings, r)
	}
	return s
}

// The truth is never beyond the bounds of a run and of its epochs, whatever happens
// to its counters; lines, parts and epochs add up to the run.
func TestTheTruthIsWithinTheBounds(t *testing.T) {
	fates := []fate{
		{}, {name: "held", state: energy.Held, keeps: true}, {name: "refused", state: energy.Refused, keeps: true},
		{name: "dies", state: energy.OK}, {name: "dead", state: energy.Dead}, {name: "lost", state: energy.Lost},
		{name: "lost, counts on", state: energy.Lost, keeps: true},
	}
	type score struct{ runs, off, half, epochs float64 }
	scores := map[string]*score{}
	for seed := range uint64(280) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		const length = 40
		m := &machine{rnd: rnd, cpu: waves(rnd, length), fate: fates[seed%7], modelled: seed/7%2 == 0, factor: 0.6 + 1.2*rnd.Float64()}
		m.fate.at = time.Duration(1+rnd.IntN(30)) * time.Second
		if m.fate.to = m.fate.at + time.Duration(1+rnd.IntN(20))*time.Second; rnd.IntN(2) == 0 {
			m.fate.to = time.Hour
		}
		if rnd.IntN(2) == 0 {
			m.gpu, m.joins = waves(rnd, length), time.Duration(rnd.IntN(3))*time.Second
			m.origin = float64(seed/14%2) * (2*rand.New(rand.NewPCG(seed, 8)).Float64() - 1)
		}
		name := fmt.Sprintf("seed %d: %+v, model %v × %.2f", seed, m.fate, m.modelled, m.factor)

		var a footprint.Account
		begun := time.Duration(-1)
		var epochs [][2]time.Duration
		var end time.Duration
		for at := time.Duration(0); at <= length*time.Second; at += time.Duration(1+rnd.IntN(2000)) * time.Millisecond {
			s := m.sample(at)
			s.Intensity.PerKWh += regions.Grams(rnd.IntN(2))
			if rnd.IntN(4) == 0 {
				late := time.Duration(rnd.IntN(1500)) * time.Millisecond
				if late > at-end || rnd.IntN(2) == 0 {
					late = 0
				}
				mark := footprint.Mark{Edge: footprint.EpochStart, Late: late}
				if begun >= 0 {
					mark.Edge = footprint.EpochEnd
					epochs, begun = append(epochs, [2]time.Duration{begun, at - late}), -1
				} else {
					begun = at - late
				}
				s.Marks = []footprint.Mark{mark}
			}
			a.Add(s)
			end = at
		}
		r := a.Report()
		truth := m.cpu.joules(end)
		if m.gpu != nil {
			truth += m.gpu.joules(end)
		}
		within(t, name, truth, r.EnergyLow, r.EnergyHigh)
		kind := cmp.Or(m.fate.name, "well")
		if m.modelled && m.fate.name != "" {
			kind += ", with a model"
		}
		s := scores[kind]
		if s == nil {
			s = &score{}
			scores[kind] = s
		}
		s.runs, s.epochs = s.runs+1, s.epochs+float64(len(epochs))
		s.off += math.Abs(r.Energy.Joules()-truth) / truth
		s.half += (*r.EnergyHigh - r.EnergyLow).Joules() / 2 / truth
		for i, e := range epochs {
			truth := m.cpu.joules(e[1]) - m.cpu.joules(e[0])
			if m.gpu != nil {
				truth += m.gpu.joules(e[1]) - m.gpu.joules(e[0])
			}
			within(t, fmt.Sprintf("%s, epoch %d of %v", name, i, e), truth, r.Epochs[i].EnergyLow, r.Epochs[i].EnergyHigh)
		}
		addUp(t, name, r)
	}
	for _, kind := range slices.Sorted(maps.Keys(scores)) {
		s := scores[kind]
		t.Logf("| counter %s | %.0f | %.0f | %.2g | %.2g | 100 |", kind, s.runs, s.epochs, 100*s.off/s.runs, 100*s.half/s.runs)
	}
}

func within(t *testing.T, name string, truth float64, low energy.Energy, high *energy.Energy) {
	t.Helper()
	require.LessOrEqual(t, low.Joules(), truth+1e-6, name)
	require.NotNil(t, high, name)
	require.GreaterOrEqual(t, high.Joules(), truth-1e-6, name)
}

func addUp(t *testing.T, name string, r footprint.Report) {
	t.Helper()
	var lines, parts energy.Energy
	for _, l := range r.Components {
		lines += l.Charged
	}
	require.Equal(t, r.Energy, lines, name)
	for _, p := range r.Intensity.Parts {
		parts += p.Energy
	}
	require.Equal(t, r.Energy, parts, name)
	require.LessOrEqual(t, r.Coverage, 1.0, name)
	require.GreaterOrEqual(t, r.Coverage, 0.0, name)
	if r.Between != nil {
		sum := r.Between.Energy
		for _, e := range r.Epochs {
			sum += e.Energy
		}
		require.Equal(t, r.Energy, sum, name)
	}
	for _, p := range r.Power {
		require.LessOrEqual(t, len(p.Mean), 1000, name)
		for i := range p.Mean {
			require.LessOrEqual(t, p.Low[i], p.Mean[i], name)
			require.GreaterOrEqual(t, p.High[i], p.Mean[i], name)
		}
	}
}

// The bounds of the work's part hold the clocks that share it, and don't grow with
// the run; two runs of the same work are never apart.
func TestTheSharesErrorIsInTheBounds(t *testing.T) {
	widths := map[int]float64{}
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		length := []int{3, 30, 300}[seed%3]
		mineEdge, allEdge := 0.01, 0.02
		if seed%2 == 0 {
			mineEdge = 1e-6
		}
		off := func(e float64) float64 { return (2*rnd.Float64() - 1) * e }
		a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
		var total, mine, all, truth float64
		for i := range length + 1 {
			if i > 0 {
				j, own := 20+60*rnd.Float64(), 0.3+0.5*rnd.Float64()
				others := 0.5 + rnd.Float64()
				total, mine, all = total+j, mine+own, all+own+others
				truth += j * own / (own + others)
			}
			s := at(float64(i), joules(pkg, total))
			if i > 0 && seed%4 > 1 { // the origin was off
				s.Readings[0].Total += 2 * energy.Joule
				s.Readings[0].Edge, s.Readings[0].Common = 2*energy.Joule, 2*energy.Joule
			}
			s.Use = []energy.Use{{
				Kind: energy.CPU, Mine: 5 + mine + off(mineEdge), All: 9 + all + off(allEdge), Capacity: 1e4,
				MineEdge: mineEdge, AllEdge: allEdge, Known: true,
			}}
			a.Add(s)
		}
		r := a.Report()
		name := fmt.Sprintf("seed %d, %d s, ± %v", seed, length, mineEdge)
		within(t, name, truth, r.EnergyLow, r.EnergyHigh)
		require.Equal(t, *r.ProcessEnergy, r.Energy)
		require.Equal(t, r.ProcessLow, &r.EnergyLow)
		widths[length] = max(widths[length], (*r.EnergyHigh-r.EnergyLow).Joules()/r.Energy.Joules())
	}
	t.Logf("widest bounds by seconds, as a part of the energy: %v", widths)
	require.Less(t, widths[300], 0.25)
}

// A work that did nothing that its clock could show is not "0 J, measured".
func TestNothingSeenIsNotNothing(t *testing.T) {
	a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
	for i := range 4 {
		s := at(float64(i), joules(pkg, 30*float64(i)))
		s.Use = []energy.Use{{Kind: energy.CPU, Mine: 7, All: float64(i), Capacity: 100, MineEdge: 0.01, AllEdge: 0.01, Known: true}}
		a.Add(s)
	}
	r := a.Report()
	require.Zero(t, r.Energy)
	require.Zero(t, r.EnergyLow)
	require.Greater(t, *r.EnergyHigh, energy.Joule/2)
	require.Less(t, *r.EnergyHigh, 3*energy.Joule)
}

// A clock that looks at ticks drifts by chance, and its edge grows with time: the
// bounds hold 19 times in 20 and stay useful, also where readings are closer to each
// other than the clock can tell, and on machines of many threads.
func TestClocksThatDriftByChance(t *testing.T) {
	for _, tt := range []struct {
		threads int
		every   float64 // s
		samples int
		width   float64 // of the energy, at most
	}{{2, 1, 300, 0.25}, {2, 0.01, 6000, 0.35}, {64, 1, 600, 0.35}} {
		const tick = 0.01
		held, runs, widest := 0, 60, 0.0
		for seed := range runs {
			rnd := rand.New(rand.NewPCG(uint64(seed), 11))
			a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
			base := tick * float64(tt.threads)
			var total, mine, all, truth, drift, variance float64
			for i := range tt.samples + 1 {
				if i > 0 {
					j, own, others := (20+20*rnd.Float64())*tt.every, (0.5+0.3*rnd.Float64())*tt.every, (0.2+0.3*rnd.Float64())*tt.every
					total, mine, all = total+j, mine+own, all+own+others
					truth += j * own / (own + others)
					variance += tick * (own + others) / 2
					drift += rnd.NormFloat64() * math.Sqrt(tick*(own+others)/2)
				}
				s := at(tt.every*float64(i), joules(pkg, total))
				s.Use = []energy.Use{{
					Kind: energy.CPU, Mine: mine, All: 99 + all + drift + (2*rnd.Float64()-1)*base, Capacity: 1e5,
					MineEdge: 1e-6, AllEdge: base + 2*math.Sqrt(variance), Known: true,
				}}
				a.Add(s)
			}
			r := a.Report()
			addUp(t, "drift", r)
			if r.EnergyLow.Joules() <= truth && truth <= r.EnergyHigh.Joules() {
				held++
			}
			widest = max(widest, (*r.EnergyHigh-r.EnergyLow).Joules()/r.Energy.Joules())
		}
		t.Logf("%d threads, every %v s, %d readings: held %d of %d, at most %.0f %% wide", tt.threads, tt.every, tt.samples, held, runs, 100*widest)
		require.GreaterOrEqual(t, held, runs*95/100)
		require.Less(t, widest, tt.width)
	}
}
