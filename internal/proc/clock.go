package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

// clocks is how many CPUs are asked for their clock, spread evenly over the
// machine. Asking each of hundreds would cost more than the answer is worth.
const clocks = 16

// Clock reads how fast the CPUs run now.
type Clock struct {
	cpus []*file // scaling_cur_freq
	info *file   // or else cpuinfo's "cpu MHz"
	base float64
}

// OpenClock opens the clocks of a bare machine: cpufreq's scaling_cur_freq, or
// where there is no cpufreq the "cpu MHz" of /proc/cpuinfo. A guest's clock
// shows nothing of the host's, so a virtual machine has none: the error then
// matches fs.ErrNotExist, as it does where no base clock is known.
func OpenClock(root fs.FS, cpu CPU) (*Clock, error) {
	if cpu.Virtual {
		return nil, fmt.Errorf("open the clock of a virtual machine: %w", fs.ErrNotExist)
	}
	c := &Clock{base: baseMHz(root, cpu)}
	if c.base <= 0 {
		return nil, fmt.Errorf("find the base clock of the CPU: %w", fs.ErrNotExist)
	}
	n := min(cpu.Threads, clocks)
	for i := range n {
		id := i * cpu.Threads / n
		f, err := open(root, "sys/devices/system/cpu/cpu"+strconv.Itoa(id)+"/cpufreq/scaling_cur_freq", 32)
		if err == nil {
			c.cpus = append(c.cpus, f)
		}
	}
	if len(c.cpus) == 0 {
		f, err := open(root, "proc/cpuinfo", 32<<10) // 16 CPUs of a server, about
		if err != nil {
			return nil, err
		}
		c.info = f
	}
	if _, err := c.Ratio(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// baseMHz is the clock that the TDP is promised for: what intel_pstate says, or
// ACPI's nominal frequency (AMD), or the brand string.
func baseMHz(root fs.FS, cpu CPU) float64 {
	const dir = "sys/devices/system/cpu/cpu0/"
	if khz, err := strconv.ParseFloat(text(root, dir+"cpufreq/base_frequency"), 64); err == nil && khz >= 100_000 && khz <= 1e7 {
		return khz / 1000
	}
	if mhz, err := strconv.ParseFloat(text(root, dir+"acpi_cppc/nominal_freq"), 64); err == nil && mhz >= 100 && mhz <= 1e4 {
		return mhz
	}
	return cpu.BaseMHz
}

// Base returns the base clock in MHz.
func (c *Clock) Base() float64 { return c.base }

// Ratio returns the mean clock of now, over the CPUs that are asked, as a
// fraction of the base clock. It passes 1 in turbo.
func (c *Clock) Ratio() (float64, error) {
	sum, n := 0.0, 0
	var failed error
	if c.info != nil {
		b, err := c.info.read()
		if err != nil {
			return 0, err
		}
		sum, n = sumMHz(b)
	}
	for _, f := range c.cpus {
		b, err := f.read()
		if err != nil {
			failed = err // a CPU that went offline: the others answer
			continue
		}
		if khz, _, ok := whole(b); ok && khz > 0 && khz < 1e8 {
			sum += float64(khz) / 1000
			n++
		}
	}
	if n == 0 {
		if failed == nil {
			failed = errors.New("read the clock of the CPUs: none given")
		}
		return 0, failed
	}
	return sum / float64(n) / c.base, nil
}

// Close lets go of the files.
func (c *Clock) Close() error {
	err := c.info.close()
	for _, f := range c.cpus {
		err = errors.Join(err, f.close())
	}
	return err
}

// sumMHz adds up the lines "cpu MHz : 2596.132" of /proc/cpuinfo.
func sumMHz(b []byte) (sum float64, n int) {
	for len(b) > 0 {
		var l []byte
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			break // cut off by our buffer
		}
		l, b = b[:end], b[end+1:]
		l, ok := bytes.CutPrefix(l, []byte("cpu MHz"))
		if !ok {
			continue
		}
		l, ok = bytes.CutPrefix(blank(l), []byte(":"))
		if !ok {
			continue
		}
		// The decimals are of no matter.
		if mhz, _, ok := whole(blank(l)); ok && mhz > 0 && mhz < 1e5 {
			sum += float64(mhz)
			n++
		}
	}
	return sum, n
}
