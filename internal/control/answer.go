package control

import (
	"bytes"
	"io"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// hello is the first line.
type hello struct {
	Op       string           `json:"op"`
	Protocol string           `json:"protocol"`
	Version  string           `json:"version"`
	RunID    string           `json:"run_id"`
	PID      *int             `json:"pid"`
	Ready    bool             `json:"ready"`
	Charge   footprint.Charge `json:"charge"`
	Region   string           `json:"region"`
	Ledger   *string          `json:"ledger"`
	T        float64          `json:"t"`
}

// failure is the only line where nothing can be tracked, and the answer to a request that
// is wrong.
type failure struct {
	N        int     `json:"n,omitempty"`
	Op       *string `json:"op"`
	Protocol string  `json:"protocol,omitempty"`
	Code     string  `json:"code"`
	Error    string  `json:"error"`
}

// lastLine is the last one.
type lastLine struct {
	N      *int             `json:"n,omitempty"`
	Op     string           `json:"op"`
	Why    string           `json:"why"`
	Report footprint.Report `json:"report"`
}

// figures are the answer to a request.
type figures struct {
	N             int                `json:"n"`
	Op            *string            `json:"op"`
	T             float64            `json:"t"`
	Ready         bool               `json:"ready"`
	DurationS     float64            `json:"duration_s"`
	Energy        energy.Energy      `json:"energy_joules"`
	EnergyLow     energy.Energy      `json:"energy_low_joules"`
	EnergyHigh    *energy.Energy     `json:"energy_high_joules"`
	Machine       energy.Energy      `json:"machine_energy_joules"`
	Process       *energy.Energy     `json:"process_energy_joules"`
	ProcessLow    *energy.Energy     `json:"process_energy_low_joules"`
	ProcessHigh   *energy.Energy     `json:"process_energy_high_joules"`
	Emissions     regions.Grams      `json:"emissions_g"`
	EmissionsLow  regions.Grams      `json:"emissions_low_g"`
	EmissionsHigh *regions.Grams     `json:"emissions_high_g"`
	MeasuredShare *float64           `json:"measured_share"`
	Coverage      float64            `json:"coverage"`
	Components    []component        `json:"components"`
	Counts        map[string]float64 `json:"counts"`
	Prediction    *prediction        `json:"prediction"`
	Epoch         any                `json:"epoch,omitempty"`
	Task          any                `json:"task,omitempty"`
	Dropped       int                `json:"dropped,omitempty"`
}

// brief is the answer to a request that asks for no more.
type brief struct {
	N       int     `json:"n"`
	Op      *string `json:"op"`
	Epoch   any     `json:"epoch,omitempty"`
	Task    any     `json:"task,omitempty"`
	Dropped int     `json:"dropped,omitempty"`
}

// component is a line of the report.
type component struct {
	footprint.Line
	Index *int `json:"index,omitempty"`
}

// prediction is that of the report without its history.
type prediction struct {
	footprint.Prediction
	History *struct{} `json:"history,omitempty"`
}

type epoch struct {
	footprint.Epoch
	Components []used `json:"components"`
}

type task struct {
	footprint.Task
	Components []used `json:"components"`
}

// used is what the headline charges of one component in an epoch or a task.
type used struct {
	Kind      energy.Kind    `json:"kind"`
	ID        string         `json:"id"`
	Index     *int           `json:"index,omitempty"`
	Basis     energy.Basis   `json:"basis"`
	Energy    energy.Energy  `json:"energy_joules"`
	Low       energy.Energy  `json:"low_joules"`
	High      *energy.Energy `json:"high_joules"`
	Emissions regions.Grams  `json:"emissions_g"`
}

// Hello writes the first line.
func (s *Server) Hello(h Hello) error {
	r, at := s.tracker.Latest()
	line := hello{
		Op: "hello", Protocol: Protocol, Version: h.Version, RunID: h.RunID, Ready: s.isReady(false),
		Charge: r.Charge, Ledger: h.Ledger, T: unix(at),
	}
	if r.Region.How != "default" {
		line.Region = r.Region.Zone
	}
	if h.PID > 0 {
		line.PID = &h.PID
	}
	return s.out.Encode(line)
}

// Refuse writes the only line of a client that cannot be served.
func Refuse(out io.Writer, code, text string) error {
	op := "hello"
	return encoder(out).Encode(failure{Op: &op, Protocol: Protocol, Code: code, Error: text})
}

// answer makes the line for a request.
func (s *Server) answer(a answer) any {
	if a.wrong != nil {
		return failure{N: a.n, Op: a.op, Code: a.wrong.code, Error: a.wrong.text}
	}
	var parts carbon.Usage
	var ok bool
	for _, o := range []*open{a.epoch, a.task} {
		if o != nil {
			parts, ok = o.stretch.Used()
		}
	}
	var r footprint.Report
	if a.brief { // a report of a run with many tasks costs more than all else
		b := brief{N: a.n, Op: a.op}
		b.Epoch, b.Task = s.ended(a, r, parts, ok)
		s.mu.Lock()
		defer s.mu.Unlock()
		b.Dropped, s.dropped = s.dropped, 0
		return b
	}
	f := figures{N: a.n, Op: a.op, Ready: s.isReady(a.wait)}
	var at time.Time
	if a.fresh || a.wait {
		r, at = s.tracker.Current()
	} else {
		r = s.tracker.Report()
		_, at = s.tracker.Latest()
	}
	s.fill(&f, r, at)
	f.Epoch, f.Task = s.ended(a, r, parts, ok)
	return f
}

// ended is the epoch or the task that a request has ended, nil where it has ended none.
func (s *Server) ended(a answer, r footprint.Report, parts carbon.Usage, ok bool) (ofEpoch, ofTask any) {
	switch {
	case a.epoch != nil && ok:
		return epoch{epochOf(r, *a.epoch, parts.Stretch), s.parts(parts.Components)}, nil
	case a.epoch != nil:
		return missing{}, nil
	case a.task != nil && ok:
		return nil, task{taskOf(r, *a.task, parts.Stretch), s.parts(parts.Components)}
	case a.task != nil:
		return nil, missing{}
	}
	return nil, nil
}

// missing is what is not known: null.
type missing struct{}

// MarshalJSON implements json.Marshaler.
func (missing) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func (s *Server) fill(f *figures, r footprint.Report, at time.Time) {
	f.T, f.DurationS = unix(at), r.DurationS
	f.Energy, f.EnergyLow, f.EnergyHigh = r.Energy, r.EnergyLow, r.EnergyHigh
	f.Machine, f.Process, f.ProcessLow, f.ProcessHigh = r.MachineEnergy, r.ProcessEnergy, r.ProcessLow, r.ProcessHigh
	f.Emissions, f.EmissionsLow, f.EmissionsHigh = r.Emissions, r.EmissionsLow, r.EmissionsHigh
	f.MeasuredShare, f.Coverage = r.MeasuredShare, r.Coverage
	f.Components = make([]component, len(r.Components))
	for i, l := range r.Components {
		f.Components[i] = component{l, s.index(l.Kind, l.ID)}
	}
	if r.Prediction != nil {
		f.Prediction = &prediction{Prediction: *r.Prediction}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Counts = map[string]float64{}
	for unit, n := range s.counts {
		f.Counts[unit] = n
	}
	f.Dropped, s.dropped = s.dropped, 0
}

func (s *Server) parts(list []footprint.Used) []used {
	all := make([]used, len(list))
	for i, u := range list {
		all[i] = used{u.Kind, u.Component, s.index(u.Kind, u.Component), u.Basis, u.Energy, u.Low, u.High, u.Emissions}
	}
	return all
}

// index is the number of a GPU, nil if it is none or not known.
func (s *Server) index(kind energy.Kind, id string) *int {
	if kind == energy.GPU {
		if n, ok := s.tracker.GPUIndex(id); ok {
			return &n
		}
	}
	return nil
}

// epochOf gives the report's epoch that has ended, with what it had when it did.
func epochOf(r footprint.Report, o open, x footprint.Stretch) footprint.Epoch {
	e := footprint.Epoch{Index: o.index, Stretch: x}
	for i := len(r.Epochs) - 1; i >= 0; i-- {
		if was := r.Epochs[i]; was.Index == o.index && was.StartedAt.Equal(x.StartedAt) && was.Ended {
			e.PredictedTotal = was.PredictedTotal
			break
		}
	}
	return e
}

// taskOf gives the report's task that has ended, with what it had when it did.
func taskOf(r footprint.Report, o open, x footprint.Stretch) footprint.Task {
	t := footprint.Task{Name: o.name, Stretch: x}
	for i := len(r.Tasks) - 1; i >= 0; i-- {
		if was := r.Tasks[i]; was.Name == o.name && was.StartedAt.Equal(x.StartedAt) && was.DurationS == x.DurationS && was.Ended {
			t.Within = was.Within
			break
		}
	}
	return t
}

// unix is a time in seconds since 1970, to the microsecond.
func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func trim(line []byte) []byte { return bytes.TrimSpace(line) }
