package plan

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Ask is what is known of a job. The zero value of a field is not given.
type Ask struct {
	Name string `toml:"name"` // for people
	// GPU is a model by name, CPU too; Watts in place of both is what one device draws
	// at full use.
	GPU   string   `toml:"gpu"`
	CPU   string   `toml:"cpu"`
	Watts *float64 `toml:"watts"`
	// Instance is a type of cloud instance, each node one of them: "aws:c7i.4xlarge". GPU
	// and Count are for a type whose GPUs are in no table.
	Instance string `toml:"instance"`
	// Count is how many GPUs, or devices of Watts, a node has; 0 is 1. Cores are those
	// of a node's CPU that the job has; 0 is all.
	Count  float64 `toml:"count"`
	Cores  float64 `toml:"cores"`
	Nodes  float64 `toml:"nodes"`  // 0 is 1
	Memory string  `toml:"memory"` // of a node, with its unit: "64GB"
	// Hours is how long it runs; DeviceHours in its place is hours × devices.
	Hours       float64  `toml:"hours"`
	DeviceHours float64  `toml:"device-hours"`
	Usage       *float64 `toml:"usage"`  // 0 to 1; nil is 1
	PSF         float64  `toml:"psf"`    // how many times it runs in all, tests included; 0 is 1
	Repeat      string   `toml:"repeat"` // "12", or "12/year": then the estimate is of a year
	// EmbodiedKg is what making one node emitted, and Lifetime how long a node is used:
	// "4y".
	EmbodiedKg float64 `toml:"embodied-kg"`
	Lifetime   string  `toml:"lifetime"`
}

// check returns what is wrong with an ask.
func (a Ask) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if a.Watts != nil && (a.GPU != "" || a.CPU != "") {
		bad("watts and a device's name: choose one")
	}
	if err := a.checkInstance(); err != nil {
		errs = append(errs, err)
	}
	if a.GPU != "" && strings.TrimSpace(a.GPU) == "" || a.CPU != "" && strings.TrimSpace(a.CPU) == "" {
		bad("gpu and cpu: a name must not be blank")
	}
	if a.Watts == nil && a.GPU == "" && a.CPU == "" && a.Cores == 0 && a.Memory == "" && a.Instance == "" {
		bad("no device: give gpu, cpu, memory, instance or watts")
	}
	if a.Hours > 0 && a.DeviceHours > 0 {
		bad("hours and device-hours: choose one")
	}
	if a.Hours == 0 && a.DeviceHours == 0 {
		bad("no time: give hours, or device-hours")
	}
	if a.DeviceHours > 0 && (a.CPU != "" || a.Cores > 0 || a.Memory != "") {
		bad("device-hours are those of GPUs or of watts: give hours for a CPU or memory")
	}
	if a.DeviceHours > 0 && (a.Count > 0 || a.Nodes > 0) {
		bad("device-hours have the number of devices in them: leave count and nodes out")
	}
	for _, f := range []struct {
		name string
		x    float64
		most float64
	}{
		{"watts", value(a.Watts, 0), 1e6}, {"count", a.Count, 1e7}, {"cores", a.Cores, 1e7}, {"nodes", a.Nodes, 1e6}, {"hours", a.Hours, 1e7},
		{"device-hours", a.DeviceHours, 1e12}, {"psf", a.PSF, 1e6}, {"embodied-kg", a.EmbodiedKg, 1e7},
	} {
		if !(f.x >= 0 && f.x <= f.most) {
			bad("%s: must be from 0 to %.0f, not %g", f.name, f.most, f.x)
		}
	}
	for _, f := range []struct {
		name string
		x    float64
	}{{"count", a.Count}, {"nodes", a.Nodes}} {
		if f.x >= 0 && f.x != math.Trunc(f.x) {
			bad("%s: must be a whole number, not %g", f.name, f.x)
		}
	}
	if a.PSF > 0 && a.PSF < 1 {
		bad("psf: must be at least 1, not %g", a.PSF)
	}
	if u := value(a.Usage, 1); !(u >= 0 && u <= 1) {
		bad("usage: must be from 0 to 1, not %g", u)
	}
	if (a.EmbodiedKg > 0) != (a.Lifetime != "") && (a.Instance == "" || a.Lifetime == "") {
		bad("embodied-kg and lifetime: give both")
	}
	return errors.Join(errs...)
}

func value(p *float64, or float64) float64 {
	if p == nil {
		return or
	}
	return *p
}

func orOne(x float64) float64 {
	if x == 0 {
		return 1
	}
	return x
}

// memoryUnits are bytes; GB are decimal, as in Green Algorithms.
var memoryUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}}

// gigabytes reads an amount of memory in GB, 10⁹ bytes.
func gigabytes(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	for _, u := range memoryUnits {
		if number, ok := strings.CutSuffix(strings.ToLower(strings.TrimSpace(s)), strings.ToLower(u.name)); ok {
			x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err == nil && x > 0 && x < 1e9 {
				return x * u.bytes / 1e9, nil
			}
		}
	}
	return 0, fmt.Errorf("memory: invalid amount %.40q: use a number and a unit, such as 64GB", s)
}

// The length of a year, in days: the mean of the Gregorian calendar's.
const yearDays = 365.2425

// repeats reads how often a job runs: "12" or "12/year", "3/week". A year is what a
// rate is reckoned over.
func repeats(s string) (times float64, of string, err error) {
	if s == "" {
		return 1, "", nil
	}
	number, per, rate := strings.Cut(s, "/")
	times, err = strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err == nil && times > 0 && times <= 1e9 {
		switch strings.TrimSpace(per) {
		case "day":
			return times * yearDays, " a year", nil
		case "week":
			return times * yearDays / 7, " a year", nil
		case "month":
			return times * 12, " a year", nil
		case "year":
			return times, " a year", nil
		case "":
			if !rate {
				return times, "", nil
			}
		}
	}
	return 0, "", fmt.Errorf("repeat: invalid %.40q: use a number of times, such as 3, or 12/year, 2/week", s)
}

// lifetime reads how many hours a machine is used: "4y", "50000h".
func lifetime(s string) (hours float64, err error) {
	for _, u := range []struct {
		name  string
		hours float64
	}{{"y", 24 * yearDays}, {"d", 24}, {"h", 1}} {
		if number, ok := strings.CutSuffix(strings.TrimSpace(s), u.name); ok {
			if x, err := strconv.ParseFloat(number, 64); err == nil && x > 0 && !math.IsInf(x, 0) {
				return x * u.hours, nil
			}
		}
	}
	return 0, fmt.Errorf("lifetime: invalid time %.40q: use a number and a unit, such as 4y", s)
}
