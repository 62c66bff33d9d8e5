//go:build cgo && linux && !nonvml

package nvml

// #cgo LDFLAGS: -ldl
import "C" // for forward.c, which makes calls that a driver lacks safe

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/carbonctl/carbonctl/energy"
)

// loading guards what go-nvml keeps once a process: it notes in variables of its
// own, while it loads a library, which version of a function to call. Two Meters
// may be open at a time.
var loading sync.RWMutex

var errLoading = errors.New("another Meter is being opened")

// drivers gives the ways to ask for GPUs in this build, the best one first.
func drivers(o Options) []opener {
	return []opener{func() (library, error) { return openDriver(o.Library) }}
}

// openDriver loads NVIDIA's library; "" is where the loader finds it.
func openDriver(path string) (library, error) {
	name := cmp.Or(path, "libnvidia-ml.so.1")
	lib := nvml.New(nvml.WithLibraryPath(name))
	loading.Lock()
	code := lib.Init()
	loading.Unlock()
	if code == nvml.ERROR_LIBRARY_NOT_FOUND {
		return library{}, fmt.Errorf("%w: %s is not found or cannot be loaded", energy.ErrUnavailable, name)
	}
	if code != nvml.SUCCESS {
		return library{}, unavailable(answer("nvmlInit", code))
	}
	l := library{source: "nvml", close: func() { lib.Shutdown() }}
	l.driver, _ = lib.SystemGetDriverVersion()
	loading.RLock()
	n, code := lib.DeviceGetCount()
	loading.RUnlock()
	if code != nvml.SUCCESS {
		lib.Shutdown()
		return library{}, unavailable(answer("nvmlDeviceGetCount", code))
	}
	for i := range n {
		l.devices = append(l.devices, openDevice(lib, i))
	}
	return l, nil
}

// unavailable says that there is no such source where the driver is not loaded,
// has no GPU, or is too old to answer at all. Any other error is a fault, and
// stays one.
func unavailable(err error) error {
	var f fault
	none := []nvml.Return{nvml.ERROR_DRIVER_NOT_LOADED, nvml.ERROR_FUNCTION_NOT_FOUND, nvml.ERROR_GPU_NOT_FOUND}
	if errors.As(err, &f) && slices.Contains(none, nvml.Return(f.code)) {
		return fmt.Errorf("%w: %w", energy.ErrUnavailable, err)
	}
	return err
}

// answer is the error of a call, nil for success.
func answer(call string, code nvml.Return) error {
	if code == nvml.SUCCESS {
		return nil
	}
	return fault{call: call, text: code.String(), code: int(code)}
}

// openDevice asks a GPU for what does not change.
func openDevice(lib nvml.Interface, i int) device {
	loading.RLock()
	h, code := lib.DeviceGetHandleByIndex(i)
	loading.RUnlock()
	if code != nvml.SUCCESS {
		return device{name: anyGPU, err: answer("nvmlDeviceGetHandleByIndex", code)}
	}
	var d device
	if d.name, code = h.GetName(); code != nvml.SUCCESS {
		d.name = anyGPU
	}
	loading.RLock()
	if pci, code := h.GetPciInfo(); code == nvml.SUCCESS {
		d.bus = fmt.Sprintf("%08x:%02x:%02x", pci.Domain, pci.Bus, pci.Device)
	}
	loading.RUnlock()
	if d.uuid, code = h.GetUUID(); code != nvml.SUCCESS {
		d.err = answer("nvmlDeviceGetUUID", code)
		return d
	}
	d.bus = cmp.Or(d.bus, fmt.Sprintf("%06d", i)) // if all else fails, as the driver orders them
	if _, highest, code := h.GetPowerManagementLimitConstraints(); code == nvml.SUCCESS {
		d.limit = energy.Power(highest) * energy.Milliwatt
	} else if enforced, code := h.GetEnforcedPowerLimit(); code == nvml.SUCCESS {
		d.limit = energy.Power(enforced) * energy.Milliwatt
	} else if usual, code := h.GetPowerManagementDefaultLimit(); code == nvml.SUCCESS {
		d.limit = energy.Power(usual) * energy.Milliwatt
	}
	if mode, code := h.GetVirtualizationMode(); code == nvml.SUCCESS {
		d.part = mode == nvml.GPU_VIRTUALIZATION_MODE_VGPU
	}
	d.ask(h)
	if mode, _, code := h.GetMigMode(); code == nvml.SUCCESS && mode == nvml.DEVICE_MIG_ENABLE {
		d.cut(lib, h)
	}
	return d
}

// ask sets the functions that read a GPU.
func (d *device) ask(h nvml.Device) {
	d.fields = askFields(h)
	d.total = func() (uint64, error) {
		v, code := h.GetTotalEnergyConsumption()
		return v, answer("nvmlDeviceGetTotalEnergyConsumption", code)
	}
	d.power = func() (uint64, time.Time, error) {
		v, code := h.GetPowerUsage()
		return uint64(v), time.Now(), answer("nvmlDeviceGetPowerUsage", code)
	}
	d.use = func() (used, error) {
		v, code := h.GetUtilizationRates()
		if code != nvml.SUCCESS {
			return used{}, answer("nvmlDeviceGetUtilizationRates", code)
		}
		u := used{percent: v.Gpu, at: time.Now()}
		if enforced, code := h.GetEnforcedPowerLimit(); code == nvml.SUCCESS {
			u.limit = energy.Power(enforced) * energy.Milliwatt
		}
		return u, nil
	}
	d.samples = func(module bool, since int64, to []sample) ([]sample, error) {
		kind := nvml.TOTAL_POWER_SAMPLES
		if module {
			kind = nvml.MODULE_POWER_SAMPLES
		}
		_, list, code := h.GetSamples(kind, uint64(since))
		if code != nvml.SUCCESS {
			return to, answer("nvmlDeviceGetSamples", code)
		}
		for _, s := range list {
			// "unsigned int" for power: the upper half of the union is not set.
			to = append(to, sample{stamp: int64(s.TimeStamp), milliwatts: uint64(binary.NativeEndian.Uint32(s.SampleValue[:4]))})
		}
		return to, nil
	}
	d.busy = func(since int64, to []busy) ([]busy, error) {
		list, code := h.GetProcessUtilization(uint64(since))
		if code != nvml.SUCCESS {
			return to, answer("nvmlDeviceGetProcessUtilization", code)
		}
		for _, p := range list {
			to = append(to, busy{pid: int(p.Pid), stamp: int64(p.TimeStamp), percent: p.SmUtil})
		}
		return to, nil
	}
	d.processes = askProcesses(h)
	if mode, code := h.GetAccountingMode(); code == nvml.SUCCESS && mode == nvml.FEATURE_ENABLED {
		d.accounts = askAccounts(h)
	}
}

func askFields(h nvml.Device) func([]field) error {
	var room []nvml.FieldValue
	return func(list []field) error {
		if len(room) != len(list) {
			room = make([]nvml.FieldValue, len(list))
		}
		for i, f := range list {
			room[i] = nvml.FieldValue{FieldId: f.id, ScopeId: f.scope}
		}
		if code := h.GetFieldValues(room); code != nvml.SUCCESS {
			return answer("nvmlDeviceGetFieldValues", code)
		}
		for i := range list {
			f, v := &list[i], &room[i]
			f.value, f.stamp, f.err = 0, v.Timestamp, nil
			if code := nvml.Return(v.NvmlReturn); code != nvml.SUCCESS {
				f.err = answer("nvmlDeviceGetFieldValues", code)
				continue
			}
			switch nvml.ValueType(v.ValueType) {
			case nvml.VALUE_TYPE_UNSIGNED_LONG, nvml.VALUE_TYPE_UNSIGNED_LONG_LONG:
				f.value = binary.NativeEndian.Uint64(v.Value[:])
			case nvml.VALUE_TYPE_UNSIGNED_INT:
				f.value = uint64(binary.NativeEndian.Uint32(v.Value[:4]))
			default:
				f.err = fault{"nvmlDeviceGetFieldValues", fmt.Sprintf("value of type %d", v.ValueType), int(nvml.ERROR_NOT_SUPPORTED)}
			}
		}
		return nil
	}
}

func askProcesses(h nvml.Device) func([]int) ([]int, error) {
	return func(to []int) ([]int, error) {
		if !loading.TryRLock() { // that may take long
			return to, errLoading
		}
		defer loading.RUnlock()
		list, code := h.GetComputeRunningProcesses()
		if code != nvml.SUCCESS {
			return to, answer("nvmlDeviceGetComputeRunningProcesses", code)
		}
		for _, p := range list {
			to = append(to, int(p.Pid))
		}
		return to, nil
	}
}

func askAccounts(h nvml.Device) func([]account) ([]account, error) {
	return func(to []account) ([]account, error) {
		pids, code := h.GetAccountingPids()
		if code != nvml.SUCCESS {
			return to, answer("nvmlDeviceGetAccountingPids", code)
		}
		for _, pid := range pids {
			s, code := h.GetAccountingStats(uint32(pid))
			if code != nvml.SUCCESS {
				continue // it has just left the driver's list
			}
			to = append(to, account{pid, s.StartTime, time.Duration(s.Time) * time.Millisecond, s.GpuUtilization})
		}
		return to, nil
	}
}

// cut lists the MIG instances of a GPU.
func (d *device) cut(lib nvml.Interface, h nvml.Device) {
	d.mig = true
	n, code := h.GetMaxMigDeviceCount()
	if code != nvml.SUCCESS {
		d.missing = append(d.missing, answer("nvmlDeviceGetMaxMigDeviceCount", code).Error())
		return
	}
	d.whole = n
	gpm := false
	if s, code := h.GpmQueryDeviceSupport(); code == nvml.SUCCESS {
		gpm = s.IsSupportedDevice != 0
	}
	for i := range n {
		m, code := h.GetMigDeviceHandleByIndex(i)
		if code != nvml.SUCCESS {
			continue // no instance there
		}
		s := slice{processes: askProcesses(m)}
		s.uuid, _ = m.GetUUID()
		loading.RLock()
		a, code := m.GetAttributes()
		loading.RUnlock()
		if code == nvml.SUCCESS {
			s.size = int(a.GpuInstanceSliceCount)
		}
		if id, code := m.GetGpuInstanceId(); gpm && code == nvml.SUCCESS {
			s.busy = askGPM(lib, h, id)
		}
		d.slices = append(d.slices, s)
	}
}

// askGPM measures how busy an instance was since the last call, with the
// profiling counters of Hopper and newer.
func askGPM(lib nvml.Interface, h nvml.Device, instance int) func() (uint32, error) {
	var last, now nvml.GpmSample
	return func() (uint32, error) {
		if last == nil {
			for _, s := range []*nvml.GpmSample{&last, &now} {
				a, code := lib.GpmSampleAlloc()
				if code != nvml.SUCCESS {
					last = nil
					return 0, answer("nvmlGpmSampleAlloc", code)
				}
				*s = a
			}
			if err := answer("nvmlGpmMigSampleGet", h.GpmMigSampleGet(instance, last)); err != nil {
				last = nil
				return 0, err
			}
			return 0, errNothing
		}
		if err := answer("nvmlGpmMigSampleGet", h.GpmMigSampleGet(instance, now)); err != nil {
			return 0, err
		}
		q := nvml.GpmMetricsGetType{NumMetrics: 1, Sample1: last, Sample2: now}
		q.Metrics[0].MetricId = uint32(nvml.GPM_METRIC_SM_UTIL)
		last, now = now, last
		if err := answer("nvmlGpmMetricsGet", lib.GpmMetricsGet(&q)); err != nil {
			return 0, err
		}
		m := q.Metrics[0]
		if err := answer("nvmlGpmMetricsGet", nvml.Return(m.NvmlReturn)); err != nil {
			return 0, err
		}
		return uint32(min(max(m.Value, 0), 100) + 0.5), nil
	}
}
