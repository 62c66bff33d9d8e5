package nvml

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// sight is which GPUs the work can see.
type sight struct {
	index  []int           // in the driver's order
	slices map[string]bool // MIG instances that are named, nil if none is
	note   string          // what to know about it, or ""
}

func (s sight) has(i int) bool { return slices.Contains(s.index, i) }

// visible reads what the environment says of GPUs, as CUDA and NVIDIA's
// container runtime do.
func visible(env func(string) (string, bool), devices []device) sight {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	all := make([]int, len(devices))
	for i := range devices {
		all[i] = i
	}
	s := sight{index: all}
	if v, ok := env("NVIDIA_VISIBLE_DEVICES"); ok {
		s = contained(v, devices, s)
	}
	v, ok := env("CUDA_VISIBLE_DEVICES")
	if !ok {
		return s
	}
	order, _ := env("CUDA_DEVICE_ORDER")
	return listed(v, order == "PCI_BUS_ID", devices, s)
}

// contained applies NVIDIA_VISIBLE_DEVICES. Where the container runtime has
// heeded it, the driver shows only those GPUs, with new numbers; where it has
// not, as in a privileged container, all of them. Words other than UUIDs and
// numbers ("all", "none", "void") are for the runtime alone.
func contained(v string, devices []device, s sight) sight {
	items := strings.Split(v, ",")
	if len(items) >= len(devices) && !named(items) {
		return s
	}
	var index []int
	for _, item := range items {
		item = strings.TrimSpace(item)
		i, err := strconv.Atoi(item)
		if err != nil {
			if i, err = byName(item, devices); err != nil {
				return s
			}
		}
		if i < 0 || i >= len(devices) {
			return s
		}
		if !slices.Contains(index, i) {
			index = append(index, i)
		}
	}
	s.index = index
	return s
}

func named(items []string) bool {
	return strings.HasPrefix(items[0], "GPU-") || strings.HasPrefix(items[0], "MIG-")
}

// listed applies CUDA_VISIBLE_DEVICES: numbers, or UUIDs and what they begin
// with, or MIG instances. What follows the first entry that names no GPU is not
// seen, and a list with a GPU twice shows none.
func listed(v string, byBus bool, devices []device, s sight) sight {
	order := slices.Clone(s.index)
	if byBus {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(devices[a].bus, devices[b].bus) })
	}
	items := strings.Split(v, ",")
	uuids := named([]string{strings.TrimSpace(items[0])})
	var index []int
	used := map[string]bool{}
	numbers := false
	for _, item := range items {
		item = strings.TrimSpace(item)
		i := -1
		if uuids {
			if i, _ = byName(item, devices); i >= 0 && !s.has(i) {
				i = -1
			}
		} else if n, ok := leading(item); ok && n < len(order) {
			i, item, numbers = order[n], strconv.Itoa(n), true
		}
		if i < 0 {
			break
		}
		if used[item] || !strings.HasPrefix(item, "MIG-") && slices.Contains(index, i) {
			return sight{note: fmt.Sprintf("CUDA_VISIBLE_DEVICES=%q names a GPU twice, so that the work sees none", clip(v))}
		}
		if used[item] = true; strings.HasPrefix(item, "MIG-") {
			if s.slices == nil {
				s.slices = map[string]bool{}
			}
			s.slices[item] = true
		}
		if !slices.Contains(index, i) {
			index = append(index, i)
		}
	}
	switch {
	case len(index) == 0:
		return sight{note: fmt.Sprintf("CUDA_VISIBLE_DEVICES=%q shows the work no GPU", clip(v))}
	case numbers && !byBus && len(index) < len(s.index) && mixed(devices, s.index):
		s.note = fmt.Sprintf("CUDA_VISIBLE_DEVICES=%q counts the fastest GPU first, an order that the driver does not report: all are read (set CUDA_DEVICE_ORDER=PCI_BUS_ID)", clip(v))
		return s
	}
	slices.Sort(index)
	s.index = index
	return s
}

// leading reads the number that an entry begins with, as CUDA does.
func leading(item string) (int, bool) {
	end := 0
	for end < len(item) && item[end] >= '0' && item[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(item[:end])
	return n, err == nil
}

// byName finds the GPU of a UUID, of the one that begins so, or of a MIG
// instance: its UUID, or in drivers before 470 its GPU's, instance and compute
// instance. It is below 0, with an error, if there is none or more than one.
func byName(name string, devices []device) (int, error) {
	found := -1
	if rest, ok := strings.CutPrefix(name, "MIG-GPU-"); ok {
		uuid, _, _ := strings.Cut(rest, "/")
		name = "GPU-" + uuid
	}
	for i := range devices {
		d := &devices[i]
		hit := strings.HasPrefix(name, "GPU-") && strings.HasPrefix(d.uuid, name)
		for _, s := range d.slices {
			hit = hit || strings.HasPrefix(name, "MIG-") && s.uuid == name
		}
		if !hit {
			continue
		}
		if found >= 0 {
			return -1, fmt.Errorf("%q names more than one GPU", name)
		}
		found = i
	}
	if found < 0 {
		return -1, fmt.Errorf("%q names no GPU", name)
	}
	return found, nil
}

// mixed reports whether some of the GPUs are of another model than the rest, so
// that their speed orders them.
func mixed(devices []device, index []int) bool {
	for _, i := range index[1:] {
		if devices[i].name != devices[index[0]].name {
			return true
		}
	}
	return false
}

// clip shortens a variable for a message: it may hold anything.
func clip(v string) string {
	if len(v) > 64 {
		return v[:64] + "…"
	}
	return v
}
