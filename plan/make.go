package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/internal/nearest"
)

// Estimate says what a job uses and emits on a grid, by a method. A pue of 0 is that of
// the grid, and where that has none 1; ML CO2 Impact has no PUE.
func (a Ask) Estimate(method Method, grid Grid, pue float64) (Estimate, error) {
	if err := a.check(); err != nil {
		return Estimate{}, err
	}
	gb, err := gigabytes(a.Memory)
	if err != nil {
		return Estimate{}, err
	}
	times, of, err := repeats(a.Repeat)
	if err != nil {
		return Estimate{}, err
	}
	m := maker{Ask: a, gb: gb, e: Estimate{Method: method}}
	m.usage, m.nodes = value(a.Usage, 1), orOne(a.Nodes)
	if err := m.takeInstance(); err != nil {
		return Estimate{}, err
	}
	switch method {
	case Ours:
		m.ours()
	case MLCO2:
		err = m.mlco2()
	case GreenAlgorithms:
		err = m.greenAlgorithms()
	default:
		err = fmt.Errorf("unknown method %.40q: use %s, %s or %s", method, Ours, MLCO2, GreenAlgorithms)
	}
	if err != nil {
		return Estimate{}, err
	}
	e := &m.e
	m.describe(of)
	pue = e.choosePUE(method, grid, pue)
	e.input("intensity", exact(grid.PerKWh)+" g/kWh", grid.Source)
	e.finish(pue, grid.PerKWh, orOne(a.PSF)*times)
	if e.Energy.High > mostKWh {
		return Estimate{}, fmt.Errorf("%.3g kWh in all, and a plan has at most %.0e: check count, nodes, time, psf and repeat", e.Energy.Expected, mostKWh)
	}
	switch method {
	case MLCO2:
		e.Published = mlco2Page(e.Energy.Expected, grid.PerKWh)
	case GreenAlgorithms:
		e.Published = gaPage(e.Energy.Expected, e.Grams.Expected)
	}
	return *e, m.embody(times)
}

// mostKWh is a thirtieth of the world's electricity in a year.
const mostKWh = 1e12

// choosePUE says which PUE counts, and whose it is.
func (e *Estimate) choosePUE(method Method, grid Grid, pue float64) float64 {
	source := given
	switch {
	case method == MLCO2:
		if pue > 1 {
			e.Notes = append(e.Notes, "ML CO2 Impact has no PUE: the one given does not count")
		}
		return 1
	case pue == 0 && grid.PUE == 0:
		pue, source = 1, "default: set --pue"
	case pue == 0:
		pue, source = grid.PUE, grid.PUESource
	}
	e.input("pue", exact(pue), source)
	return pue
}

// maker makes one estimate.
type maker struct {
	Ask
	gb           float64
	usage, nodes float64
	e            Estimate

	instance       *estimate.Instance // nil: none was named
	ownGPUs        bool               // not those of the instance
	embodiedSource string             // "": as given
}

const ofYear = "the estimate is of a year"

// describe lists what was given besides devices.
func (m *maker) describe(of string) {
	number := func(name string, x float64) {
		if x > 0 {
			m.e.input(name, exact(x), given)
		}
	}
	number("hours", m.Hours)
	number("device-hours", m.DeviceHours)
	number("nodes", m.Nodes)
	switch {
	case m.Usage != nil:
		m.e.input("usage", exact(m.usage), given)
	case m.Watts == nil && m.e.Method != MLCO2:
		m.e.input("usage", "1", "default: set --usage")
	}
	number("psf", m.PSF)
	if m.Repeat != "" {
		m.e.input("repeat", m.Repeat, given)
	}
	if of != "" {
		m.e.Notes, m.e.Yearly = append(m.e.Notes, ofYear), true
	}
}

// deviceHours are hours of all GPUs, or of all devices of Watts.
func (m *maker) deviceHours() float64 {
	if m.DeviceHours > 0 {
		return m.DeviceHours
	}
	return m.Hours * orOne(m.Count) * m.nodes
}

// devices adds the GPUs, or the devices of Watts: one of them draws that much.
func (m *maker) devices(kind, name string, one Range) {
	h := m.deviceHours()
	count := h / m.Hours
	if m.Hours == 0 {
		count = 1
	}
	m.e.Parts = append(m.e.Parts, Part{kind, name, one.Times(count), one.Times(h / 1000)})
}

// whole adds CPUs or memory of all nodes: those of one draw that much.
func (m *maker) whole(kind, name string, node Range) {
	m.e.Parts = append(m.e.Parts, Part{kind, name, node.Times(m.nodes), node.Times(m.nodes * m.Hours / 1000)})
}

// ownWatts adds what the user gave, as in all methods.
func (m *maker) ownWatts() {
	m.e.input("watts", exact(*m.Watts), given)
	m.count()
	m.devices("device", "as given", Exactly(*m.Watts*m.usage))
}

// mlco2 is rated power × device-hours.
func (m *maker) mlco2() error {
	if err := m.onlyGPUs(); err != nil {
		return err
	}
	switch {
	case m.CPU != "" || m.Cores > 0 || m.gb > 0:
		return fmt.Errorf("%s knows one device and no memory: give gpu or watts alone", MLCO2)
	case m.Usage != nil:
		return fmt.Errorf("%s counts the rated power at all times: leave usage out", MLCO2)
	case m.Watts != nil:
		m.ownWatts()
		return nil
	}
	g, err := m.gpu()
	if err != nil {
		return err
	}
	m.devices("gpu", g.Name, Exactly(g.Watts*g.Part))
	m.ourTable(MLCO2)
	return nil
}

// The figures of Green Algorithms 3.0 (2025-02): memory in W per GB, and what stands for
// a device that it does not know.
const (
	gaMemory = 0.3725
	gaCore   = 12.0  // W
	gaGPU    = 200.0 // W
)

func (m *maker) greenAlgorithms() error {
	switch {
	case m.Watts != nil:
		m.ownWatts()
	case m.GPU != "":
		g, err := m.gpu()
		if err != nil {
			return err
		}
		m.devices("gpu", g.Name, Exactly(g.Watts*g.Part*m.usage))
		m.ourTable(GreenAlgorithms)
	}
	if m.instance != nil {
		m.ratedCPU()
	}
	if m.CPU != "" || m.Cores > 0 {
		one, name := gaCore, "any CPU"
		cores := float64(estimate.CoresOf(m.CPU))
		tdp := estimate.TDPOf(m.CPU)
		if tdp > 0 && cores > 0 {
			one, name = tdp.Watts()/cores, m.CPU
			m.standIn(estimate.Describe(estimate.Chip{Name: m.CPU}))
			m.ourTable(GreenAlgorithms)
		} else if m.CPU != "" {
			m.unknownCPU("12 W a core, that of Green Algorithms,")
		}
		if m.Cores > 0 {
			m.moreCores(name, cores)
			cores = m.Cores
		}
		if cores == 0 {
			return fmt.Errorf("cpu: %.40q is in no table: give cores", m.CPU)
		}
		m.e.input("cpu", fmt.Sprintf("%s, %s cores of %s W", name, exact(cores), number(one)), "table of CPUs")
		m.whole("cpu", name, Exactly(one*cores*m.usage))
	}
	if m.gb > 0 {
		m.e.input("memory", m.Memory, m.of(given))
		m.whole("memory", m.Memory, Exactly(gaMemory*m.gb))
	}
	return nil
}

// ourTable says whose table a formula of others was fed from.
func (m *maker) ourTable(method Method) {
	name := map[Method]string{MLCO2: "ML CO2 Impact", GreenAlgorithms: "Green Algorithms"}[method]
	text := "the formula is that of " + name + ", the rated power from the table of carbonctl"
	if !slices.Contains(m.e.Notes, text) {
		m.e.Notes = append(m.e.Notes, text)
	}
}

// gpu finds the GPU, or the default of the method.
func (m *maker) gpu() (GPU, error) {
	board, part := SliceOf(m.GPU)
	g, near, ok := FindGPU(board)
	unknown := &UnknownError{"GPU", m.GPU, near}
	switch {
	case ok && len(g.Others) > 0:
		m.e.Notes = append(m.e.Notes, fmt.Sprintf("%q is taken as %s, %s W; also: %s", board, g.Name, number(g.Watts), list(g.Others, 6)))
	case !ok && m.e.Method == MLCO2:
		return g, fmt.Errorf("gpu: %w: or give watts", unknown)
	case !ok:
		g = GPU{Name: "unknown GPU", Watts: unknownGPU, Source: unknownSource}
		text := ""
		if laptop(board) {
			g.Name, g.Watts, text = "laptop GPU", laptopGPU, ", whose power the laptop sets"
		}
		if m.e.Method == GreenAlgorithms {
			g.Watts = gaGPU
		}
		m.e.Notes = append(m.e.Notes, fmt.Sprintf("%v%s: a default of %s W is used; set --watts to what it draws", unknown, text, number(g.Watts)))
	}
	source, what := "table of GPUs: "+g.Source, fmt.Sprintf("%s, %s W", g.Name, number(g.Watts))
	if !ok {
		source = g.Source
	}
	if g.Part = part; part < 1 {
		what += ", " + number(part) + " of it"
		m.e.Notes = append(m.e.Notes, fmt.Sprintf("a MIG slice counts as %s of its GPU's power, by its part of the compute", number(part)))
	}
	m.e.input("gpu", what, source)
	m.count()
	return g, nil
}

// of is where a figure of a node is from: the instance that was named, or else source.
func (m *maker) of(source string) string {
	if m.instance != nil {
		return instanceTable
	}
	return source
}

// count says how many devices a node has, unless device-hours hold that.
func (m *maker) count() {
	switch {
	case m.Count > 0 && m.ownGPUs:
		m.e.input("count", exact(m.Count), given)
	case m.Count > 0:
		m.e.input("count", exact(m.Count), m.of(given))
	case m.DeviceHours == 0:
		m.e.input("count", "1", "default")
	}
}

// UnknownError is a device that no table has.
type UnknownError struct {
	Kind, Name string
	Near       []string
}

func (e *UnknownError) Error() string {
	s := fmt.Sprintf("unknown %s %.60q", e.Kind, e.Name)
	if len(e.Near) > 0 {
		s += "; nearest: " + strings.Join(e.Near, ", ")
	}
	return s
}

// unknownCPU says that a name is in no table, and what stands in.
func (m *maker) unknownCPU(instead string) {
	m.e.Notes = append(m.e.Notes, fmt.Sprintf("%v: a default of %s is used", &UnknownError{"CPU", m.CPU, nearCPUs(m.CPU)}, instead))
}

// nearCPUs are names of the table that have the model number of a name that is not in it,
// or else the one that is most like it.
func nearCPUs(name string) (near []string) {
	for _, word := range strings.Fields(separators.Replace(strings.ToLower(name))) {
		if len(word) < 4 || !strings.ContainsAny(word, digits) {
			continue
		}
		for cpu := range estimate.CPUs() {
			if strings.Contains(cpu, word) && len(near) < 5 {
				near = append(near, cpu)
			}
		}
	}
	if len(near) > 0 {
		return near
	}
	if n := nearest.Of(name, estimate.CPUs()); n != "" {
		near = []string{n}
	}
	return near
}

func list(all []string, most int) string {
	if n := len(all) - most; n > 0 {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(all, ", ")
}

// number is a derived amount to four digits, and exact one as it was given; neither has
// an exponent.
func number(x float64) string {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 3, 64), 64)
	if err != nil { // of the largest alone
		y = x
	}
	return exact(y)
}

func exact(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
