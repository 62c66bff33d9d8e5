package energytest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
)

func pkg() energy.Component {
	return energy.Component{
		Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Name: "CPU package 0",
		Source: "test", Scope: "package", BandLow: 1, BandHigh: 1,
	}
}

func core() energy.Component {
	c := pkg()
	c.ID, c.Within, c.Name, c.Scope = "core-0", "package-0", "cores", "core"
	return c
}

// good is a meter of two components that does all as it should.
func good() *Meter {
	m := &Meter{}
	for i := range 5 {
		e := energy.Energy(i) * energy.Joule
		m.Steps = append(m.Steps, Step{Readings: []energy.Reading{
			{Component: pkg(), Total: 2 * e, Raw: uint64(2 * e), Range: 1e9},
			{Component: core(), Total: e, Missed: e},
		}})
	}
	return m
}

func TestConformGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		Conform(t, func(*testing.T) energy.Meter { return good() }, func() { time.Sleep(time.Second) })
	})
}

// hasty asks for what cannot be.
type hasty struct{ energy.Meter }

func (hasty) KeepAlive() time.Duration { return -1 }

// odd is a meter that changes what another one does.
type odd struct {
	energy.Meter
	read  func(ctx context.Context, to []energy.Reading) ([]energy.Reading, error)
	close error
}

func (o odd) Read(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
	if o.read == nil {
		return o.Meter.Read(ctx, to)
	}
	return o.read(ctx, to)
}

func (o odd) Close() error { return o.close }

func TestConformFindsFaults(t *testing.T) {
	// each changes the good script at one reading
	script := []struct {
		want string
		step int
		do   func(s *Step)
	}{
		{"no readings", 0, func(s *Step) { s.Readings = nil }},
		{"first read: broken", 0, func(s *Step) { s.Err = errors.New("broken") }},
		{"without an ID", 0, func(s *Step) { s.Readings[1].Component.ID = "" }},
		{"two measured components", 0, func(s *Step) { s.Readings[1].Component.ID = "package-0" }},
		{"no Name, Source or Scope", 0, func(s *Step) { s.Readings[0].Component.Source = "" }},
		{`Kind "fan"`, 0, func(s *Step) { s.Readings[0].Component.Kind = "fan" }},
		{`Basis ""`, 0, func(s *Step) { s.Readings[0].Component.Basis = "" }},
		{"measured with a band", 0, func(s *Step) { s.Readings[0].Component.BandLow = 0.5 }},
		{"modelled with a band", 0, func(s *Step) {
			s.Readings[0].Component.Basis, s.Readings[0].Component.BandLow = energy.Modelled, 1.1
		}},
		{"is not another component", 0, func(s *Step) { s.Readings[1].Component.Within = "package-9" }},
		{"is not another component", 0, func(s *Step) { s.Readings[1].Component.Within = "core-0" }},
		{"an amount below 0", 1, func(s *Step) { s.Readings[0].Edge = -1 }},
		{"beyond its Range", 1, func(s *Step) { s.Readings[0].Raw = 2e9 }},
		{"Time is not that of the read", 1, func(s *Step) { s.Readings[0].Time = time.Unix(1, 0) }},
		{"Before is after Time", 1, func(s *Step) { s.Readings[0].Before = time.Now().Add(time.Hour) }},
		{"1 readings after 2", 2, func(s *Step) { s.Readings = s.Readings[:1] }},
		{"reading 0 is now of", 2, func(s *Step) { s.Readings[0], s.Readings[1] = s.Readings[1], s.Readings[0] }},
		{"Total fell", 3, func(s *Step) { s.Readings[0].Total = 1 }},
		{"Missed fell", 3, func(s *Step) { s.Readings[1].Missed = 1 }},
		{"Slept fell from", 2, func(s *Step) { s.Readings[0].Slept = time.Second }},
		{"Wraps, Resets or Gaps fell", 2, func(s *Step) { s.Readings[0].Gaps = 1 }},
		{"Total changed in state dead", 2, func(s *Step) { s.Readings[0].State = energy.Dead }},
	}
	for _, tt := range script {
		m := good()
		tt.do(&m.Steps[tt.step])
		wantFault(t, m, tt.want)
	}

	wantFault(t, hasty{good()}, "KeepAlive is -1ns")
	m := good()
	for want, o := range map[string]odd{
		"Close: stuck": {Meter: good(), close: errors.New("stuck")},
		"changed a reading that was there": {Meter: good(), read: func(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
			clear(to)
			return m.Read(ctx, to)
		}},
		"Read left a slice that had room": {Meter: good(), read: func(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
			return m.Read(ctx, append([]energy.Reading(nil), to...))
		}},
		"Read with room allocates": {Meter: good(), read: func(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
			sink = make([]byte, 8)
			return m.Read(ctx, to)
		}},
		"with a cancelled context gave 0 readings": {Meter: good(), read: func(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
			if ctx.Err() != nil {
				return to, nil
			}
			return m.Read(ctx, to)
		}},
		"with a cancelled context took": {Meter: good(), read: func(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
			if ctx.Err() != nil {
				time.Sleep(prompt + 1)
			}
			return m.Read(ctx, to)
		}},
	} {
		m = good()
		wantFault(t, o, want)
	}
}

var sink []byte

func wantFault(t *testing.T, m energy.Meter, want string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		got := faults(m, func() { time.Sleep(time.Second) })
		assert.Contains(t, strings.Join(got, "\n"), want)
	})
}

func TestMeter(t *testing.T) {
	broken := errors.New("broken")
	at := time.Unix(1, 0)
	m := &Meter{Steps: []Step{
		{Readings: []energy.Reading{{Component: pkg(), Time: at}}},
		{Readings: []energy.Reading{{Component: pkg(), Total: 5}}, Err: broken},
	}}
	ctx, cancel := context.WithCancel(t.Context())
	list, err := m.Read(ctx, nil)
	assert.NoError(t, err)
	assert.Equal(t, at, list[0].Time)
	for range 2 { // the last step is repeated
		list, err = m.Read(ctx, list)
		assert.ErrorIs(t, err, broken)
	}
	assert.Len(t, list, 3)
	assert.Equal(t, energy.Energy(5), list[2].Total)
	assert.False(t, list[2].Time.IsZero())
	cancel()
	_, err = m.Read(ctx, nil)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 3, m.Reads)
	assert.NoError(t, m.Close())
	assert.True(t, m.Closed)

	list, err = new(Meter).Read(t.Context(), nil)
	assert.NoError(t, err)
	assert.Empty(t, list)
}
