package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/rapl"
	"github.com/carbonctl/carbonctl/report"
)

// counterRow is one RAPL zone and what becomes of it.
type counterRow struct {
	Path      string `json:"path"`
	Name      string `json:"name"`
	Component string `json:"component"` // "" if it is none
	Status    string `json:"status"`
	Reason    string `json:"reason"` // "" where the status says it
}

// model is how power is modelled where nothing counts.
type model struct {
	CPU         string  `json:"cpu"`
	How         string  `json:"how"`
	SKU         string  `json:"sku"`
	TDPWatts    float64 `json:"tdp_w"`
	Threads     int     `json:"threads"`
	Virtual     bool    `json:"virtual"`
	IdleWatts   float64 `json:"idle_w"`
	MaxWatts    float64 `json:"max_w"`
	Band        float64 `json:"band"`
	Clock       bool    `json:"clock"`
	MemoryGiB   float64 `json:"memory_gib"`
	MemoryIdleW float64 `json:"memory_idle_w"`
	MemoryMaxW  float64 `json:"memory_max_w"`
	Notes       []note  `json:"notes"`
}

type note struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// inventory is what devices answers.
type inventory struct {
	Host     footprint.Host `json:"host"`
	Counters []counterRow   `json:"counters"`
	// CounterState is "read", or why no counter is: a warning's code.
	CounterState string   `json:"counter_state"`
	CounterError string   `json:"counter_error"`
	Model        *model   `json:"model"`
	ModelError   string   `json:"model_error"`
	GPUs         []string `json:"gpus"`
	Fix          []string `json:"fix"`
	Settings     []value  `json:"settings"`
	Problems     []string `json:"problems"`
}

func (a *app) devices() *cobra.Command {
	var asJSON bool
	var root string
	cmd := &cobra.Command{
		Use:     "devices",
		Aliases: []string{"doctor"},
		Short:   "Say what this machine can measure, and what would change it",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := machine(root); err != nil {
				return err
			}
			c, err := configure(cmd.Flags())
			if err != nil {
				return err
			}
			inv := look(os.DirFS(root), c)
			if asJSON {
				err = printJSON(a.out, inv)
			} else {
				a.printInventory(inv)
			}
			if err == nil && len(inv.Problems) > 0 {
				err = &exitError{code: exitUsage} // it stands in the settings
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().StringVar(&root, "root", "/", rootUsage)
	addSettings(cmd)
	return cmd
}

func look(root fs.FS, c *config) inventory {
	inv := inventory{
		Host: carbon.LocalHost(root), Counters: []counterRow{}, GPUs: []string{}, Fix: []string{},
		Settings: effective(c), Problems: []string{},
	}
	for _, p := range c.problems {
		inv.Problems = append(inv.Problems, p.Error())
	}
	zones, err := rapl.Inspect(root)
	inv.CounterState = "read"
	for _, z := range zones {
		row := counterRow{Path: z.Path, Name: z.Name, Component: z.Component.ID, Status: string(z.Status)}
		switch {
		case z.Err != nil:
			row.Reason = z.Err.Error()
		case z.Of != "":
			row.Reason = "read by way of " + z.Of
		case z.Component.Within != "":
			row.Reason = "inside " + z.Component.Within
		}
		inv.Counters = append(inv.Counters, row)
	}
	if err != nil {
		inv.CounterError = err.Error()
		inv.CounterState = counterState(err)
	}
	inv.Fix = append(inv.Fix, fixes(inv.CounterState)...)
	m, err := estimate.Open(root)
	if err != nil {
		inv.ModelError = err.Error()
	}
	if m != nil {
		inv.Model = modelOf(m.Model())
		_ = m.Close()
	}
	gpus, _ := fs.ReadDir(root, "proc/driver/nvidia/gpus")
	for _, g := range gpus {
		inv.GPUs = append(inv.GPUs, g.Name())
	}
	return inv
}

func counterState(err error) string {
	switch {
	case errors.Is(err, rapl.ErrMasked):
		return footprint.CounterMasked
	case errors.Is(err, fs.ErrPermission):
		return footprint.NoPermission
	case errors.Is(err, energy.ErrUnavailable):
		return footprint.NoCounter
	}
	return footprint.ReadFault
}

// fixes gives the commands that would make counters readable, with the least
// privilege that does.
func fixes(state string) []string {
	switch state {
	case footprint.NoPermission:
		return []string{
			`sudo groupadd --force energy && sudo usermod --append --groups energy "$USER"`,
			`echo 'SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chgrp energy /sys%p/energy_uj", RUN+="/bin/chmod 0440 /sys%p/energy_uj"' | sudo tee /etc/udev/rules.d/70-carbonctl.rules`,
			`sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=powercap --action=add`,
			`newgrp energy`,
		}
	case footprint.CounterMasked:
		return []string{`docker run -v /proc:/host/proc:ro -v /sys:/host/sys:ro … carbonctl wrap --root /host -- CMD`}
	}
	return nil
}

// fixNote says what a fix opens, or why there is none.
func fixNote(state string, virtual bool) string {
	switch {
	case state == footprint.NoPermission:
		return "Whoever is in that group can read how much energy the processor uses, a thousand times a second, and may learn secrets of other processes from it (PLATYPUS, CVE-2020-8694)."
	case state == footprint.CounterMasked:
		return "Container runtimes hide the counters, since they may tell secrets of other tenants (PLATYPUS, CVE-2020-8694). The mounts above show the whole of the host's /proc and /sys, read only."
	case state == footprint.NoCounter && virtual:
		return "A virtual machine has no counters of its own; only the host could pass its on. The model is used."
	case state == footprint.NoCounter:
		return "The kernel shows no counters. On Intel and AMD they need its module: sudo modprobe intel_rapl_msr"
	}
	return ""
}

func modelOf(m estimate.Model) *model {
	d := &model{
		CPU: m.Name, How: string(m.How), SKU: m.SKU, TDPWatts: m.TDP.Watts(), Threads: m.Threads, Virtual: m.Virtual,
		IdleWatts: m.Idle.Watts(), MaxWatts: m.Max.Watts(), Band: m.Band, Clock: m.Clock,
		MemoryGiB: m.MemoryGiB, MemoryIdleW: m.MemoryIdle.Watts(), MemoryMaxW: m.MemoryMax.Watts(), Notes: []note{},
	}
	for _, n := range m.Notes {
		d.Notes = append(d.Notes, note{n.Code, n.Text})
	}
	return d
}

// effective lists every setting, those that nobody set as well.
func effective(c *config) []value {
	defaults := map[string]string{
		"region": "the world's mean", "intensity": "from the region", "pue": "1, not given", "interval": c.every.String(),
		"charge": "machine, or process where a limit shows that the machine is shared", "project": "", "label": "", "ledger": c.ledger,
	}
	var all []value
	for _, s := range settings() {
		v := value{s.key, defaults[s.key], "default"}
		for _, set := range c.values {
			if set.Key == s.key {
				v = set
			}
		}
		all = append(all, v)
	}
	return all
}

func (a *app) printInventory(inv inventory) {
	var p report.Page
	h := inv.Host
	kind := "a physical machine"
	if h.Virtual {
		kind = "a virtual machine"
	}
	p.Title("machine")
	p.Row("host", "%s, %s, %s", h.Name, h.OS, kind)
	p.Row("cpu", "%s, %d threads", strings.TrimSpace(h.CPUModel), h.CPUThreads)
	p.Row("memory", "%s", report.Bytes(h.MemoryBytes))

	p.Title("counters of CPU and memory (RAPL)")
	if inv.CounterState != "read" {
		p.Row("none", "%s", inv.CounterError)
	}
	for _, c := range inv.Counters {
		text := c.Status
		switch {
		case strings.HasPrefix(c.Reason, c.Status): // inside: inside package-0
			text = c.Reason
		case c.Reason != "":
			text += ": " + c.Reason
		}
		name := c.Component
		if name == "" {
			name = c.Name
		}
		p.Row(name, "%s (%s)", text, c.Path)
	}
	for _, f := range inv.Fix {
		p.Code(f)
	}
	if note := fixNote(inv.CounterState, h.Virtual); note != "" {
		p.Note(note)
	}

	p.Title("model, where no counter is read")
	if m := inv.Model; m != nil {
		p.Row("cpu", "%s, recognised by %s: %s idle to %s at full load, for %d threads", m.CPU, m.How,
			report.Power(energy.Watts(m.IdleWatts)), report.Power(energy.Watts(m.MaxWatts)), m.Threads)
		p.Row("", "9 machines of 10 lie within ÷ %.3g and × %.3g of that", m.Band, m.Band)
		p.Row("memory", "%.3g GiB: %s to %s", m.MemoryGiB, report.Power(energy.Watts(m.MemoryIdleW)), report.Power(energy.Watts(m.MemoryMaxW)))
		for _, n := range m.Notes {
			p.Row("note", "%s", n.Text)
		}
	} else {
		p.Row("none", "%s", inv.ModelError)
	}

	p.Title("GPUs")
	if len(inv.GPUs) == 0 {
		p.Row("none", "no NVIDIA driver shows any")
	}
	for _, g := range inv.GPUs {
		p.Row(g, "is there, and this version does not count it")
	}

	p.Title("settings")
	for _, s := range inv.Settings {
		p.Row(s.Key, "%s (%s)", cmp.Or(s.Value, "none"), s.Origin)
	}
	for _, s := range inv.Problems {
		p.Row("problem", "%s", s)
	}
	_, _ = p.WriteTo(a.out)
}
