package estimate

import (
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

var _ energy.Meter = (*Meter)(nil)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

const guest = "processor: 0\nvendor_id: GenuineIntel\ncpu family: 6\nmodel: 207\nmodel name: Intel(R) Xeon(R) Processor @ 2.60GHz\nstepping: 2\nphysical id: 0\nsiblings: 2\ncpu cores: 1\nflags: fpu hypervisor\n\nprocessor: 1\nphysical id: 0\n"

const server = "processor: 0\nvendor_id: GenuineIntel\ncpu family: 6\nmodel: 85\nmodel name: Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz\nstepping: 7\nphysical id: 0\nsiblings: 40\ncpu cores: 20\nflags: fpu\n\nprocessor: 1\nphysical id: 2\n"

func machine(cpuinfo string) fstest.MapFS {
	return fstest.MapFS{
		"proc/cpuinfo": file(cpuinfo),
		"proc/stat":    file("cpu 0 0 0 0\n"),
		"proc/meminfo": file("MemTotal: 4194304 kB\nMemAvailable: 4000000 kB\n"),
	}
}

// busy sets the busy time of all CPUs, in ticks.
func busy(root fstest.MapFS, ticks string) {
	root["proc/stat"].Data = []byte("cpu " + ticks + " 0 0 0\n")
}

func TestGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := machine(guest)
		m, err := Open(root)
		require.NoError(t, err)
		defer m.Close()
		first, err := m.Read(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, first, 2)
		cpu, memory := first[0], first[1]
		assert.Equal(t, energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Modelled,
			Name: "Intel Emerald Rapids, 2 of its vCPUs", Source: "estimate", Scope: "vcpu-share",
			BandLow: 0.5, BandHigh: 2}, cpu.Component)
		assert.Equal(t, energy.Component{Kind: energy.Memory, ID: "dram-0", Basis: energy.Modelled,
			Name: "4 GiB", Source: "estimate", Scope: "dram",
			BandLow: 1 / 2.2, BandHigh: 2.5}, memory.Component)
		assert.Zero(t, cpu.Total)
		assert.True(t, cpu.Component.Counted())
		assert.Equal(t, energy.Watts(2*m.Model().Max.Watts()), cpu.MaxPower)

		// Ten seconds in which one of two threads is busy: u = 0.5.
		time.Sleep(10 * time.Second)
		busy(root, "1000")
		second, err := m.Read(t.Context(), nil)
		require.NoError(t, err)
		model := m.Model()
		want := model.Idle.Watts() + 0.75*(model.Max-model.Idle).Watts()
		assert.InDelta(t, 10*want, second[0].Total.Joules(), 1e-5)
		assert.InDelta(t, 10*4*(0.05+0.03), second[1].Total.Joules(), 1e-5)
		assert.Equal(t, 10*time.Second, second[0].Time.Sub(cpu.Time))
	})
}

// Sockets share the power, and keep the names that counters would have.
func TestSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := Open(machine(server))
		require.NoError(t, err)
		defer m.Close()
		readings, err := m.Read(t.Context(), nil)
		require.NoError(t, err)
		time.Sleep(time.Second)
		readings, err = m.Read(t.Context(), readings[:0])
		require.NoError(t, err)
		var ids []string
		for _, r := range readings {
			ids = append(ids, r.Component.ID)
		}
		assert.Equal(t, []string{"package-0", "package-2", "dram-0", "dram-2"}, ids)
		assert.Equal(t, "Intel Xeon Gold 6230, package 2", readings[1].Component.Name)
		assert.Equal(t, "package", readings[1].Component.Scope)
		model := m.Model()
		assert.InDelta(t, model.Power(0, 1).Watts(), readings[0].Total.Joules()+readings[1].Total.Joules(), 1e-5)
	})
}

// However often it is read, the whole comes to the same: reads between the
// steps of the kernel's clock neither lose nor invent energy beyond the edge,
// and no total falls.
func TestReadsOften(t *testing.T) {
	run := func(t *testing.T, every time.Duration) (out energy.Reading) {
		synctest.Test(t, func(t *testing.T) {
			root := machine(guest)
			m, err := Open(root)
			require.NoError(t, err)
			defer m.Close()
			readings, err := m.Read(t.Context(), nil)
			require.NoError(t, err)
			last, start := readings[0].Total, time.Now()
			for time.Since(start) < 20*time.Second {
				time.Sleep(every)
				// A tenth of a thread's time passes as busy, in whole ticks.
				busy(root, itoa(time.Since(start).Milliseconds()/100))
				readings, err = m.Read(t.Context(), readings[:0])
				require.NoError(t, err)
				require.GreaterOrEqual(t, readings[0].Total, last)
				last = readings[0].Total
			}
			out = readings[0]
		})
		return out
	}
	slow := run(t, 20*time.Second)
	for _, every := range []time.Duration{time.Millisecond, 7 * time.Millisecond, 100 * time.Millisecond, 450 * time.Millisecond, time.Second} {
		fast := run(t, every)
		// The last read of uneven steps comes a little later.
		over := fast.MaxPower.Over(every)
		assert.InDelta(t, slow.Total.Joules(), fast.Total.Joules(), (fast.Edge + slow.Edge + over).Joules(), every)
	}
}

func itoa(n int64) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// A busy time beyond what there was, or one that falls, moves no total beyond
// full power or backwards.
func TestImplausibleLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := machine(guest)
		m, err := Open(root)
		require.NoError(t, err)
		defer m.Close()
		readings, _ := m.Read(t.Context(), nil)
		var last energy.Energy
		for _, ticks := range []string{"999999", "5", "0", "700", "18446744073709551615", "1"} {
			for _, d := range []time.Duration{0, time.Millisecond, 10 * time.Millisecond, time.Second} {
				time.Sleep(d)
				busy(root, ticks)
				readings, err = m.Read(t.Context(), readings[:0])
				require.NoError(t, err)
				model := m.Model()
				grown := readings[0].Total - last
				assert.GreaterOrEqual(t, grown, energy.Energy(0))
				assert.LessOrEqual(t, grown, model.Max.Over(1011*time.Millisecond)+1)
				last = readings[0].Total
			}
		}
	})
}

// A load that can't be read holds the totals, says so, and is made up for.
func TestUnreadableLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := machine(guest)
		m, err := Open(root)
		require.NoError(t, err)
		defer m.Close()
		readings, _ := m.Read(t.Context(), nil)
		time.Sleep(time.Second)
		root["proc/stat"].Data = []byte("garbage\n")
		readings, err = m.Read(t.Context(), readings[:0])
		assert.ErrorContains(t, err, "proc/stat")
		require.Len(t, readings, 2)
		assert.Equal(t, energy.Held, readings[0].State)
		assert.Zero(t, readings[0].Total)
		assert.Equal(t, uint32(1), readings[0].Gaps)
		time.Sleep(time.Second)
		busy(root, "0")
		readings, err = m.Read(t.Context(), readings[:0])
		require.NoError(t, err)
		assert.Equal(t, energy.OK, readings[0].State)
		assert.InDelta(t, 2*m.Model().Idle.Watts(), readings[0].Total.Joules(), 1e-5)
	})
}

func TestClockOfABareMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := machine(server)
		const dir = "sys/devices/system/cpu/cpu0/cpufreq/"
		root[dir+"base_frequency"] = file("2000000\n")
		root[dir+"scaling_cur_freq"] = file("1000000\n")
		m, err := Open(root)
		require.NoError(t, err)
		defer m.Close()
		assert.True(t, m.Model().Clock)
		readings, _ := m.Read(t.Context(), nil)
		time.Sleep(time.Second)
		busy(root, "200")
		root[dir+"scaling_cur_freq"].Data = []byte("2000000\n")
		readings, err = m.Read(t.Context(), readings[:0])
		require.NoError(t, err)
		model := m.Model()
		want := model.Idle.Watts() + 0.75*(model.Max-model.Idle).Watts() // the mean of both ends
		assert.InDelta(t, want, 2*readings[0].Total.Joules(), 1e-5)
		assert.Zero(t, testing.AllocsPerRun(100, func() { readings, _ = m.Read(t.Context(), readings[:0]) }))
	})
}

func TestNothingToRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the system itself answers
	}
	for _, gone := range []string{"proc/cpuinfo", "proc/stat"} {
		root := machine(guest)
		delete(root, gone)
		_, err := Open(root)
		assert.ErrorIs(t, err, energy.ErrUnavailable)
		assert.ErrorIs(t, err, fs.ErrNotExist)
		assert.ErrorContains(t, err, gone)
	}
	root := machine(guest)
	root["proc/stat"].Data = []byte("garbage\n")
	_, err := Open(root)
	assert.Error(t, err)
	assert.NotErrorIs(t, err, energy.ErrUnavailable)

	root = machine(guest)
	delete(root, "proc/meminfo")
	m, err := Open(root)
	require.NoError(t, err)
	defer m.Close()
	readings, err := m.Read(t.Context(), nil)
	require.NoError(t, err)
	assert.Len(t, readings, 1)
	assert.Contains(t, codes(m.Model()), "memory-unknown")
}

// The remainder below a microjoule is carried on.
func TestSum(t *testing.T) {
	s := sum{sockets: 3}
	for range 3_000_000 {
		s.add(1e-6)
	}
	assert.InDelta(t, 1_000_000, float64(s.shown), 1)
	shown := s.shown
	s.show(1)
	s.add(0.5) // less than was shown
	assert.Equal(t, shown+333_333, s.shown)
}

// The machine that runs the test.
func TestThisMachine(t *testing.T) {
	m, err := Open(os.DirFS("/"))
	require.NoError(t, err)
	defer m.Close()
	readings, err := m.Read(t.Context(), nil)
	require.NoError(t, err)
	t.Logf("%+v", m.Model())
	assert.Positive(t, m.Model().Max)
	assert.Positive(t, m.Model().MemoryMax)
	for _, r := range readings {
		assert.Equal(t, energy.Modelled, r.Component.Basis)
		assert.Less(t, r.Component.BandLow, 1.0)
		assert.Greater(t, r.Component.BandHigh, 1.0)
		assert.Positive(t, r.MaxPower)
	}
	if runtime.GOOS == "linux" {
		assert.Zero(t, testing.AllocsPerRun(100, func() { readings, _ = m.Read(t.Context(), readings[:0]) }))
	}
}

func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		m, err := Open(os.DirFS("/"))
		if err != nil {
			b.Fatal(err)
		}
		m.Close()
	}
}

func BenchmarkRead(b *testing.B) {
	m, err := Open(os.DirFS("/"))
	require.NoError(b, err)
	defer m.Close()
	readings := make([]energy.Reading, 0, 8)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if readings, err = m.Read(ctx, readings[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

// Each component that has a counter, read or not, has a model of its own.
func TestModelsWhatIsCounted(t *testing.T) {
	counters := func(ids ...string) (list []energy.Component) {
		for _, id := range ids {
			kind := energy.CPU
			if strings.HasPrefix(id, "dram-") {
				kind = energy.Memory
			}
			list = append(list, energy.Component{Kind: kind, ID: id, Basis: energy.Measured})
		}
		return list
	}
	for _, tt := range []struct {
		virtual  bool
		packages []int
		counted  []string
		want     string
	}{
		{false, []int{0, 1}, nil, "package-0 package-1 dram-0 dram-1"},
		{false, []int{0, 1}, []string{"package-0", "dram-0"}, "package-0 package-1 dram-0 dram-1"},
		{false, []int{0}, []string{"package-0", "package-1"}, "package-0 package-1 dram-0 dram-1"},
		{true, []int{0}, []string{"package-0", "dram-0", "package-1", "dram-1"}, "package-0 package-1 dram-0 dram-1"},
		{true, []int{0, 1}, nil, "package-0 dram-0"},
		{true, []int{0, 1}, []string{"package-4"}, "package-4 dram-4"},
		{false, []int{0, 1}, []string{"package-0-die-0", "package-0-die-1"}, "package-0-die-0 package-0-die-1 package-1 dram-0-die-0 dram-0-die-1 dram-1"},
		{false, nil, nil, "package-0 dram-0"},
	} {
		m := &Meter{model: Model{Virtual: tt.virtual, MemoryGiB: 64, Threads: 8, Max: 80 * energy.Watt, MemoryMax: 8 * energy.Watt, Exponent: 1, Band: 2}}
		m.setComponents(tt.packages, counters(tt.counted...))
		var ids []string
		var cpu, memory energy.Power
		for _, c := range m.components {
			ids = append(ids, c.ID)
			if c.Kind == energy.CPU {
				cpu += m.cpuMax / 2
			} else {
				memory += m.memoryMax
			}
		}
		assert.Equal(t, tt.want, strings.Join(ids, " "))
		assert.InDelta(t, 80, cpu.Watts(), 0.01, "together they are the machine")
		assert.InDelta(t, 8*memoryHigh, memory.Watts(), 0.01)
	}
}
