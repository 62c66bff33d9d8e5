package nvml

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// kernel is a root of files, and links where a text begins with "->".
func kernel(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range files {
		f := &fstest.MapFile{Data: []byte(text)}
		if len(text) > 2 && text[:2] == "->" {
			f = &fstest.MapFile{Data: []byte(text[2:]), Mode: fs.ModeSymlink | 0o777}
		}
		m[name] = f
	}
	return m
}

// driver is what NVIDIA's kernel driver shows of two A100.
func driverOf(minors ...int) fstest.MapFS {
	files := map[string]string{"dev/nvidiactl": ""}
	for i := range 2 {
		files[fmt.Sprintf("proc/driver/nvidia/gpus/0000:%d7:00.0/information", i+1)] = fmt.Sprintf(
			"Model: \t\t NVIDIA A100-SXM4-40GB\nIRQ:   \t\t 45\nGPU UUID: \t GPU-%d111\nBus Location: \t 0000:%d7:00.0\nDevice Minor: \t %d\nGPU Excluded:\t No\n", i, i+1, i)
	}
	for _, n := range minors {
		files[fmt.Sprintf("dev/nvidia%d", n)] = ""
	}
	return kernel(files)
}

// bus is a PCI bus with an NVIDIA GPU, its audio, and a network card.
func bus(driver, status string, more ...string) fstest.MapFS {
	files := map[string]string{
		"sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n", "sys/bus/pci/devices/0000:01:00.0/class": "0x030200\n",
		"sys/bus/pci/devices/0000:01:00.0/device": "0x20b0\n", "sys/bus/pci/devices/0000:01:00.1/vendor": "0x10de\n",
		"sys/bus/pci/devices/0000:01:00.1/class": "0x040300\n", "sys/bus/pci/devices/0000:02:00.0/vendor": "0x8086\n",
		"sys/bus/pci/devices/0000:02:00.0/class": "0x020000\n",
		"usr/share/misc/pci.ids":                 "# a list\n1000  Other\n\t20b0  Wrong\n10de  NVIDIA Corporation\n\t20b0  GA100 [A100 SXM4 40GB]\n\t\t10de 1  Sub\n1180  Next\n",
	}
	if driver != "" {
		files["sys/bus/pci/devices/0000:01:00.0/driver"] = "->../../../../bus/pci/drivers/" + driver
	}
	if status != "" {
		files["sys/bus/pci/devices/0000:01:00.0/power/runtime_status"] = status + "\n"
	}
	for _, name := range more {
		files[name] = ""
	}
	return kernel(files)
}

func TestShown(t *testing.T) {
	a100 := []string{"NVIDIA A100 SXM4 40GB"}
	for _, tt := range []struct {
		name string
		root fs.FS
		want []string
	}{
		{"a machine without GPUs", kernel(nil), nil},
		{"the driver's", driverOf(0, 1), []string{"NVIDIA A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB"}},
		{"a container with one of two", driverOf(1), []string{"NVIDIA A100-SXM4-40GB"}},
		{"no driver", bus("", ""), a100},
		{"nouveau", bus("nouveau", "active"), a100},
		{"asleep", bus("nouveau", "suspended"), nil},
		{"of a virtual machine", bus("vfio-pci", ""), nil},
		{"the driver without its /proc", bus("nvidia", "", "dev/nvidiactl"), a100},
		{"a container without it", bus("nvidia", ""), nil},
	} {
		var names []string
		for _, d := range shown(tt.root) {
			names = append(names, d.name)
		}
		assert.Equal(t, tt.want, names, tt.name)
	}
	assert.Equal(t, "NVIDIA GPU (PCI 10de:ffff)", modelOf(bus("", ""), "0xffff"))
	assert.Equal(t, device{uuid: "GPU-1111", name: "NVIDIA A100-SXM4-40GB", bus: "00000000:27:00"}, shown(driverOf(1))[0])
}

func TestModelLimit(t *testing.T) {
	for name, watts := range map[string]float64{
		"NVIDIA A100-SXM4-40GB": 400, "NVIDIA A10": 150, "NVIDIA H100 80GB HBM3": 700, "Tesla V100-SXM2-16GB": 350,
		"NVIDIA GeForce RTX 3080": 350 * 4. / 3, "NVIDIA GeForce RTX 3080 Ti": 350 * 4. / 3, "NVIDIA GeForce RTX 4090": 600,
		"NVIDIA RTX 6000 Ada Generation": 300, "Quadro RTX 8000": 260, "NVIDIA A100 SXM4 40GB": 400,
		"NVIDIA A100-PCIE-40GB": 300, "NVIDIA A100 80GB PCIe": 300, "NVIDIA H100 PCIe": 350, "Tesla V100-PCIE-16GB": 250,
		"NVIDIA GeForce GTX 1080 Ti": 250 * 4. / 3, "NVIDIA L40S": 350, "NVIDIA GPU (PCI 10de:ffff)": 0, "": 0,
	} {
		assert.InDelta(t, watts, modelLimit(name).Watts(), 0.001, name)
	}
}

// failing is a driver that answers with an error, as NVML codes it.
func failing(code int, text string) opener {
	return func() (library, error) {
		err := error(fault{"nvmlInit", text, code})
		if code == 9 {
			err = fmt.Errorf("%w: %w", energy.ErrUnavailable, err)
		}
		return library{}, err
	}
}

func TestAGPUThatIsThereAndUnread(t *testing.T) {
	absent := func() (library, error) {
		return library{}, fmt.Errorf("%w: libnvidia-ml.so.1 is not found", energy.ErrUnavailable)
	}
	lost := func() (library, error) {
		l, err := machine(&card{load: steady(100), tune: func(d *device) { d.bus = "00000000:17:00" }})()
		l.devices = append(l.devices, device{name: anyGPU, err: fault{"nvmlDeviceGetHandleByIndex", "GPU is lost", 15}})
		return l, err
	}
	fewer := func() (library, error) {
		return machine(&card{load: steady(100), tune: func(d *device) { d.bus = "00000000:27:00" }})()
	}
	mute := func() (library, error) {
		return library{source: "nvml", close: func() {}, devices: []device{{uuid: "GPU-mute", name: "NVIDIA GeForce RTX 3090", power: func() (uint64, time.Time, error) {
			return 0, time.Time{}, unsupported("nvmlDeviceGetPowerUsage")
		}}}}, nil
	}
	closed := machine(&card{load: steady(1), uuid: "GPU-x", err: fault{"any", "Insufficient Permissions", 4}})
	for _, tt := range []struct {
		name   string
		driver opener
		root   fs.FS
		library,
		text string
		ids   []string // of the GPUs that are not read
		watts float64  // the limit of the first
		cause error
	}{
		{"versions differ", failing(18, "RM has detected an NVML/RM version mismatch."), driverOf(0, 1), "",
			"2 GPUs not measured: driver and library versions differ; reload the driver or reboot (nvmlInit: RM has detected an NVML/RM version mismatch.)",
			[]string{"GPU-0111", "GPU-1111"}, 400, ErrLost},
		{"no library", absent, bus("nouveau", ""), "", "NVIDIA A100 SXM4 40GB not measured: energy source not available: libnvidia-ml.so.1 is not found", []string{"0000:01:00.0"}, 400, energy.ErrUnavailable},
		{"driver not loaded", failing(9, "Driver Not Loaded"), bus("", ""), "", "NVIDIA A100 SXM4 40GB not measured: driver not loaded (", []string{"0000:01:00.0"}, 400, energy.ErrUnavailable},
		{"no permission, in a sandbox", failing(4, "Insufficient Permissions"), kernel(nil), "", "NVIDIA GPU not measured: no permission (nvmlInit", []string{"gpu"}, 0, fs.ErrPermission},
		{"blocked", failing(17, "x"), kernel(nil), "", "blocked by the operating system", []string{"gpu"}, 0, errUnsupported},
		{"lost before it was opened", lost, driverOf(0, 1), "", "NVIDIA A100-SXM4-40GB not measured: fell off the bus or needs a reset (nvmlDeviceGetHandleByIndex: GPU is lost)", []string{"GPU-1111"}, 400, ErrLost},
		{"not listed", fewer, driverOf(0, 1), "", "not listed by the driver's library", []string{"GPU-0111"}, 400, ErrLost},
		{"neither energy nor power", mute, kernel(nil), "", "NVIDIA GeForce RTX 3090 not measured: no energy or power reading", []string{"GPU-mute"}, 350 * 4. / 3, errNoEnergy},
		{"no permission to ask it", closed, kernel(nil), "", "no permission", []string{"GPU-x"}, 400, fs.ErrPermission},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, devices, err := open(t.Context(), []opener{tt.driver}, Options{Root: tt.root, Library: tt.library})
			require.NotNil(t, m)
			defer m.Close()
			assert.ErrorIs(t, err, ErrUnread)
			assert.ErrorIs(t, err, tt.cause)
			assert.ErrorContains(t, err, tt.text)
			for range 2 {
				list, err := m.Read(t.Context(), nil)
				assert.ErrorIs(t, err, ErrUnread)
				var ids []string
				for _, r := range list {
					if r.State != energy.OK {
						assert.Equal(t, energy.Lost, r.State)
						assert.Equal(t, energy.GPU, r.Component.Kind)
						assert.NotEmpty(t, r.Component.Name)
						assert.False(t, r.Time.IsZero())
						ids = append(ids, r.Component.ID)
					}
				}
				assert.Equal(t, tt.ids, ids)
				assert.InDelta(t, tt.watts, list[len(list)-1].MaxPower.Watts(), 0.01)
				assert.Len(t, devices, len(list))
			}
			use, err := m.Use(t.Context(), only(1), nil)
			assert.NoError(t, err)
			assert.Len(t, use, len(m.gpus))
		})
	}
}

// Where there is neither GPU nor driver, or the work can't see one, there is
// nothing to say.
func TestNothingThere(t *testing.T) {
	hidden := Options{Root: driverOf(0, 1), Env: environment("CUDA_VISIBLE_DEVICES", "-1")}
	for name, tt := range map[string]struct {
		drivers []opener
		o       Options
	}{
		"no library":    {[]opener{func() (library, error) { return library{}, energy.ErrUnavailable }}, Options{Root: kernel(nil)}},
		"no driver":     {[]opener{failing(9, "Driver Not Loaded")}, Options{Root: kernel(nil)}},
		"no GPU":        {[]opener{machine()}, Options{Root: kernel(nil)}},
		"hidden":        {[]opener{machine(&card{load: steady(1)})}, Options{Root: kernel(nil), Env: hidden.Env}},
		"hidden, fails": {[]opener{failing(9, "Driver Not Loaded")}, hidden},
	} {
		m, _, err := open(t.Context(), tt.drivers, tt.o)
		assert.Nil(t, m, name)
		assert.ErrorIs(t, err, energy.ErrUnavailable, name)
	}
	_, _, err := open(t.Context(), []opener{func() (library, error) { panic("no") }}, Options{Root: kernel(nil)})
	assert.ErrorIs(t, err, ErrUnread, "a library that panics")
}

func TestOpenDoesNotOutwaitItsContext(t *testing.T) {
	for name, tt := range map[string]struct {
		o    Options
		want []string
	}{
		"nothing in sight":   {Options{Root: kernel(nil)}, nil},
		"the kernel shows":   {Options{Root: driverOf(0)}, []string{"GPU-0111"}},
		"a sandbox":          {Options{Root: kernel(map[string]string{"dev/nvidiactl": ""})}, []string{"gpu"}},
		"WSL":                {Options{Root: kernel(map[string]string{"dev/dxg": ""})}, []string{"gpu"}},
		"a library is named": {Options{Root: kernel(nil), Library: "x"}, []string{"gpu"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				closed := false
				slow := func() (library, error) {
					time.Sleep(5 * time.Second)
					l, err := machine(&card{load: steady(100)})()
					l.close = func() { closed = true }
					return l, err
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				m, _, err := open(ctx, []opener{slow}, tt.o)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				var ids []string
				if m != nil {
					list, _ := m.Read(t.Context(), nil)
					for _, r := range list {
						assert.Equal(t, energy.Late, r.State)
						ids = append(ids, r.Component.ID)
					}
					assert.NoError(t, m.Close())
				} else {
					assert.ErrorIs(t, err, energy.ErrUnavailable)
				}
				assert.Equal(t, tt.want, ids)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				assert.True(t, closed, "what opened too late is closed again")
			})
		})
	}
}

func TestMerge(t *testing.T) {
	gpu := func(bus string) device { return device{bus: bus, name: bus} }
	a, b := gpu("00000000:17:00"), gpu("00000000:27:00")
	assert.Len(t, merge([]device{a, b}, []device{b, a}), 2)
	assert.Len(t, merge([]device{gpu("000000")}, []device{a, b}), 1, "its place is not known")
	list := merge([]device{a, {err: errors.New("x")}}, []device{a, b})
	require.Len(t, list, 2)
	assert.Equal(t, b.name, list[1].name)
	assert.ErrorIs(t, merge([]device{a}, []device{a, b})[1].err, ErrLost)
	assert.Equal(t, "0000:17:00.0", address(a.bus))
	assert.Equal(t, "000a0000:17:00.0", address("000a0000:17:00"))
	assert.Empty(t, address("000001"))
}
