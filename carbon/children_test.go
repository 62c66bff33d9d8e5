package carbon

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// Where living children can't be read, what they use is not known until they have
// ended, and then counts for the time in which they ran: it does not fall into the
// reading after their end.
func TestChildrenThatCannotBeRead(t *testing.T) {
	now := time.Unix(1000, 0)
	children := false
	s := &self{parent: func() bool { return children }}
	assert.True(t, s.used(now, true).KnowsCPU)

	children = true
	assert.True(t, s.used(now, false).KnowsCPU, "not looked at an edge")
	s.next = time.Time{}
	assert.False(t, s.used(now, true).KnowsCPU)
	assert.False(t, s.used(now, false).KnowsCPU)

	children, s.next = false, time.Time{}
	assert.Equal(t, addsChildren, s.used(now, true).KnowsCPU, "their time is the parent's, if the system adds it")
}

// A child of an hour on a busy machine: half of it, not the last second of it.
func TestALongChildIsSharedOverItsTime(t *testing.T) {
	a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
	pkg := energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, BandLow: 1, BandHigh: 1}
	start := time.Unix(1000, 0)
	add := func(i int, mine float64, known bool) {
		at := start.Add(time.Duration(i) * time.Second)
		a.Add(footprint.Sample{
			Time: at, Wall: at,
			Readings: []energy.Reading{{Component: pkg, Time: at, Total: energy.Energy(i) * 50 * energy.Joule, MaxPower: 100 * energy.Watt}},
			Use:      []energy.Use{{Kind: energy.CPU, Mine: mine, All: 2 * float64(i), Capacity: 2 * float64(i), Known: known, MineEdge: 0.01, AllEdge: 0.04}},
		})
	}
	add(0, 0, true)
	add(1, 0.001, true) // it is about to be started
	for i := 2; i < 3600; i++ {
		add(i, 0.001, false)
	}
	r := a.Report()
	assert.LessOrEqual(t, r.EnergyLow, 90_000*energy.Joule)
	assert.GreaterOrEqual(t, *r.EnergyHigh, 90_000*energy.Joule, "as long as it runs it may be anything")
	add(3600, 3600, true)
	r = a.Report()
	assert.InDelta(t, 90_000, r.Energy.Joules(), 1)
	assert.InDelta(t, 0, (*r.EnergyHigh - r.EnergyLow).Joules(), 900)
}
