package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// CPU says which processor a machine has. What is not known is 0 or "".
type CPU struct {
	// Vendor, Family, Model and Stepping are x86's: "GenuineIntel", 6, 85, 7.
	Vendor                  string
	Family, Model, Stepping int
	// Implementer and Part are ARM's (MIDR_EL1): 0x41, 0xd0c.
	Implementer, Part int
	// Brand is the model name as the CPU gives it. A hypervisor may shorten it
	// or make one up. ARM has none.
	Brand string
	// BaseMHz is the clock in the brand, "@ 2.30GHz", 0 if there is none.
	BaseMHz float64

	// Threads are the logical CPUs of the whole machine that are online.
	Threads int
	// Cores and Siblings are the cores and the threads of one socket.
	Cores, Siblings int
	// Packages are the physical ids of the sockets, sorted; [0] if not known.
	Packages []int

	// Virtual: this is a virtual machine. Maker and Product are what the
	// firmware says (DMI): "Amazon EC2", "m7a.large". Where there is no DMI, Product
	// is the model of the device tree: "Raspberry Pi 4 Model B Rev 1.4".
	Virtual        bool
	Maker, Product string
}

// Sockets returns the number of sockets, at least 1.
func (c CPU) Sockets() int { return max(1, len(c.Packages)) }

// SMT reports whether cores are seen to run more than one thread.
func (c CPU) SMT() bool { return c.Siblings > c.Cores && c.Cores > 0 }

// CPUInfo reads which processor a machine has, from /proc/cpuinfo and what
// sysfs adds to it. It is for once: on a large server it takes milliseconds.
func CPUInfo(root fs.FS) (CPU, error) {
	const path = "proc/cpuinfo"
	b, err := fs.ReadFile(root, path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && elsewhere {
			return systemCPU()
		}
		return CPU{}, fmt.Errorf("read %s: %w", path, cause(err))
	}
	c := parseCPU(b)
	if c.Threads == 0 {
		return CPU{}, fmt.Errorf("read %s: it names no processor", path)
	}
	if c.Packages == nil {
		c.Packages = packages(root, c.Threads)
	}
	c.Maker = text(root, "sys/class/dmi/id/sys_vendor")
	c.Product = text(root, "sys/class/dmi/id/product_name")
	if c.Maker == "" && c.Product == "" {
		c.Product = strings.TrimRight(text(root, "proc/device-tree/model"), "\x00")
	}
	c.Virtual = c.Virtual || guest(c.Maker, c.Product)
	return c, nil
}

// parseCPU reads /proc/cpuinfo: one block of "key : value" lines a processor.
// What a socket's CPUs have in common is taken from the first.
func parseCPU(b []byte) CPU {
	var c CPU
	for len(b) > 0 {
		var l []byte
		l, b = line(b)
		key, value, ok := bytes.Cut(l, []byte(":"))
		if !ok {
			continue
		}
		value = bytes.TrimSpace(value)
		switch string(bytes.TrimSpace(key)) {
		case "processor":
			c.Threads++
		case "physical id":
			if id, err := strconv.Atoi(string(value)); err == nil && id >= 0 && !slices.Contains(c.Packages, id) {
				c.Packages = append(c.Packages, id)
			}
		default:
			if c.Threads == 1 {
				c.identity(string(bytes.TrimSpace(key)), value)
			}
		}
	}
	slices.Sort(c.Packages)
	return c
}

func (c *CPU) identity(key string, value []byte) {
	switch key {
	case "vendor_id":
		c.Vendor = string(value)
	case "model name":
		c.Brand = string(value)
		c.BaseMHz = brandMHz(c.Brand)
	case "cpu family":
		set(&c.Family, value)
	case "model":
		set(&c.Model, value)
	case "stepping":
		set(&c.Stepping, value)
	case "siblings":
		set(&c.Siblings, value)
	case "cpu cores":
		set(&c.Cores, value)
	case "CPU implementer":
		set(&c.Implementer, value)
	case "CPU part":
		set(&c.Part, value)
	case "flags":
		for f := range bytes.FieldsSeq(value) {
			c.Virtual = c.Virtual || string(f) == "hypervisor"
		}
	}
}

// set takes a decimal or 0x number, and leaves the place alone if it is none.
func set(to *int, value []byte) {
	if n, err := strconv.ParseInt(string(value), 0, 32); err == nil && n >= 0 {
		*to = int(n)
	}
}

// brandMHz finds "@ 2.30GHz" in a brand string.
func brandMHz(brand string) float64 {
	_, after, ok := strings.Cut(brand, "@")
	if !ok {
		return 0
	}
	after = strings.ToLower(strings.TrimSpace(after))
	for unit, mhz := range map[string]float64{"ghz": 1000, "mhz": 1} {
		if n, ok := strings.CutSuffix(after, unit); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
			if err == nil && f*mhz >= 100 && f*mhz <= 10_000 {
				return f * mhz
			}
		}
	}
	return 0
}

// packages asks sysfs for the sockets where cpuinfo has none, as on ARM.
func packages(root fs.FS, threads int) []int {
	var ids []int
	for i := range threads {
		s := text(root, "sys/devices/system/cpu/cpu"+strconv.Itoa(i)+"/topology/physical_package_id")
		id, err := strconv.Atoi(s)
		if err == nil && id >= 0 && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if ids == nil {
		return []int{0}
	}
	slices.Sort(ids)
	return ids
}

// guest tells a virtual machine by what its firmware calls itself: ARM CPUs
// have no flag for it. Clouds give bare machines the same maker and "metal" in
// the product.
func guest(maker, product string) bool {
	if strings.Contains(product, "metal") {
		return false
	}
	switch maker {
	case "Amazon EC2", "QEMU", "VMware, Inc.", "innotek GmbH", "Parallels International GmbH.", "Xen", "OpenStack Foundation", "Alibaba Cloud", "DigitalOcean", "Hetzner":
		return !strings.Contains(product, "Bare")
	case "Google":
		return product == "Google Compute Engine"
	case "Microsoft Corporation":
		return product == "Virtual Machine"
	case "Apple Inc.":
		return strings.Contains(product, "Virtualization")
	}
	return strings.Contains(product, "KVM") || product == "VirtualBox"
}
