package nvml

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// mute is a GPU that shows how busy it is, and neither energy nor power.
func mute(name string, limit energy.Power, use func() (used, error), tune ...func(*device)) *card {
	return &card{name: name, load: steady(1), noCounter: true, noRecord: true, noInstant: true, tune: func(d *device) {
		d.limit, d.use = limit, use
		d.power = func() (uint64, time.Time, error) { return 0, time.Time{}, unsupported("nvmlDeviceGetPowerUsage") }
		for _, t := range tune {
			t(d)
		}
	}}
}

func busyFor(percent uint32, limit energy.Power) func() (used, error) {
	return func() (used, error) { return used{percent, limit, time.Now()}, nil }
}

func TestModelOfAGPUWithoutACounter(t *testing.T) {
	const w = energy.Watt
	pids := func(list ...int) func(d *device) {
		return func(d *device) { d.processes = func([]int) ([]int, error) { return list, nil } }
	}
	for _, tt := range []struct {
		name string
		card *card
		want float64 // watts
	}{
		{"limit in force, full", mute("NVIDIA GeForce RTX 3090", 350*w, busyFor(100, 200*w)), 0.65 * 200},
		{"no limit in force: what it was at the start", mute("NVIDIA GeForce RTX 3090", 350*w, busyFor(100, 0)), 0.65 * 350},
		{"an absurd limit", mute("NVIDIA GeForce RTX 3090", 350*w, busyFor(100, 99999*w)), 0.65 * 350},
		{"no limit at all: by name", mute("NVIDIA GeForce RTX 3090", 0, busyFor(100, 0)), 0.65 * 350},
		{"absurd everywhere: by name", mute("Tesla T4", 4e6*w, busyFor(100, 4e6*w)), 0.65 * 70},
		{"a bare name is its most common board", mute("NVIDIA A100-SXM4-80GB", 0, busyFor(0, 0)), 0.13 * 400},
		{"a PCIe board", mute("NVIDIA A100 80GB PCIe", 0, busyFor(0, 0)), 0.13 * 300},
		{"half", mute("NVIDIA A100-SXM4-80GB", 400*w, busyFor(50, 400*w)), (0.13 + 0.65) / 2 * 400},
		{"idle with HBM", mute("NVIDIA H100 80GB HBM3", 700*w, busyFor(0, 700*w), pids(7)), 0.13 * 700},
		{"idle with HBM, nobody's", mute("NVIDIA H20", 500*w, busyFor(0, 500*w), pids()), 0.13 * 500},
		{"idle and nobody's", mute("NVIDIA L4", 72*w, busyFor(0, 72*w), pids()), 0.07 * 72},
		{"idle and held", mute("NVIDIA L4", 72*w, busyFor(0, 72*w), pids(7)), 0.22 * 72},
		{"idle, whose is not told", mute("NVIDIA L4", 72*w, busyFor(0, 72*w)), 0.22 * 72},
		{"a model of no table", mute("NVIDIA Next", 500*w, busyFor(100, 500*w)), 0.65 * 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := openCards(t, tt.card)
				defer m.Close()
				assert.Equal(t, LimitTimesUse, m.Devices()[0].Way)
				first := readOne(t, m)
				c := first.Component
				assert.Equal(t, energy.Modelled, c.Basis)
				assert.Equal(t, "gpu", c.Scope)
				assert.Contains(t, c.Name, tt.card.name+", power limit × use")
				assert.Equal(t, []float64{1 / 3.0, 2}, []float64{c.BandLow, c.BandHigh})
				for range 10 {
					time.Sleep(time.Second)
					readOne(t, m)
				}
				last := readOne(t, m)
				assert.InDelta(t, tt.want, (last.Total - first.Total).Per(last.Time.Sub(first.Time)).Watts(), 0.01*tt.want)
				assert.GreaterOrEqual(t, last.MaxPower.Watts(), tt.want)
			})
		})
	}
}

func readOne(t *testing.T, m *Meter) energy.Reading {
	t.Helper()
	list, err := m.Read(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, energy.OK, list[0].State)
	return list[0]
}

// What cannot be modelled stays unread, and says why.
func TestNoModel(t *testing.T) {
	const w = energy.Watt
	for _, tt := range []struct {
		name string
		card *card
		why  string
	}{
		{"use is not told", mute("Tesla T4", 70*w, func() (used, error) { return used{}, unsupported("nvmlDeviceGetUtilizationRates") }), "no energy or power reading; not modelled: nvmlDeviceGetUtilizationRates: Not Supported"},
		{"MIG, use not told", mute("NVIDIA A100-SXM4-40GB", 400*w, func() (used, error) { return used{}, unsupported("x") }, func(d *device) { d.mig = true }), "not modelled: x: Not Supported"},
		{"MIG, use told of the whole", mute("NVIDIA A100-SXM4-40GB", 400*w, busyFor(50, 0), func(d *device) { d.mig = true }), "MIG"},
		{"a vGPU by its mode", mute("NVIDIA A100-SXM4-40GB", 400*w, busyFor(50, 0), func(d *device) { d.part = true }), "a virtual GPU is a part of one"},
		{"a vGPU by its name", mute("GRID A100-10C", 0, busyFor(50, 0)), "a virtual GPU is a part of one"},
		{"another", mute("NVIDIA A100-1-5CME", 0, busyFor(50, 0)), "a virtual GPU is a part of one"},
		{"no limit, and no such model", mute("NVIDIA Next", 0, busyFor(50, 0)), "no power limit known"},
		{"a laptop decides its limit", mute("NVIDIA GeForce RTX 3080 Laptop GPU", 0, busyFor(50, 0)), "no power limit known"},
		{"so does who builds a superchip", mute("NVIDIA GH200 480GB", 0, busyFor(50, 0)), "no power limit known"},
	} {
		m, devices, err := open(t.Context(), []opener{machine(tt.card)}, Options{Root: kernel(nil)})
		require.ErrorIs(t, err, ErrUnread, tt.name)
		assert.ErrorContains(t, err, tt.why, tt.name)
		assert.Empty(t, devices[0].Way, tt.name)
		assert.NotEmpty(t, devices[0].Missing, tt.name)
		list, _ := m.Read(t.Context(), nil)
		assert.Equal(t, []energy.State{energy.Lost}, states(list), tt.name)
		assert.Equal(t, energy.Measured, list[0].Component.Basis, tt.name)
	}
	assert.False(t, partial("NVIDIA A100-SXM4-40GB"))
	assert.False(t, partial("Tesla V100-PCIE-16GB"))
}

// A driver that stops telling, tells nonsense, is slow, or loses the GPU.
func TestModelWhenUseFails(t *testing.T) {
	const w = energy.Watt
	for _, tt := range []struct {
		name  string
		fails func() (used, error)
		state energy.State
	}{
		{"not told any more", func() (used, error) { return used{}, unsupported("x") }, energy.Held},
		{"more than all", busyFor(4294967295, 100*w), energy.Held},
		{"lost", func() (used, error) { return used{}, fault{"x", "GPU is lost", 15} }, energy.Lost},
		{"it panics", func() (used, error) { panic("index out of range") }, energy.Held},
		{"slow", func() (used, error) { time.Sleep(20 * time.Second); return used{100, 0, time.Now()}, nil }, energy.Held},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				m := openCards(t, mute("Tesla T4", 70*w, func() (used, error) {
					if d := time.Since(began); d > 5*time.Second && d < 20*time.Second {
						return tt.fails()
					}
					return used{100, 0, time.Now()}, nil
				}))
				defer m.Close()
				first := readOne(t, m)
				var last energy.Reading
				for range 45 {
					time.Sleep(time.Second)
					asked := time.Now()
					list, _ := m.Read(t.Context(), nil)
					require.LessOrEqual(t, time.Since(asked), readTimeout, "a tick waits for nobody")
					require.GreaterOrEqual(t, list[0].Total, last.Total)
					last = list[0]
					if d := time.Since(began); d > 8*time.Second && d < 19*time.Second {
						require.Equal(t, tt.state, last.State)
					}
				}
				require.Equal(t, energy.OK, last.State, "it is there again")
				truth := 0.65 * 70 * last.Time.Sub(first.Time).Seconds()
				assert.Less(t, last.Total.Joules(), truth, "what was not seen is not made up")
				assert.GreaterOrEqual(t, last.Total.Joules()+last.Missed.Joules(), truth*0.99, "and is bounded")
			})
		})
	}
}
