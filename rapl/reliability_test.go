package rapl_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/machinetest"
	"github.com/carbonctl/carbonctl/rapl"
)

// trial is one kind of run, of which the table has a row.
type trial struct {
	name  string
	every time.Duration
	// begin makes the machine ready, and happen is called once in mid-run.
	begin, happen func(m *machine)
	bounds        bool // what happens is no fault of the counter: no alarm is right
}

// machine is a host with one counter, and the chance that decides on it.
type machine struct {
	*machinetest.Counter
	host  *machinetest.Live
	rnd   *rand.Rand
	most  energy.Power // its power is below that
	due   time.Time    // when later is called, if it is not nil
	later func()
}

// after does something later, between two readings.
func (m *machine) after(d time.Duration, do func()) { m.due, m.later = time.Now().Add(d), do }

// busy loses the CPU now and then, for up to three time slices of the Go scheduler.
func busy(m *machine) {
	m.host.Lose = func() {
		if m.rnd.IntN(5) == 0 {
			time.Sleep(time.Duration(m.rnd.Int64N(int64(30 * time.Millisecond))))
		}
	}
}

// throttled has the CPU for 30 ms in each 100.
func throttled(m *machine) {
	m.host.Lose = func() {
		time.Sleep(time.Duration(m.rnd.Int64N(int64(2 * time.Millisecond))))
		if at := time.Duration(time.Now().UnixNano()) % (100 * time.Millisecond); at > 30*time.Millisecond {
			time.Sleep(100*time.Millisecond - at)
		}
	}
}

func nearTheEnd(m *machine) { m.Reset(m.Max - 100*energy.Joule) }

const second = time.Second

var trials = []trial{
	{name: "quiet machine", every: second / 100},
	{name: "quiet machine", every: second / 10},
	{name: "quiet machine", every: second},
	{name: "16 busy goroutines", every: second / 100, begin: busy},
	{name: "16 busy goroutines", every: second / 10, begin: busy},
	{name: "16 busy goroutines", every: second, begin: busy},
	{name: "CPU quota of 0.3", every: second / 100, begin: throttled},
	{name: "CPU quota of 0.3", every: second / 10, begin: throttled},
	{name: "CPU quota of 0.3", every: second, begin: throttled},
	{name: "counter wraps", every: second, begin: nearTheEnd},
	{name: "counter starts again", every: second, bounds: true, begin: func(m *machine) { m.Reset(m.Max / 2) }, happen: func(m *machine) { m.Reset(0) }},
	{name: "counter dies", every: second, bounds: true, happen: func(m *machine) { m.Stick() }},
	{name: "zone vanishes", every: second, bounds: true, happen: func(m *machine) { m.Vanish() }},
	{name: "zone vanishes and comes back", every: second, bounds: true, happen: func(m *machine) {
		m.Vanish()
		m.after(3*second, func() {
			if m.rnd.IntN(2) == 0 {
				m.Reset(0)
			}
			m.Return("sys/class/powercap/intel-rapl:7")
		})
	}},
	{name: "zone fails when opened, for 2 s", every: second, bounds: true, begin: func(m *machine) {
		m.Fail(syscall.EIO)
		m.after(2*second-second/3, func() { m.Fail(nil) })
	}},
	{name: "cap of 60 W is lifted to 180", every: second, happen: func(m *machine) {
		m.Raise(180 * energy.Watt)
		m.most = 180 * energy.Watt
	}},
	{name: "cap of 60 W is not in force", every: second, bounds: true, happen: func(m *machine) { m.most = 180 * energy.Watt }},
	{name: "cap of 60 W is not in force", every: second / 10, bounds: true, happen: func(m *machine) { m.most = 180 * energy.Watt }},
}

// outcome is what a run was reported as, and what it was.
type outcome struct {
	energy, truth, low, high energy.Energy
	alarms                   int // resets, refusals, deaths and sleeps
}

// track watches a machine for ten seconds by the readings alone.
func (k trial) track(t *testing.T, seed uint64) outcome {
	m := &machine{host: machinetest.NewLive(), rnd: rand.New(rand.NewPCG(seed, 5)), most: 150 * energy.Watt}
	limit := 150 * energy.Watt
	if strings.HasPrefix(k.name, "cap") {
		limit, m.most = 60*energy.Watt, 60*energy.Watt
	}
	m.Counter = m.host.Add(&machinetest.Counter{
		Dir: "sys/class/powercap/intel-rapl:0", Name: "package-0", Unit: 61, Max: 61 * math.MaxUint32, Cap: limit,
		Start: energy.Energy(m.rnd.Int64N(int64(250_000 * energy.Joule))),
	})
	load := func() { m.SetPower(m.most/10 + energy.Power(m.rnd.Int64N(int64(m.most-m.most/10)))) }
	load()
	time.Sleep(second)
	if k.begin != nil {
		k.begin(m)
	}
	meter, _ := rapl.Open(m.host)
	if meter == nil { // then it is not measured at all
		from := time.Now()
		time.Sleep(10 * second)
		return outcome{truth: m.Truth(time.Now()) - m.Truth(from)}
	}
	defer meter.Close()
	read := func() energy.Reading {
		list, _ := meter.Read(t.Context(), nil)
		require.Len(t, list, 1)
		return list[0]
	}
	first := read()
	from := m.Truth(first.Time)
	good, last := first, first
	unread := energy.Energy(0) // before the first that was OK
	var o outcome
	half := first.Time.Add(time.Duration(m.rnd.Int64N(int64(8*second))) + second)
	changed, happened := first.Time, k.happen == nil
	for last.Time.Sub(first.Time) < 10*second {
		time.Sleep(k.every + time.Duration(m.rnd.Int64N(int64(time.Millisecond))))
		if time.Since(changed) > second/2 {
			load()
			changed = time.Now()
		}
		if !happened && time.Now().After(half) {
			k.happen(m)
			happened = true
			load()
		}
		if m.later != nil && time.Now().After(m.due) {
			m.later()
			m.later = nil
		}
		last = read()
		switch {
		case last.State == energy.OK && good.State != energy.OK:
			unread = last.MaxPower.Over(last.Time.Sub(first.Before))
			first.Total, first.Edge, first.Missed = last.Total, last.Edge, last.Missed
			good = last
		case last.State == energy.OK:
			good = last
		case last.State == energy.Refused || last.State == energy.Dead:
			o.alarms++
		}
	}
	if last.State != energy.OK {
		unread = unread.Plus(last.MaxPower.Over(last.Time.Sub(good.Before)))
	}
	edges := first.Edge + good.Edge
	o.energy, o.truth = last.Total-first.Total, m.Truth(last.Time)-from
	o.low, o.high = max(o.energy-edges, 0), o.energy+edges+last.Missed-first.Missed+unread
	o.alarms += int(last.Resets)
	if last.Slept > 0 {
		o.alarms++
	}
	return o
}

// How far off runs of all kinds are, and whether their bounds hold: the table of
// docs/reliability.md, by "go test ./rapl -run Reliability -v".
func TestReliability(t *testing.T) {
	runs := 200
	if testing.Short() {
		runs = 20
	}
	var table strings.Builder
	for _, k := range trials {
		var mean, worst, width float64
		held, alarms := 0, 0
		for seed := range uint64(runs) {
			var o outcome
			synctest.Test(t, func(t *testing.T) { o = k.track(t, seed) })
			off := math.Abs(float64(o.energy-o.truth)) / float64(o.truth)
			mean += off / float64(runs)
			worst = max(worst, off)
			width += float64(o.high-o.low) / 2 / float64(o.truth) / float64(runs)
			if o.low <= o.truth && o.truth <= o.high {
				held++
			} else {
				t.Logf("%s, seed %d: %v is not within %v and %v", k.name, seed, o.truth, o.low, o.high)
			}
			if !k.bounds {
				alarms += o.alarms
			}
		}
		row := fmt.Sprintf("| %s | %v | %.3f | %.2f | %.1f %% | ± %.2f | ", k.name, k.every, 100*mean, 100*worst, 100*float64(held)/float64(runs), 100*width)
		if k.bounds {
			row += "– |"
		} else {
			row += fmt.Sprintf("%d |", alarms)
			assert.Zero(t, alarms, "%s: no reset, refusal, death or sleep was one", k.name)
		}
		assert.Equal(t, runs, held, "%s: the bounds hold", k.name)
		fmt.Fprintln(&table, row)
	}
	t.Logf("of %d runs each, of 10 s:\n\n| run | read every | mean error, %% | worst, %% | bounds hold | half-width, %% | false alarms |\n|---|---|---|---|---|---|---|\n%s", runs, table.String())
}
