package estimate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// ByCalibration: the machine's own counters showed its power under known loads.
const ByCalibration How = "calibration"

// A Calibration is the power of one machine at no and at full load, as its own counters
// showed it; [Measure] makes one, and [Meter.Calibrate] uses it where no counter can be
// read, as in a container of the same host. Its JSON is what the file holds. It is not
// changed by its use, so that several goroutines may share one.
type Calibration struct {
	Version int               `json:"version"` // 1
	Date    time.Time         `json:"date"`    // when it was measured
	Machine CalibratedMachine `json:"machine"`
	// Counters are the IDs of the components that were read: "package-0", "dram-0".
	Counters []string `json:"counters"`
	CPU      PowerFit `json:"cpu"` // of all sockets together
	// Memory is of all memory together, nil where no counter covers it.
	Memory   *PowerFit     `json:"memory,omitempty"`
	Readings []LoadReading `json:"readings"`
}

// CalibratedMachine is what must be the same for a Calibration to hold.
type CalibratedMachine struct {
	CPU       string  `json:"cpu"` // as it names itself
	Sockets   int     `json:"sockets"`
	Threads   int     `json:"threads"` // logical CPUs
	Virtual   bool    `json:"virtual"`
	MemoryGiB float64 `json:"memory_gib"` // 0: not known
	// Limits are the power limits that the firmware holds a package to; nil: not known.
	Limits *PowerLimits `json:"limits,omitempty"`
}

// PowerLimits are those of one package in W, 0 where there is none.
type PowerLimits struct {
	LongWatts  float64 `json:"long_w"`
	ShortWatts float64 `json:"short_w"`
}

// PowerFit is power at no and at full load, in W, and the factor F of its band: what was
// read lay within [P/F, P×F], and F is at least 1.25 (± 20 %).
type PowerFit struct {
	IdleWatts float64 `json:"idle_w"`
	FullWatts float64 `json:"full_w"`
	Band      float64 `json:"band"`
}

// A LoadReading is the mean power under one load.
type LoadReading struct {
	Mix     Mix     `json:"mix"`
	Load    float64 `json:"load"`    // asked for, 0 to 1
	Busy    float64 `json:"busy"`    // as the kernel counted it, of all threads, 0 to 1
	Seconds float64 `json:"seconds"` // of the reading
	// What was read, and how much of that the fit leaves over, in W.
	CPUWatts       float64 `json:"cpu_w"`
	CPUResidual    float64 `json:"cpu_residual_w"`
	MemoryWatts    float64 `json:"memory_w,omitempty"`
	MemoryResidual float64 `json:"memory_residual_w,omitempty"`
}

// ErrCalibration says that a calibration was made on another machine, or before this one
// was changed.
var ErrCalibration = errors.New("calibration refused")

// The bounds of what a file may hold: the least band, ± 20 %, covers what a counter itself
// may be off and loads that nobody tried; beyond the largest the readings are no line.
const (
	leastBand = 1.25
	mostBand  = 3
	mostWatts = 1e5 // of one machine
)

// ReadCalibration reads the file that "carbonctl calibrate" wrote. The error names the
// path, and wraps fs.ErrNotExist where there is none.
func ReadCalibration(path string) (*Calibration, error) {
	text, err := os.ReadFile(path)
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		err = named.Err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c, err := parseCalibration(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parseCalibration(text []byte) (*Calibration, error) {
	c := &Calibration{}
	if err := json.Unmarshal(text, c); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return nil, fmt.Errorf("not a calibration: %s can't be %s", wrong.Field, wrong.Value)
		}
		return nil, errors.New(`not a calibration: not the JSON that "carbonctl calibrate" writes`)
	}
	if c.Version != 1 {
		return nil, fmt.Errorf("not a calibration of version 1, but %d", c.Version)
	}
	if c.Machine.CPU == "" || c.Machine.Threads < 1 || c.Date.IsZero() {
		return nil, errors.New("not a calibration: cpu, threads or date missing")
	}
	if err := c.CPU.check("cpu"); err != nil {
		return nil, err
	}
	if c.Memory != nil {
		if err := c.Memory.check("memory"); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (f PowerFit) check(name string) error {
	if !(f.IdleWatts >= 0 && f.FullWatts >= f.IdleWatts && f.FullWatts > 0 && f.FullWatts <= mostWatts) {
		return fmt.Errorf("%s: invalid power: %g W idle, %g W at full load", name, f.IdleWatts, f.FullWatts)
	}
	if !(f.Band >= leastBand && f.Band <= mostBand) {
		return fmt.Errorf("%s: invalid band %g: from %g to %d", name, f.Band, leastBand, mostBand)
	}
	return nil
}

// Calibrate makes the meter reckon by a calibration of this machine; it is called before
// the first Read. Where CPU, sockets, threads, memory or the firmware's limits are not
// those of the calibration, the error matches [ErrCalibration] and the meter stays as it
// is. Limits that can't be read, as in a container, are not compared.
func (m *Meter) Calibrate(c *Calibration) error {
	if diff := c.Machine.differences(m.machine()); len(diff) > 0 {
		return fmt.Errorf("%w: made on another machine or before a change: %s", ErrCalibration, strings.Join(diff, "; "))
	}
	m.model.How, m.model.Clock, m.model.BaseMHz = ByCalibration, false, 0
	m.model.Idle, m.model.Max = energy.Watts(c.CPU.IdleWatts), energy.Watts(c.CPU.FullWatts)
	m.model.Band, m.model.IdleBand = c.CPU.Band, c.CPU.Band
	if c.Memory != nil && m.model.MemoryGiB > 0 {
		m.model.MemoryIdle, m.model.MemoryMax = energy.Watts(c.Memory.IdleWatts), energy.Watts(c.Memory.FullWatts)
	}
	m.model.Notes = slices.DeleteFunc(slices.Clone(m.model.Notes), func(n Note) bool { return strings.HasPrefix(n.Code, "cpu-") })
	m.model.note("calibrated", "power at no and at full load as this machine's counters showed it on %s", c.day())
	for i := range m.components {
		fit := &c.CPU
		if m.components[i].Kind == energy.Memory {
			fit = c.Memory
		}
		if fit != nil {
			calibrated(&m.components[i], *fit, c.day())
		}
	}
	m.setLimits(m.cpu.sockets, m.memory.sockets)
	if m.clock == nil {
		return nil
	}
	clock := m.clock
	m.clock = nil // the fit holds turbo and savings as they were
	return clock.Close()
}

func (c *Calibration) day() string { return c.Date.Format(time.DateOnly) }

// calibrated makes a component say whence its power comes.
func calibrated(c *energy.Component, f PowerFit, day string) {
	c.Source = energy.Calibration
	c.Name += ", calibrated " + day
	c.BandLow, c.BandHigh = 1/f.Band, f.Band
}

// machine is what the meter knows of the machine that a calibration holds for.
func (m *Meter) machine() CalibratedMachine {
	c := CalibratedMachine{
		CPU: strings.TrimSpace(m.model.Brand), Sockets: m.model.Sockets, Threads: m.model.Threads,
		Virtual: m.model.Virtual, MemoryGiB: math.Round(m.model.MemoryGiB*1000) / 1000,
	}
	if c.CPU == "" {
		c.CPU = m.model.Name
	}
	if m.limits.known {
		c.Limits = &PowerLimits{LongWatts: m.limits.long, ShortWatts: m.limits.short}
	}
	return c
}

// memorySlack is how far the size of the same memory may seem apart: a kernel keeps a
// little more or less of it to itself.
const memorySlack = 0.02

// differences are in what the machine now differs from the calibrated one.
func (c CalibratedMachine) differences(now CalibratedMachine) (list []string) {
	add := func(differ bool, what string, then, here any) {
		if differ {
			list = append(list, fmt.Sprintf("%s %v, here %v", what, then, here))
		}
	}
	add(c.CPU != now.CPU, "CPU", c.CPU, now.CPU)
	add(c.Sockets != now.Sockets, "sockets", c.Sockets, now.Sockets)
	add(c.Threads != now.Threads, "threads", c.Threads, now.Threads)
	add(c.Virtual != now.Virtual, "virtual machine", c.Virtual, now.Virtual)
	add(math.Abs(c.MemoryGiB-now.MemoryGiB) > memorySlack*max(c.MemoryGiB, now.MemoryGiB), "memory (GiB)", c.MemoryGiB, now.MemoryGiB)
	if a, b := c.Limits, now.Limits; a != nil && b != nil {
		add(math.Abs(a.LongWatts-b.LongWatts) >= 1, "long-term limit (W)", a.LongWatts, b.LongWatts)
		add(math.Abs(a.ShortWatts-b.ShortWatts) >= 1, "short-term limit (W)", a.ShortWatts, b.ShortWatts)
	}
	return list
}
