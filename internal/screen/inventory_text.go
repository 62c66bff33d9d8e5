package screen

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// headline is the verdict in a line.
func (inv Inventory) headline() string {
	of := map[Origin][]string{}
	add := func(o Origin, what string) { of[o] = append(of[o], what) }
	add(inv.Verdict.CPU, "CPU")
	add(inv.Verdict.Memory, "memory")
	gpus, read, modelled := len(inv.GPUs), 0, ""
	reckoned := 0
	for _, g := range inv.GPUs {
		switch {
		case !g.Visible || g.Way == "":
		case g.Modelled:
			reckoned++
		default:
			read++
		}
	}
	some := func(n int) string {
		if n == gpus {
			return gpuCount(n)
		}
		return fmt.Sprintf("%d of %d GPUs", n, gpus)
	}
	if reckoned > 0 {
		modelled = some(reckoned) + " modelled"
	}
	switch {
	case read > 0:
		add(OfCounter, some(read))
	case reckoned > 0:
	case gpus > 0:
		add(Unread, gpuCount(gpus))
	default:
		add(inv.Verdict.GPU, "GPU")
	}
	var all []string
	if s := of[OfCounter]; len(s) > 0 {
		all = append(all, listed(s)+" measured")
	}
	if s := of[OfModel]; len(s) > 0 {
		all = append(all, fmt.Sprintf("%s modelled (%s)", listed(s), inv.Model.interval()))
	}
	if modelled != "" {
		all = append(all, modelled)
	}
	if s := of[Unread]; len(s) > 0 {
		all = append(all, listed(s)+" not read")
	}
	if s := of[Absent]; len(s) > 0 {
		all = append(all, "no "+strings.Join(s, ", no "))
	}
	text := strings.Join(all, "; ")
	return strings.ToUpper(text[:1]) + text[1:]
}

func gpuCount(n int) string {
	if n == 1 {
		return "GPU"
	}
	return fmt.Sprintf("%d GPUs", n)
}

// listed joins names: "CPU, memory and GPU".
func listed(s []string) string {
	if len(s) < 2 {
		return strings.Join(s, "")
	}
	return strings.Join(s[:len(s)-1], ", ") + " and " + s[len(s)-1]
}

// interval says how sure a model is.
func (m Model) interval() string {
	if m.Band == 2 {
		return "90 % interval: half to double"
	}
	return fmt.Sprintf("90 %% interval: ÷ %.3g to × %.3g", m.Band, m.Band)
}

// Text writes the inventory for a person: the verdict, what it rests on, and what
// would improve it; verbose adds each counter, the model's notes and all settings.
func (inv Inventory) Text(w io.Writer, verbose bool) error {
	inv.Settle() // of a copy: it may not have been yet
	p := layout.Page{Screen: inv.Screen}
	p.Headline(inv.headline())
	inv.components(&p)
	inv.improvements(&p, verbose)
	inv.given(&p, verbose)
	if verbose {
		inv.details(&p)
	} else {
		p.Title("more: --verbose (counters, model, all settings), --json")
	}
	_, err := p.WriteTo(w)
	return err
}

func (inv Inventory) components(p *layout.Page) {
	const state = "%-9s  %s"
	missing := inv.missing()
	m := inv.Model
	switch {
	case inv.Verdict.CPU == OfModel:
		p.Row("CPU", state, OfModel, fmt.Sprintf("%s, %s: %s", m.CPU, m.threads(), powers(m.IdleWatts, m.MaxWatts)))
		p.Row("", "%s", missing)
	case inv.Verdict.CPU == OfCounter:
		p.Row("CPU", state, OfCounter, inv.counters(energy.CPU))
	default:
		p.Row("CPU", state, "not read", inv.ModelError)
		p.Row("", "%s", missing)
	}
	switch {
	case inv.Verdict.Memory == OfModel && m.MemoryGiB == 0:
		p.Row("memory", state, OfModel, "in the CPU's figure, which is the whole board's")
	case inv.Verdict.Memory == OfModel:
		p.Row("memory", state, OfModel, fmt.Sprintf("%.3g GiB: %s", m.MemoryGiB, powers(m.MemoryIdleW, m.MemoryMaxW)))
	case inv.Verdict.Memory == OfCounter:
		p.Row("memory", state, OfCounter, inv.counters(energy.Memory))
	default:
		p.Row("memory", state, "not read", "its size is unknown")
	}
	inv.gpus(p, state)
	switch r := inv.Region; {
	case r.Zone == "" && r.PerKWh > 0:
		p.Row("region", state, "not set", fmt.Sprintf("world mean, %s g/kWh", format.Digits(r.PerKWh)))
	case r.Zone == "":
		p.Row("region", state, "not set", "")
	case r.PerKWh > 0:
		p.Row("region", state, r.Zone, strings.TrimPrefix(fmt.Sprintf("%s, %s g/kWh", r.Name, format.Digits(r.PerKWh)), ", "))
	default:
		p.Row("region", state, r.Zone, r.Name)
	}
}

func (inv Inventory) gpus(p *layout.Page, state string) {
	if len(inv.GPUs) == 0 {
		switch {
		case inv.GPUError != "":
			p.Row("GPU", state, "not read", inv.GPUError)
		default:
			p.Row("GPU", state, Absent, "no NVIDIA driver")
		}
		return
	}
	for _, g := range inv.GPUs {
		label := fmt.Sprintf("GPU %d", g.Index)
		switch {
		case !g.Visible:
			p.Row(label, state, "hidden", g.Name+", by the environment (CUDA_VISIBLE_DEVICES or NVIDIA_VISIBLE_DEVICES)")
		case g.Way == "":
			p.Row(label, state, "not read", g.Name+": "+g.Error)
		case g.Modelled:
			p.Row(label, state, OfModel, fmt.Sprintf("%s, by %s, ÷ %.2g to × %.2g", g.Name, g.Way, 1/g.BandLow, g.BandHigh))
		default:
			p.Row(label, state, OfCounter, fmt.Sprintf("%s, by %s", g.Name, g.Way))
		}
	}
	if inv.GPUError != "" {
		p.Row("", "%s", inv.GPUError)
	}
}

// counters names those that are read of a kind.
func (inv Inventory) counters(k energy.Kind) string {
	var names []string
	for _, c := range inv.Counters {
		if c.Kind == k && c.Status == "counted" {
			names = append(names, c.Component)
		}
	}
	if n := len(names); n > 4 {
		return fmt.Sprintf("%d RAPL counters", n)
	}
	return "RAPL: " + strings.Join(names, ", ")
}

// missing says in a few words why the CPU is not measured.
func (inv Inventory) missing() string {
	switch inv.CounterState {
	case footprint.NoPermission:
		return "RAPL counters: permission denied"
	case footprint.CounterMasked:
		return "RAPL counters: masked by the container runtime"
	case footprint.NoCounter:
		return "no RAPL counters in this " + inv.kind()
	}
	if slices.ContainsFunc(inv.Counters, func(c EnergyCounter) bool { return c.Status == "dead" }) {
		return "RAPL counters do not move (firmware, or a virtual machine)"
	}
	return "no usable RAPL counters in this " + inv.kind()
}

// kind is what sort of machine it is.
func (inv Inventory) kind() string {
	switch {
	case inv.Container && inv.Host.Virtual:
		return "container on a virtual machine"
	case inv.Container:
		return "container"
	case inv.Host.Virtual:
		return "virtual machine"
	}
	return "machine"
}

func (m Model) threads() string {
	what := format.Plural(m.Threads, "thread", "threads")
	if m.Virtual {
		what = format.Plural(m.Threads, "vCPU", "vCPUs")
	}
	return fmt.Sprintf("%d %s", m.Threads, what)
}

// powers shows a range of watts in one unit, with the two digits that a model has.
func powers(idle, most float64) string {
	two := func(x float64) string {
		if x >= 10 {
			x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 2, 64), 64)
			return strconv.FormatFloat(x, 'f', 0, 64)
		}
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
	return fmt.Sprintf("%s to %s W", two(idle), two(most))
}

// improvements are commands, or why there are none.
func (inv Inventory) improvements(p *layout.Page, verbose bool) {
	region := inv.Region.Zone == ""
	if len(inv.Fix) == 0 && inv.FixNote == "" && !region {
		return
	}
	p.Title("to improve")
	if len(inv.Fix) > 0 || inv.FixNote != "" {
		note, more, _ := strings.Cut(inv.FixNote, "\n")
		if p.Row("counters", "%s", note); verbose && more != "" {
			p.Row("", "%s", more)
		}
		for _, f := range inv.Fix {
			p.Code(f)
		}
	}
	if inv.Calibrate != "" {
		p.Row("or", "%s", inv.CalibrateNote)
		p.Code(inv.Calibrate)
	}
	if region {
		p.Row("region", "--region FR for one run; region = \"FR\" in config.toml for all")
		if inv.Region.Hint != "" {
			p.Row("", "%s", inv.Region.Hint)
		}
		p.Code("carbonctl config init")
	}
}

// given shows the settings that are not as built in, or all.
func (inv Inventory) given(p *layout.Page, verbose bool) {
	var keys, values []string
	add := func(key, value string) { keys, values = append(keys, key), append(values, value) }
	for _, s := range inv.Settings {
		if verbose || s.Origin != "default" {
			add(s.Key, fmt.Sprintf("%s (%s)", cmp.Or(s.Value, "none"), s.Origin))
		}
	}
	for _, s := range inv.Problems {
		add("problem", s)
	}
	if len(keys) == 0 {
		return
	}
	p.Title("settings")
	width := layout.Indent - 3
	for _, k := range keys {
		width = max(width, format.Columns(k))
	}
	for i, k := range keys {
		p.Lead(fmt.Sprintf("  %-*s ", width, k), values[i])
	}
}

// details are for whoever wants to know why.
func (inv Inventory) details(p *layout.Page) {
	h := inv.Host
	p.Title("machine")
	p.Row("host", "%s, %s, %s", h.Name, h.OS, inv.kind())
	p.Row("CPU", "%s, %d threads", strings.TrimSpace(h.CPUModel), h.CPUThreads)
	p.Row("memory", "%s", format.Bytes(h.MemoryBytes))

	p.Title("counters (RAPL)")
	if len(inv.Counters) == 0 {
		p.Row("none", "%s", inv.CounterError)
	}
	for _, c := range inv.Counters {
		label := c.Component
		if label == "" {
			label = format.NameText(c.Name)
		}
		p.Row(label, "%s: %s (%s)", c.Status, c.Reason, c.Path)
	}

	p.Title("model")
	if m := inv.Model; m != nil {
		p.Row("CPU", "%s, recognised by %s: %s idle to %s at full load, %s", m.CPU, m.How,
			format.Power(energy.Watts(m.IdleWatts)), format.Power(energy.Watts(m.MaxWatts)), m.threads())
		p.Row("", "%s", m.interval())
		p.Row("memory", "%.3g GiB: %s to %s", m.MemoryGiB, format.Power(energy.Watts(m.MemoryIdleW)), format.Power(energy.Watts(m.MemoryMaxW)))
		for _, n := range m.Notes {
			p.Row("note", "%s", n.Text)
		}
	} else {
		p.Row("none", "%s", inv.ModelError)
	}

	for _, g := range inv.GPUs {
		p.Title(fmt.Sprintf("GPU %d", g.Index))
		p.Row("name", "%s", g.Name)
		p.Row("UUID", "%s", g.UUID)
		if g.Way != "" {
			p.Row("read by", "%s, updated at least every %s", g.Way, format.Duration(time.Duration(g.Resolution*float64(time.Second))))
		}
		for _, m := range g.Missing {
			p.Row("missing", "%s", m)
		}
		for _, n := range g.Notes {
			p.Row("note", "%s", n)
		}
	}
}
