package nvml

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/energy/energytest"
)

// kinds are the sorts of GPU that are read in different ways.
var kinds = map[string]func() *card{
	"counter":             func() *card { return &card{load: steady(250)} },
	"counter with stamps": func() *card { return &card{load: steady(250), stamps: true} },
	"counter, old driver": func() *card { return &card{load: steady(250), noFields: true} },
	"counter, power lags": func() *card { return &card{load: steady(250), lags: true} },
	"stamps, power lags":  func() *card { return &card{load: steady(250), lags: true, stamps: true} },
	"counter, no power": func() *card {
		return &card{load: steady(250), noInstant: true, tune: func(d *device) { d.power = nil }}
	},
	"record":    func() *card { return &card{load: steady(250), noCounter: true} },
	"power now": func() *card { return &card{load: steady(250), noCounter: true, noRecord: true} },
	"power": func() *card {
		return &card{name: "NVIDIA RTX A6000", load: steady(250), noCounter: true, noRecord: true, noFields: true}
	},
	"module": func() *card { return &card{load: steady(250), module: 1.5, memory: 0.2} },
}

func TestConform(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				open := func(t *testing.T) energy.Meter { return openCards(t, kind(), kind()) }
				energytest.Conform(t, open, func() { time.Sleep(time.Second) })
			})
		})
	}
}

func TestWays(t *testing.T) {
	want := map[string]Way{
		"counter": EnergyCounter, "counter with stamps": EnergyCounter, "counter, old driver": EnergyCounter,
		"counter, no power": EnergyCounter, "counter, power lags": EnergyCounter, "stamps, power lags": EnergyCounter,
		"record": PowerRecord, "power now": PowerReadings, "power": PowerReadings, "module": EnergyCounter,
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := openCards(t, kind())
				defer m.Close()
				d := m.Devices()[0]
				assert.Equal(t, want[name], d.Way)
				assert.Equal(t, 600*energy.Watt, d.MaxPower)

				first, err := m.Read(t.Context(), nil)
				require.NoError(t, err)
				time.Sleep(10 * time.Second)
				last, err := m.Read(t.Context(), nil)
				require.NoError(t, err)
				assert.Less(t, first[0].Total.Joules(), 250*0.25, "nothing from before it was opened")
				truth := energy.Joules(2500)
				if name == "module" {
					truth = energy.Joules(3750)
				}
				got := last[0].Total - first[0].Total
				assert.InDelta(t, truth.Joules(), got.Joules(), (first[0].Edge + last[0].Edge).Joules())
				assert.Equal(t, energy.Measured, last[0].Component.Basis)
			})
		})
	}
}

func read(t *testing.T, m *Meter) []energy.Reading {
	t.Helper()
	list, err := m.Read(context.Background(), nil)
	require.NoError(t, err)
	return list
}

func TestRunShorterThanATick(t *testing.T) {
	for _, stamps := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := &card{load: steady(300), tick: 100 * time.Millisecond, phase: 90 * time.Millisecond, stamps: stamps}
			m := openCards(t, c)
			defer m.Close()
			time.Sleep(time.Second + 10*time.Millisecond) // a tick is 20 ms ago
			begin := read(t, m)[0]
			time.Sleep(40 * time.Millisecond)
			last := read(t, m)[0]
			assert.InDelta(t, 300*0.040, (last.Total - begin.Total).Joules(), 0.5, "power × time")
			assert.InDelta(t, 12, last.Edge.Joules(), 0.5, "between nothing and its limit")
			time.Sleep(time.Second)
			later := read(t, m)[0]
			assert.InDelta(t, 300, (later.Total - last.Total).Joules(), last.Edge.Joules())
			assert.Less(t, later.Edge.Joules(), map[bool]float64{false: 25, true: 2}[stamps], "it has ticked since")
		})
	}
}

func TestOneLostGPULeavesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := []*card{{load: steady(200)}, {load: steady(200)}, {load: steady(200)}}
		m := openCards(t, cards...)
		defer m.Close()
		read(t, m)
		time.Sleep(time.Second)
		cards[1].set(func(c *card) { c.err = fault{"nvmlDeviceGetFieldValues", "GPU is lost", 15} })
		cards[2].set(func(c *card) { c.base = -int64(c.load.used(c.clock()) * 1000) }) // the counter begins at 0 again
		list, err := m.Read(t.Context(), nil)
		require.ErrorIs(t, err, ErrLost)
		assert.ErrorContains(t, err, cards[1].uuid)
		assert.NotContains(t, err.Error(), cards[2].uuid)
		assert.Equal(t, []energy.State{energy.OK, energy.Lost, energy.OK}, states(list))
		assert.EqualValues(t, 1, list[2].Resets)
		assert.Positive(t, list[2].Missed)

		asked := cards[1].asked
		time.Sleep(time.Second)
		list, err = m.Read(t.Context(), nil)
		assert.ErrorIs(t, err, ErrLost)
		assert.Equal(t, asked, cards[1].asked, "a lost GPU is left alone for a while")
		assert.InDelta(t, 400, list[0].Total.Joules(), 25)
		assert.InDelta(t, 400, list[2].Total.Joules(), (list[2].Edge + list[2].Missed).Joules(), "but for what flowed between its last tick that was seen and the reset")
		assert.Greater(t, list[2].Total.Joules(), 200.)

		cards[1].set(func(c *card) { c.err = nil })
		time.Sleep(retryEvery)
		list = read(t, m)
		assert.Equal(t, []energy.State{energy.OK, energy.OK, energy.OK}, states(list), "it is back")
	})
}

func states(list []energy.Reading) (s []energy.State) {
	for _, r := range list {
		s = append(s, r.State)
	}
	return s
}

func TestAHangingGPUHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards := []*card{{load: steady(200)}, {load: steady(200)}}
		m := openCards(t, cards...)
		read(t, m)
		time.Sleep(time.Second)
		cards[0].set(func(c *card) { c.slow = 3 * time.Second })
		for i := range 3 {
			before := time.Now()
			list, err := m.Read(t.Context(), nil)
			assert.LessOrEqual(t, time.Since(before), readTimeout)
			if i > 0 {
				assert.Zero(t, time.Since(before), "only the first Read waits for it")
			}
			assert.ErrorIs(t, err, ErrSlow)
			assert.Equal(t, []energy.State{energy.Held, energy.OK}, states(list))
			assert.EqualValues(t, i+1, list[0].Gaps)
			time.Sleep(500 * time.Millisecond)
		}
		cards[0].set(func(c *card) { c.slow = 0 })
		time.Sleep(3 * time.Second)
		list := read(t, m)
		assert.Equal(t, []energy.State{energy.OK, energy.OK}, states(list))
		assert.InDelta(t, list[1].Total.Joules(), list[0].Total.Joules(), 20, "its counter went on")

		cards[0].set(func(c *card) { c.slow = 3 * time.Second })
		_, err := m.Read(t.Context(), nil)
		assert.Error(t, err)
		before := time.Now()
		assert.Error(t, m.Close(), "a call is in flight")
		assert.LessOrEqual(t, time.Since(before), readTimeout)
		time.Sleep(4 * time.Second) // the call returns, and the goroutine ends
	})
}

func TestImplausibleReadingsAreRefused(t *testing.T) {
	for _, name := range []string{"counter", "power now", "power"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := kinds[name]()
				m := openCards(t, c)
				defer m.Close()
				read(t, m)
				time.Sleep(time.Second)
				c.set(func(c *card) { c.mw = 3_700_000; c.base += 1e9 })
				list, err := m.Read(t.Context(), nil)
				assert.ErrorIs(t, err, ErrImplausible)
				assert.Equal(t, energy.Refused, list[0].State)
				assert.Less(t, list[0].Total.Joules(), 300.0)
				assert.Positive(t, list[0].Gaps)
				c.set(func(c *card) { c.mw = 0; c.base -= 1e9 })
				time.Sleep(time.Second)
				list = read(t, m)
				assert.InDelta(t, 500, list[0].Total.Joules(), 60)
			})
		})
	}
}

func TestACounterThatStandsStillIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := openCards(t, &card{load: load{{0, 0}}})
		defer m.Close()
		read(t, m)
		time.Sleep(deadAfter)
		assert.Equal(t, energy.Dead, read(t, m)[0].State)
	})
}

func TestScopes(t *testing.T) {
	for _, tt := range []struct {
		name, model    string
		module, memory float64
		scopes         []string // the counted one first
	}{
		{"GPU", "NVIDIA H100", 0, 0, []string{"gpu"}},
		{"its counter is the module's", "NVIDIA GH200 480GB", 0, 0, []string{"module"}},
		{"both", "NVIDIA GH200 480GB", 1.8, 0, []string{"module", "gpu"}},
		{"memory too", "NVIDIA GB200", 1.8, 0.3, []string{"module", "gpu", "memory"}},
		{"a driver that does not know scopes", "NVIDIA A100", 1, 1, []string{"gpu"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := openCards(t, &card{uuid: "GPU-1", name: tt.model, load: steady(250), module: tt.module, memory: tt.memory})
				defer m.Close()
				var scopes []string
				counted := 0
				within := map[string]string{"module": "", "gpu": "GPU-1-module", "memory": "GPU-1"}
				for _, r := range read(t, m) {
					c := r.Component
					scopes = append(scopes, c.Scope)
					if c.Counted() {
						counted++
					} else {
						assert.Equal(t, within[c.Scope], c.Within)
					}
				}
				assert.Equal(t, tt.scopes, scopes)
				assert.Equal(t, 1, counted)
				assert.Equal(t, len(scopes), len(m.Devices()[0].Components))
			})
		})
	}
}

func TestWithoutAPowerLimit(t *testing.T) {
	for _, limit := range []energy.Power{-1, 4_000_000_000 * energy.Milliwatt} {
		synctest.Test(t, func(t *testing.T) {
			c := kinds["power now"]()
			c.limit = limit
			m := openCards(t, c)
			defer m.Close()
			assert.Contains(t, strings.Join(m.Devices()[0].Missing, "\n"), "power limit")
			c.set(func(c *card) { c.mw = 3_700_000 })
			_, err := m.Read(t.Context(), nil)
			assert.ErrorIs(t, err, ErrImplausible)
		})
	}
}

// A driver that is always a little slow must not make a GPU unreadable.
func TestASlowDriverIsStillRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &card{load: steady(200)}
		m := openCards(t, c)
		defer func() { _ = m.Close(); time.Sleep(time.Second) }()
		read(t, m)
		c.set(func(c *card) { c.slow = 80 * time.Millisecond })
		var last energy.Reading
		for i := range 10 {
			time.Sleep(time.Second)
			list, err := m.Read(t.Context(), nil)
			assert.ErrorIs(t, err, ErrSlow)
			if last = list[0]; i > 0 {
				assert.Equal(t, energy.OK, last.State)
			}
		}
		assert.InDelta(t, 10*200, last.Total.Joules(), last.Edge.Joules())
		assert.GreaterOrEqual(t, last.Edge.Joules(), 200.0, "it is a second old")
	})
	synctest.Test(t, func(t *testing.T) {
		c := users(map[int]uint32{100: 50})
		tune := c.tune
		c.tune = func(d *device) {
			tune(d)
			d.processes = func(to []int) ([]int, error) {
				time.Sleep(80 * time.Millisecond)
				return append(to, 100), nil
			}
		}
		m := openCards(t, c)
		defer m.Close()
		late := 0
		for range 20 {
			if _, err := m.Read(t.Context(), nil); err != nil {
				late++
			}
			_, _ = m.Use(t.Context(), only(100), nil)
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, late, 2, "a slow list of processes is asked for less often")
	})
}

func TestTooMuchAddedIsCaughtUp(t *testing.T) {
	c := newCounter(energy.Component{}, &Device{MaxPower: 600 * energy.Watt}, 0, nil)
	c.power = 1
	at := time.Unix(1000, 0)
	feed := func(after time.Duration, mj, mw uint64) energy.Reading {
		at = at.Add(after)
		list := []field{{value: mj, stamp: at.UnixMicro()}, {value: mw}}
		require.NoError(t, c.feed(list, nil, at, at))
		c.show(at, at)
		return *c.reading()
	}
	feed(0, 1000, 400_000)
	before := feed(50*time.Millisecond, 1000, 400_000)
	after := feed(time.Millisecond, 1001, 400_000) // it ticked, with next to nothing
	assert.Greater(t, after.Total, before.Total)
	assert.LessOrEqual(t, after.Total-after.Edge, energy.Joules(0.001))
}

func TestTheRecordBeginsWithUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := kinds["record"]()
		c.tune = func(*device) { c.origin = c.origin.Add(-time.Minute) }
		m := openCards(t, c)
		defer m.Close()
		assert.Less(t, read(t, m)[0].Total.Joules(), 250*0.2)
	})
}

func TestModule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := openCards(t, &card{uuid: "GPU-1", load: steady(250), module: 1.8})
		defer m.Close()
		assert.Equal(t, "GPU-1-module", m.Module())
		n := openCards(t, &card{load: steady(250)})
		defer n.Close()
		assert.Empty(t, n.Module())
	})
}
