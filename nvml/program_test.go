package nvml

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// fakeProgram names the variable that makes this test binary an nvidia-smi: one
// that writes "on" and on, or "twice", or a "message", or "nothing".
const fakeProgram = "CARBONCTL_TEST_NVIDIA_SMI"

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeProgram); mode != "" {
		smi(mode)
		return
	}
	os.Exit(m.Run())
}

func smi(mode string) {
	if args := strings.Join(os.Args[1:], " "); args != "--query-gpu="+columns+" --format=csv,noheader,nounits -lms 1000" {
		fmt.Println("unknown option:", args)
		os.Exit(2)
	}
	switch mode {
	case "message":
		fmt.Println("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")
		os.Exit(9)
	case "nothing":
		return
	}
	for i := 0; mode == "on" || i < 2; i++ {
		fmt.Printf("GPU-1111, NVIDIA T4, 00000000:01:00.0, 580.00, %d.50, 70.00, 90, 70.00\n", 30+i%2)
		fmt.Println("GPU-2222, Quadro K600, 00000000:02:00.0, 580.00, [N/A], [N/A], 12, [N/A]")
		fmt.Println("GPU-3333, Quadro RTX 8000, 00000000:03:00.0, 580.00, [N/A], [N/A], 50, [N/A]")
		if _, err := fmt.Println("a message in between"); err != nil {
			return // nobody reads any more
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestProgram(t *testing.T) {
	t.Setenv(fakeProgram, "on")
	self, err := os.Executable()
	require.NoError(t, err)
	m, devices, err := open(t.Context(), []opener{func() (library, error) { return openProgram(self) }}, Options{})
	require.NotNil(t, m, err)
	assert.ErrorIs(t, err, errNoEnergy, "the second GPU shows no power")
	require.Len(t, devices, 3)
	d := devices[0]
	assert.Equal(t, PowerReadings, d.Way)
	assert.Equal(t, time.Second, d.Resolution)
	assert.Equal(t, 70*energy.Watt, d.Limit)
	assert.Equal(t, "580.00", d.Driver)
	assert.Contains(t, strings.Join(d.Missing, "\n"), "energy counter")

	read := func(t *testing.T, m *Meter) []energy.Reading {
		list, err := m.Read(t.Context(), nil)
		require.ErrorIs(t, err, ErrUnread)
		require.Len(t, list, 3)
		assert.Equal(t, []energy.State{energy.OK, energy.OK, energy.Lost}, states(list))
		return list
	}
	first := read(t, m)
	c := first[0].Component
	assert.Equal(t, "nvidia-smi", c.Source)
	assert.Equal(t, energy.Measured, c.Basis)
	assert.Contains(t, c.Name, "power readings")
	assert.Equal(t, LimitTimesUse, devices[2].Way, "by the limit of its model")
	assert.Equal(t, energy.Modelled, first[1].Component.Basis)
	assert.Equal(t, "nvidia-smi", first[1].Component.Source)
	assert.Eventually(t, func() bool { return read(t, m)[0].Total > first[0].Total }, 10*time.Second, 5*time.Millisecond)
	assert.GreaterOrEqual(t, read(t, m)[0].Edge.Joules(), 0.5, "between 30 and 31 W in the last second")

	use, err := m.Use(t.Context(), only(1), nil)
	require.NoError(t, err) // the origin
	assert.Len(t, use, 2)
	read(t, m)
	use, err = m.Use(t.Context(), only(1), nil)
	assert.ErrorIs(t, err, errNobody)
	assert.False(t, use[0].Known)

	_ = m.Close()
	<-m.gpus[0].workers.ended // the program has been ended and waited for
}

func TestProgramThatEnds(t *testing.T) {
	t.Setenv(fakeProgram, "twice")
	self, err := os.Executable()
	require.NoError(t, err)
	m, _, _ := open(t.Context(), []opener{func() (library, error) { return openProgram(self) }}, Options{})
	require.NotNil(t, m)
	defer m.Close()
	assert.Eventually(t, func() bool {
		list, _ := m.Read(t.Context(), nil)
		return list[0].State == energy.Lost
	}, 10*time.Second, 5*time.Millisecond)
}

func TestProgramThatShowsNothing(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for _, mode := range []string{"message", "nothing"} {
		t.Setenv(fakeProgram, mode)
		_, err = openProgram(self)
		assert.ErrorIs(t, err, energy.ErrUnavailable, mode)
	}
	_, err = openProgram(t.TempDir() + "/nvidia-smi")
	assert.ErrorIs(t, err, energy.ErrUnavailable)
	assert.ErrorContains(t, err, "this build can't load the driver's library")
}

func TestParseRow(t *testing.T) {
	r, err := parseRow("GPU-1, NVIDIA GeForce RTX 3090, 00000000:01:00.0, 535.1, 26.52, 390.00, 7, 350.00")
	require.NoError(t, err)
	assert.NoError(t, r.err)
	assert.Equal(t, row{uuid: "GPU-1", name: "NVIDIA GeForce RTX 3090", bus: "00000000:01:00.0", driver: "535.1", power: energy.Watts(26.52), limit: 390 * energy.Watt, use: used{percent: 7, limit: 350 * energy.Watt}}, r)

	r, err = parseRow("GPU-1, , x, y, [Not Supported], N/A, [N/A], [N/A]")
	require.NoError(t, err)
	assert.ErrorIs(t, r.err, errUnsupported)
	assert.ErrorIs(t, r.useErr, errUnsupported)
	assert.Equal(t, "NVIDIA GPU", r.name)
	for _, bad := range []string{"", "GPU-1", "uuid, name, pci.bus_id, driver_version, power.draw [W], power.max_limit [W], utilization.gpu [%], enforced.power.limit [W]", "GPU-1,a,b,c,1,2,3,4,5"} {
		_, err = parseRow(bad)
		assert.Error(t, err, bad)
	}
	for _, bad := range []string{"", "NaN", "+Inf", "-1", "1e9", "0x", "12 W"} {
		_, err = parseWatts(bad)
		assert.Error(t, err, bad)
	}
}

func FuzzParseRow(f *testing.F) {
	f.Add("GPU-1, T4, 00000000:01:00.0, 535.1, 26.52, 70.00, 3, 70.00")
	f.Add("GPU-1,,,,[N/A],-1,-1,-1")
	f.Add("No devices were found")
	f.Fuzz(func(t *testing.T, line string) {
		r, err := parseRow(line)
		if err == nil {
			assert.True(t, strings.HasPrefix(r.uuid, "GPU-"))
			assert.True(t, r.power >= 0 && r.limit >= 0 && r.use.limit >= 0)
		}
	})
}
