package plan

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/carbonctl/carbonctl/estimate"
)

const instanceTable = "table of instances"

// checkInstance returns what an instance type leaves no place for.
func (a Ask) checkInstance() error {
	switch {
	case a.Instance == "":
		return nil
	case a.CPU != "" || a.Cores > 0 || a.Memory != "" || a.Watts != nil:
		return errors.New("instance has its CPU and memory: leave cpu, cores, memory and watts out")
	case a.DeviceHours > 0:
		return errors.New("device-hours are those of GPUs or of watts: give hours for an instance")
	}
	return nil
}

// takeInstance fills in what an instance type has. One whose GPUs the table lacks needs
// them named.
func (m *maker) takeInstance() error {
	if m.Instance == "" {
		return nil
	}
	in, err := estimate.FindInstance(m.Instance)
	switch {
	case errors.Is(err, estimate.ErrUnknownGPUs) && m.GPU == "":
		return fmt.Errorf("instance: GPUs or accelerators of %s not known: name them with gpu and count", in.Name)
	case errors.Is(err, estimate.ErrUnknownGPUs):
	case errors.Is(err, estimate.ErrUnknownInstance):
		var near []string
		if n := estimate.NearInstance(m.Instance); n != "" {
			near = []string{n}
		}
		return fmt.Errorf("instance: %w", &UnknownError{"instance type", m.Instance, near})
	case err != nil:
		return fmt.Errorf("instance: %w", err)
	case m.GPU != "" || m.Count > 0:
		return fmt.Errorf("instance: GPUs of %s are known: leave gpu and count out", in.Name)
	default:
		m.GPU, m.Count = in.GPU, float64(in.GPUs)
	}
	m.instance, m.ownGPUs = &in, errors.Is(err, estimate.ErrUnknownGPUs)
	m.Memory = strconv.FormatFloat(in.MemoryGiB, 'f', -1, 64) + " GiB"
	m.gb = in.MemoryGiB * (1 << 30) / 1e9
	m.e.input("instance", in.Name, given)
	if m.Lifetime != "" && m.EmbodiedKg == 0 {
		if in.EmbodiedKg == 0 {
			return fmt.Errorf("instance: embodied emissions of %s not known: give embodied-kg", in.Name)
		}
		m.EmbodiedKg, m.embodiedSource = in.EmbodiedKg, instanceTable
	}
	for _, n := range in.Model.Notes {
		if n.Code == "instance-cpu" || n.Code == "instance-mix" || n.Code == "cpu-unknown" {
			m.e.Notes = append(m.e.Notes, n.Text)
		}
	}
	return nil
}

// instanceCPU adds the CPUs of an instance by our model.
func (m *maker) instanceCPU() {
	in := m.instance
	m.e.input("cpu", fmt.Sprintf("%s, %d vCPUs", in.Model.Name, in.VCPUs), instanceTable)
	m.whole("cpu", in.Model.Name, rangeOf(in.Model.Range(m.usage, 1)))
}

// ratedCPU adds them by their TDP, as Green Algorithms does: two vCPUs are a core.
func (m *maker) ratedCPU() {
	in := m.instance
	one, name := gaCore/2, "any CPU"
	if threads := in.Model.SKUThreads; in.Model.TDP > 0 && threads > 0 {
		one, name = in.Model.TDP.Watts()/float64(threads)*float64(in.Model.PerThread), in.Model.Name
		m.ourTable(GreenAlgorithms)
	}
	m.e.input("cpu", fmt.Sprintf("%s, %d vCPUs of %s W", name, in.VCPUs, number(one)), instanceTable)
	m.whole("cpu", name, Exactly(one*float64(in.VCPUs)*m.usage))
}

// onlyGPUs leaves CPU and memory out, for a formula that knows neither.
func (m *maker) onlyGPUs() error {
	if m.instance == nil {
		return nil
	}
	if m.GPU == "" {
		return fmt.Errorf("%s knows GPUs alone, and %s has none", MLCO2, m.instance.Name)
	}
	m.gb = 0
	m.e.Notes = append(m.e.Notes, "CPU and memory of "+m.instance.Name+" not included")
	return nil
}
