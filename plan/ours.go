package plan

import (
	"fmt"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
)

// unknownGPU is the rated power that stands for a GPU of no table, in W: between a T4 (70)
// and a B200 (1000). Its band is as wide as those.
const (
	unknownGPU    = 300.0
	unknownFactor = 3.5 // also of the cores of a CPU that nothing is known of
	unknownSource = "default"
)

// laptopGPU stands for a laptop's GPU, in W: the laptop sets its power, from 35 to 175
// (NVIDIA's comparison of GeForce laptops, Dynamic Boost included, 2026).
const laptopGPU = 100.0

// sliceFactor widens the band of a slice of a GPU (MIG): its compute tells its part of the
// board's power, but neither what it has of the memory nor who pays for what is idle.
const sliceFactor = 1.5

// unknownCores stand for those of a CPU of no table, where they are not given either:
// about the middle of today's desktops and servers, 4 to 64.
const unknownCores = 16

// ours is this project's model.
func (m *maker) ours() {
	switch {
	case m.Watts != nil:
		m.ownWatts()
	case m.GPU != "":
		g, _ := m.gpu() // the default stands in
		m.devices("gpu", g.Name, g.power(m.usage))
	}
	if m.instance != nil {
		m.instanceCPU()
	}
	if m.CPU != "" || m.Cores > 0 {
		m.cpu()
	}
	if m.gb > 0 {
		m.e.input("memory", m.Memory, m.of(given))
		m.whole("memory", m.Memory, memoryPower(m.gb, m.usage))
	}
	if m.GPU != "" && m.CPU == "" && m.Cores == 0 && m.instance == nil {
		m.e.Notes = append(m.e.Notes, "host CPU and memory not included: add --cpu and --memory")
	}
}

// power is that of one GPU, or of its slice, in use by a job. A slice has its part of it,
// give or take, and the board at most.
func (g GPU) power(usage float64) Range {
	r := rangeOf(estimate.GPUPower(energy.Watts(g.Watts), usage, estimate.GPUIdlePart(g.Name, true)))
	if g.Source == unknownSource {
		r.Low, r.High = r.Low/unknownFactor, g.Watts*unknownFactor
	}
	if g.Part > 0 && g.Part < 1 {
		board := r.High
		r = ofSlice(r.Times(g.Part))
		r.High = min(r.High, board)
	}
	return r
}

func ofSlice(r Range) Range { return Range{r.Low / sliceFactor, r.Expected, r.High * sliceFactor} }

// memoryPower is that of so many GB at a busy fraction of the CPUs.
func memoryPower(gb, usage float64) Range {
	return rangeOf(estimate.MemoryPower(gb*1e9/(1<<30), usage))
}

// cpu adds the CPU of each node, or some of its cores.
func (m *maker) cpu() {
	model := estimate.Describe(estimate.Chip{Name: m.CPU})
	name, source := model.Name, "table of CPUs"
	all := rangeOf(model.Range(m.usage, 1))
	switch cores := estimate.CoresOf(m.CPU); {
	case model.How == estimate.Unknown && cores > 0: // of a kind whose power is not published
		source = "default"
		if m.Cores > 0 {
			m.moreCores(name, float64(cores))
			all = all.Times(m.Cores / float64(cores))
		}
	case model.How == estimate.Unknown:
		one := all.Times(2 / float64(model.Threads)) // a core is two threads
		node, text := one.Times(m.Cores), number(one.Expected)+" W a core"
		if m.Cores == 0 {
			node = unknownWide(one.Times(unknownCores))
			text += fmt.Sprintf(" for %d cores (set --cores)", unknownCores)
		}
		all, source = node, "default"
		if m.CPU == "" {
			m.e.Notes = append(m.e.Notes, "no CPU named: a default of "+text+" is used")
		} else {
			m.unknownCPU(text)
		}
	case model.How == estimate.ByClass:
		source = "default"
		m.unknownCPU(number(model.TDP.Watts()) + " W TDP, usual for its kind,")
		if m.Cores > 0 {
			m.e.Notes = append(m.e.Notes, "the cores of "+name+" are not known: the whole CPU is counted")
		}
	case m.Cores > 0 && cores > 0:
		m.moreCores(name, float64(cores))
		all = all.Times(m.Cores / float64(cores))
	case m.Cores > 0:
		m.e.Notes = append(m.e.Notes, "the cores of "+name+" are not known: the whole CPU is counted")
	}
	if model.How == estimate.ByMicroarchitecture {
		source = "table of microarchitectures"
	}
	m.standIn(model)
	what := name
	if m.Cores > 0 {
		what += fmt.Sprintf(", %s cores", exact(m.Cores))
	}
	m.e.input("cpu", what, source)
	m.whole("cpu", name, all)
}

// moreCores says that a job has more cores than one of its CPUs; has is 0 where that is
// not known.
func (m *maker) moreCores(name string, has float64) {
	if has > 0 && m.Cores > has {
		m.e.Notes = append(m.e.Notes, fmt.Sprintf("%s has %s cores: %s count as %s of it in a node", name, exact(has), exact(m.Cores), number(m.Cores/has)))
	}
}

// standIn says whose figures are used for a CPU that has none of its own.
func (m *maker) standIn(model estimate.Model) {
	for _, n := range model.Notes {
		switch {
		case n.Code == "cpu-generic":
			m.e.Notes = append(m.e.Notes, fmt.Sprintf("%v: using the figures of the %s", &UnknownError{"CPU", m.CPU, nearCPUs(m.CPU)}, model.SKU))
		case n.Code == "cpu-sibling", n.Code == "cpu-unknown" && estimate.CoresOf(m.CPU) > 0:
			m.e.Notes = append(m.e.Notes, n.Text)
		}
	}
}

// unknownWide is the band of a CPU whose cores are not known.
func unknownWide(r Range) Range {
	return Range{r.Low / unknownFactor, r.Expected, r.High * unknownFactor}
}

// rangeOf are powers as plain numbers.
func rangeOf(low, expected, high energy.Power) Range {
	return Range{low.Watts(), expected.Watts(), high.Watts()}
}

// embody adds what making the machines emitted, by the time that the job has them.
func (m *maker) embody(times float64) error {
	if m.EmbodiedKg == 0 {
		return nil
	}
	perHour, err := EmbodiedPerHour(m.EmbodiedKg, m.Lifetime)
	if err != nil {
		return err
	}
	hours := m.Hours
	if hours == 0 {
		hours = m.DeviceHours
		m.e.Notes = append(m.e.Notes, "embodied: each device counts as a node, as device-hours do not tell how many share one")
	}
	m.e.Embodied = perHour * m.nodes * hours * orOne(m.PSF) * times
	source := given
	if m.embodiedSource != "" {
		source = m.embodiedSource
	}
	m.e.input("embodied", fmt.Sprintf("%s kg a node over %s", exact(m.EmbodiedKg), m.Lifetime), source)
	return nil
}

// EmbodiedPerHour spreads the kilograms that making a machine emitted over its life, such
// as "4y": grams an hour of its use.
func EmbodiedPerHour(kg float64, life string) (grams float64, err error) {
	if !(kg > 0 && kg <= 1e7) {
		return 0, fmt.Errorf("embodied-kg: must be above 0 and at most 1e7, not %g", kg)
	}
	hours, err := lifetime(life)
	return kg * 1000 / hours, err
}
