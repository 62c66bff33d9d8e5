// Package screen has the answers of the command: values that are JSON as they stand, and
// have a Text for people.
package screen

import (
	"slices"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// An Inventory is what a machine can measure, and what would change that. Its JSON
// keys are only ever added to.
type Inventory struct {
	Host      footprint.Host `json:"host"`
	Container bool           `json:"container"` // as far as that can be seen from inside
	// Verdict says where the energy of each kind of component comes from.
	Verdict  Verdict         `json:"verdict"`
	Counters []EnergyCounter `json:"counters"`
	// CounterState is "read" if all is read that could be wanted, else the code of
	// the warning that says what is in the way.
	CounterState string   `json:"counter_state"`
	CounterError string   `json:"counter_error"`
	Model        *Model   `json:"model"` // nil: none, as ModelError says
	ModelError   string   `json:"model_error"`
	GPUs         []GPU    `json:"gpus"`
	GPUError     string   `json:"gpu_error"` // why there are none, or what else went wrong
	Fix          []string `json:"fix"`       // commands that would make more readable
	FixNote      string   `json:"fix_note"`  // what they open, or why there are none
	// Calibrate is the command that measures this machine once, so that it can be modelled by
	// that, and CalibrateNote how; "" where that would not help.
	Calibrate     string      `json:"calibrate"`
	CalibrateNote string      `json:"calibrate_note"`
	Region        Region      `json:"region"`
	Settings      []Effective `json:"settings"`
	// Screen is what text is shown on.
	Screen   layout.Screen `json:"-"`
	Problems []string      `json:"problems"` // of the settings
}

// A Verdict is where the energy of each kind of component comes from.
type Verdict struct {
	CPU    Origin `json:"cpu"`
	Memory Origin `json:"memory"`
	GPU    Origin `json:"gpu"`
}

// Origin is how the energy of a kind of component is known.
type Origin string

// The origins, the best one first.
const (
	OfCounter Origin = "measured"
	OfModel   Origin = "modelled"
	Unread    Origin = "unread" // it is there, and neither measured nor modelled
	Absent    Origin = "none"
)

// An EnergyCounter is one counter of CPU or memory, and what becomes of it.
type EnergyCounter struct {
	Path      string      `json:"path"`
	Name      string      `json:"name"`
	Component string      `json:"component"` // "" if it is none
	Kind      energy.Kind `json:"kind"`      // "" if it is none
	Status    string      `json:"status"`
	Reason    string      `json:"reason"` // never ""
}

// A GPU is one GPU, and how it is read.
type GPU struct {
	Index      int      `json:"index"`
	UUID       string   `json:"uuid"`
	Name       string   `json:"name"`
	Driver     string   `json:"driver"`
	Visible    bool     `json:"visible"`  // to the work, so that it is read
	Way        string   `json:"way"`      // "" if it can't be read
	Modelled   bool     `json:"modelled"` // by Way, and not measured
	BandLow    float64  `json:"band_low"` // of the figure, where it is modelled
	BandHigh   float64  `json:"band_high"`
	Resolution float64  `json:"resolution_s"`
	LimitWatts float64  `json:"limit_w"`
	Missing    []string `json:"missing"`
	Notes      []string `json:"notes"`
	Error      string   `json:"error"`
}

// A Model is how power is modelled where nothing counts.
type Model struct {
	CPU         string      `json:"cpu"`
	How         string      `json:"how"`
	SKU         string      `json:"sku"`
	TDPWatts    float64     `json:"tdp_w"`
	Threads     int         `json:"threads"`
	Virtual     bool        `json:"virtual"`
	IdleWatts   float64     `json:"idle_w"`
	MaxWatts    float64     `json:"max_w"`
	Band        float64     `json:"band"` // F of the 90 % interval: power ÷ F to power × F
	Clock       bool        `json:"clock"`
	MemoryGiB   float64     `json:"memory_gib"`
	MemoryIdleW float64     `json:"memory_idle_w"`
	MemoryMaxW  float64     `json:"memory_max_w"`
	Notes       []ModelNote `json:"notes"`
}

// has reports whether a model has a note of a code.
func (m *Model) has(code string) bool {
	return slices.ContainsFunc(m.Notes, func(n ModelNote) bool { return n.Code == code })
}

// A ModelNote is something to know about a model. Code is stable.
type ModelNote struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// A Region is the place whose grid a run here would be multiplied with.
type Region struct {
	Zone   string  `json:"zone"` // "": not set, and the figure is the world's mean
	Name   string  `json:"name"`
	PerKWh float64 `json:"g_per_kwh"` // 0: not known
	Scope  string  `json:"scope"`
	Year   int     `json:"year"`
	Hint   string  `json:"hint"` // how the region could be known, "" if it is
}

// Effective is a setting, its value and where that comes from.
type Effective struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // "default" if nothing sets it
}

// Settle fills in the verdict by what was found.
func (inv *Inventory) Settle() {
	counted := func(k energy.Kind) Origin {
		switch {
		case slices.ContainsFunc(inv.Counters, func(c EnergyCounter) bool { return c.Kind == k && c.Status == "counted" }):
			return OfCounter
		case inv.Model != nil && (k == energy.CPU || inv.Model.MemoryGiB > 0 || inv.Model.has("whole-board")):
			return OfModel
		default: // every machine has some
			return Unread
		}
	}
	inv.Verdict = Verdict{CPU: counted(energy.CPU), Memory: counted(energy.Memory), GPU: Absent}
	for _, g := range inv.GPUs {
		switch {
		case g.Visible && g.Way != "" && !g.Modelled:
			inv.Verdict.GPU = OfCounter
		case g.Visible && g.Modelled && inv.Verdict.GPU != OfCounter:
			inv.Verdict.GPU = OfModel
		case inv.Verdict.GPU == Absent:
			inv.Verdict.GPU = Unread
		}
	}
	if len(inv.GPUs) == 0 && inv.GPUError != "" {
		inv.Verdict.GPU = Unread
	}
}
