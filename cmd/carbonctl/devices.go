package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/nvml"
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

// gpuRow is one GPU and how it is read.
type gpuRow struct {
	Index      int      `json:"index"`
	UUID       string   `json:"uuid"`
	Name       string   `json:"name"`
	Driver     string   `json:"driver"`
	Visible    bool     `json:"visible"`
	Way        string   `json:"way"` // "" if it can't be read
	Resolution float64  `json:"resolution_s"`
	LimitWatts float64  `json:"limit_w"`
	Missing    []string `json:"missing"`
	Notes      []string `json:"notes"`
	Error      string   `json:"error"`
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
	// CounterState is "read" if all is read that could be wanted, else a warning's
	// code that says what is in the way.
	CounterState string         `json:"counter_state"`
	CounterError string         `json:"counter_error"`
	Model        *model         `json:"model"`
	ModelError   string         `json:"model_error"`
	GPUs         []gpuRow       `json:"gpus"`
	GPUError     string         `json:"gpu_error"` // why there are none, or what else went wrong
	Fix          []string       `json:"fix"`
	FixNote      string         `json:"fix_note"`
	Settings     []config.Value `json:"settings"`
	Problems     []string       `json:"problems"`
}

func (a *app) devices() *cobra.Command {
	var asJSON bool
	var root string
	var watch time.Duration
	var library string
	cmd := &cobra.Command{
		Use:     "devices",
		Aliases: []string{"doctor"},
		Short:   "Show what this machine can measure, and how to enable the rest",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := machine(root); err != nil {
				return err
			}
			c, err := configure(cmd.Flags())
			if err != nil {
				return err
			}
			c.locate(os.DirFS(root))
			inv := look(cmd.Context(), os.DirFS(root), watch, libraryPath(library), c)
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
	cmd.Flags().DurationVar(&watch, "watch", 50*time.Millisecond, "sample the counters for this `TIME` to detect stuck ones")
	cmd.Flags().StringVar(&library, "nvml-library", "", nvmlUsage)
	addSettings(cmd)
	return cmd
}

func look(ctx context.Context, root fs.FS, watch time.Duration, library string, c *settings) inventory {
	host, _ := about.Host(root)
	inv := inventory{
		Host: host, Counters: []counterRow{}, GPUs: []gpuRow{}, Fix: []string{},
		Settings: effective(c), Problems: []string{},
	}
	for _, p := range c.Problems {
		inv.Problems = append(inv.Problems, p.Error())
	}
	zones, err := rapl.Watch(ctx, root, watch)
	for _, z := range zones {
		inv.Counters = append(inv.Counters, counterRow{
			Path: z.Path, Name: z.Name, Component: z.Component.ID, Status: string(z.Status), Reason: reason(z),
		})
	}
	inv.CounterState = counterState(zones, err)
	if err != nil {
		inv.CounterError = err.Error()
	}
	inv.Fix = append(inv.Fix, fixes(inv.CounterState, hasPerf(root))...)
	inv.FixNote = fixNote(inv.CounterState, hasPerf(root), inv.Host.Virtual)
	m, err := estimate.Open(root)
	if err != nil {
		inv.ModelError = err.Error()
	}
	if m != nil {
		inv.Model = modelOf(m.Model())
		_ = m.Close()
	}
	inv.addGPUs(ctx, root, library)
	return inv
}

// gpuWait is how long devices waits for a driver.
const gpuWait = 10 * time.Second

func (inv *inventory) addGPUs(ctx context.Context, root fs.FS, library string) {
	ctx, cancel := context.WithTimeout(ctx, gpuWait)
	defer cancel()
	list, err := nvml.Inspect(ctx, nvml.Options{Library: library, Env: os.LookupEnv, Root: root})
	if err != nil && (library != "" || len(list) > 0 || !errors.Is(err, energy.ErrUnavailable)) {
		inv.GPUError = err.Error()
	}
	for _, d := range list {
		row := gpuRow{
			Index: d.Index, UUID: d.UUID, Name: d.Name, Driver: d.Driver, Visible: d.Visible, Way: string(d.Way),
			Resolution: d.Resolution.Seconds(), LimitWatts: d.Limit.Watts(),
			Missing: append([]string{}, d.Missing...), Notes: append([]string{}, d.Notes...),
		}
		if d.Sensor != "" {
			row.Notes = append(row.Notes, d.Sensor)
		}
		if d.Err != nil {
			row.Error = d.Err.Error()
		}
		inv.GPUs = append(inv.GPUs, row)
		inv.Host.GPUs = append(inv.Host.GPUs, d.Name)
	}
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
	if len(inv.Counters) == 0 {
		p.Row("none", "%s", inv.CounterError)
	}
	for _, c := range inv.Counters {
		p.Row(cmp.Or(c.Component, c.Name, "unnamed"), "%s: %s (%s)", c.Status, c.Reason, c.Path)
	}
	for _, f := range inv.Fix {
		p.Code(f)
	}
	if inv.FixNote != "" {
		p.Note(inv.FixNote)
	}

	p.Title("model, where no counter is read")
	if m := inv.Model; m != nil {
		p.Row("cpu", "%s, recognised by %s: %s idle to %s at full load, for %d threads", m.CPU, m.How,
			report.Power(energy.Watts(m.IdleWatts)), report.Power(energy.Watts(m.MaxWatts)), m.Threads)
		p.Row("", "90 %% interval: ÷ %.3g to × %.3g", m.Band, m.Band)
		p.Row("memory", "%.3g GiB: %s to %s", m.MemoryGiB, report.Power(energy.Watts(m.MemoryIdleW)), report.Power(energy.Watts(m.MemoryMaxW)))
		for _, n := range m.Notes {
			p.Row("note", "%s", n.Text)
		}
	} else {
		p.Row("none", "%s", inv.ModelError)
	}

	p.Title("GPUs")
	printGPUs(&p, inv)

	p.Title("settings")
	for _, s := range inv.Settings {
		p.Row(s.Key, "%s (%s)", cmp.Or(s.Value, "none"), s.Origin)
	}
	for _, s := range inv.Problems {
		p.Row("problem", "%s", s)
	}
	_, _ = p.WriteTo(a.out)
}

func printGPUs(p *report.Page, inv inventory) {
	switch {
	case inv.GPUError != "":
		p.Row("problem", "%s", inv.GPUError)
	case len(inv.GPUs) == 0:
		p.Row("none", "no NVIDIA driver is there")
	}
	for _, g := range inv.GPUs {
		how := "can't be read: " + g.Error
		if g.Way != "" {
			how = fmt.Sprintf("read by its %s, which changes every %s at the slowest", g.Way, report.Duration(time.Duration(g.Resolution*float64(time.Second))))
		}
		if !g.Visible {
			how = "hidden from the work by the environment, so not read"
		}
		p.Row(fmt.Sprintf("gpu %d", g.Index), "%s: %s", g.Name, how)
		p.Row("", "%s", g.UUID)
		for _, m := range g.Missing {
			p.Row("", "missing: %s", m)
		}
		for _, n := range g.Notes {
			p.Row("", "note: %s", n)
		}
	}
}
