package nvml

import (
	"bufio"
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// shown lists the GPUs that the kernel of a root shows, by PCI address, whether
// they can be read or not: those of NVIDIA's driver, or, where that is not
// loaded, those on the PCI bus. What a container is not given, what belongs to a
// virtual machine and what sleeps is left out.
func shown(root fs.FS) []device {
	if list := driven(root); len(list) > 0 {
		return list
	}
	return onBus(root)
}

// driven lists what NVIDIA's kernel driver holds (its README, "The NVIDIA /proc
// interface"), with a device node: a container has those of its own GPUs only.
func driven(root fs.FS) (list []device) {
	const gpus = "proc/driver/nvidia/gpus"
	entries, _ := fs.ReadDir(root, gpus)
	for _, e := range entries {
		facts := information(root, path.Join(gpus, e.Name(), "information"))
		if _, err := fs.Stat(root, "dev/nvidia"+facts["Device Minor"]); err != nil || facts["GPU Excluded"] == "Yes" {
			continue
		}
		d := device{bus: busOf(e.Name()), name: cmp.Or(facts["Model"], anyGPU)}
		if uuid := facts["GPU UUID"]; strings.HasPrefix(uuid, "GPU-") && !strings.Contains(uuid, "?") { // "GPU-????????-…" until it is first used
			d.uuid = uuid
		}
		list = append(list, d)
	}
	return list
}

// anyGPU is the name of one whose model is not known.
const anyGPU = "NVIDIA GPU"

// information reads a file of "Key: value" lines.
func information(root fs.FS, name string) map[string]string {
	text, _ := fs.ReadFile(root, name)
	facts := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			facts[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return facts
}

// busOf turns a PCI address of the kernel into one of NVML, which sorts.
func busOf(address string) string {
	var domain, bus, dev uint32
	if _, err := fmt.Sscanf(address, "%x:%x:%x", &domain, &bus, &dev); err != nil {
		return address
	}
	return fmt.Sprintf("%08x:%02x:%02x", domain, bus, dev)
}

// onBus lists NVIDIA's display controllers (vendor 10de, class 03).
func onBus(root fs.FS) (list []device) {
	const devices = "sys/bus/pci/devices"
	entries, _ := fs.ReadDir(root, devices)
	for _, e := range entries {
		dir := path.Join(devices, e.Name())
		if line(root, dir+"/vendor") != "0x10de" || !strings.HasPrefix(line(root, dir+"/class"), "0x03") {
			continue
		}
		driver, _ := fs.ReadLink(root, dir+"/driver")
		switch path.Base(driver) {
		case "vfio-pci": // given to a virtual machine
			continue
		case "nvidia": // the driver is there: its nodes are what one may use
			if _, err := fs.Stat(root, "dev/nvidiactl"); err != nil {
				continue
			}
		}
		if line(root, dir+"/power/runtime_status") == "suspended" { // D3cold: next to nothing is used
			continue
		}
		list = append(list, device{bus: busOf(e.Name()), name: modelOf(root, line(root, dir+"/device"))})
	}
	return list
}

func line(root fs.FS, name string) string {
	text, _ := fs.ReadFile(root, name)
	return strings.TrimSpace(string(text))
}

// modelOf names a PCI device of NVIDIA by the list that distributions ship.
func modelOf(root fs.FS, id string) string {
	id = strings.TrimPrefix(id, "0x")
	for _, name := range []string{"usr/share/hwdata/pci.ids", "usr/share/misc/pci.ids"} {
		f, err := root.Open(name)
		if err != nil {
			continue
		}
		model := pciName(bufio.NewScanner(f), id)
		_ = f.Close()
		if model != "" {
			return "NVIDIA " + model
		}
	}
	return fmt.Sprintf("%s (PCI 10de:%s)", anyGPU, id)
}

// pciName finds a device of NVIDIA in pci.ids: vendors begin a line, their
// devices are below, after one tab, as in "\t20b0  GA100 [A100 SXM4 40GB]".
func pciName(lines *bufio.Scanner, id string) string {
	ours := false
	for lines.Scan() {
		text := lines.Text()
		switch {
		case strings.HasPrefix(text, "10de "):
			ours = true
		case ours && text != "" && text[0] != '\t' && text[0] != '#':
			return ""
		case ours && strings.HasPrefix(text, "\t"+id+" "):
			name := strings.TrimSpace(text[len(id)+1:])
			if _, market, ok := strings.Cut(name, "["); ok {
				name = strings.TrimSuffix(market, "]")
			}
			return name
		}
	}
	return ""
}

// hinted reports whether a root has a device of NVIDIA's driver below a hypervisor
// or a sandbox: WSL2, gVisor, or Jetson, whose kernels show no GPU.
func hinted(root fs.FS) bool {
	return slices.ContainsFunc([]string{"dev/dxg", "dev/nvidiactl", "dev/nvhost-ctrl-gpu", "dev/nvgpu"}, func(name string) bool {
		_, err := fs.Stat(root, name)
		return err == nil
	})
}

// merge completes what a driver's library lists by what the kernel shows: a GPU
// that was lost before the library was opened has no name there, or is missing.
func merge(listed, kernel []device) []device {
	kernel = slices.DeleteFunc(slices.Clone(kernel), func(k device) bool {
		return slices.ContainsFunc(listed, func(d device) bool {
			return d.bus == k.bus || d.uuid != "" && d.uuid == k.uuid
		})
	})
	for i := range listed {
		d := &listed[i]
		switch {
		case address(d.bus) != "":
		case d.err == nil:
			return listed // its place is not known: it may be any of them
		case len(kernel) > 0:
			d.uuid, d.name, d.bus = cmp.Or(d.uuid, kernel[0].uuid), kernel[0].name, kernel[0].bus
			kernel = kernel[1:]
		}
	}
	for _, k := range kernel {
		k.err = fmt.Errorf("%w: not listed by the driver's library", ErrLost)
		listed = append(listed, k)
	}
	return listed
}
