package footprint

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// TraceSchema names the format of recorded samples: JSON lines, of which the
// first is a header, and each other a component, an intensity, a sample or the
// end of the run. Times are nanoseconds since the first sample by the monotonic
// clock, amounts are integers in the unit that the key names.
const TraceSchema = "carbonctl.samples/v1"

type traceLine struct {
	Schema    string             `json:"schema,omitempty"`
	Account   *traceAccount      `json:"account,omitempty"`
	Component *energy.Component  `json:"component,omitempty"` // takes the next number, from 0
	Intensity *regions.Intensity `json:"intensity,omitempty"` // holds for the samples after it
	Sample    *traceSample       `json:"sample,omitempty"`
	Counts    *traceCounts       `json:"counts,omitempty"` // after the sample before it
	End       *End               `json:"end,omitempty"`
}

// traceCounts is one look at what was done.
type traceCounts struct {
	Late time.Duration `json:"late_ns,omitempty"`
	List []Count       `json:"list"`
}

type traceAccount struct {
	Run      Run      `json:"run"`
	Host     Host     `json:"host"`
	PUE      float64  `json:"pue,omitempty"`
	Versions Versions `json:"versions"`
	Policy   string   `json:"policy,omitempty"`
}

type traceSample struct {
	At       time.Duration       `json:"t_ns"`
	Wall     time.Time           `json:"wall"`
	Readings []traceReading      `json:"readings"`
	Use      []energy.Use        `json:"use,omitempty"`
	Faults   []Fault             `json:"faults,omitempty"`
	Marks    []Mark              `json:"marks,omitempty"`
	Forecast []regions.Intensity `json:"forecast,omitempty"`
	Facts    *Facts              `json:"facts,omitempty"`
}

type traceReading struct {
	Component int           `json:"c"`
	At        time.Duration `json:"t_ns"`
	Took      time.Duration `json:"took_ns,omitempty"` // from just before the read to At
	Total     int64         `json:"total_uj"`
	Edge      int64         `json:"edge_uj"`
	Common    int64         `json:"common_uj,omitempty"`
	Missed    int64         `json:"missed_uj,omitempty"`
	Raw       uint64        `json:"raw,omitempty"`
	Range     uint64        `json:"range,omitempty"`
	MaxPower  int64         `json:"max_power_uw,omitempty"`
	Wraps     uint32        `json:"wraps,omitempty"`
	Resets    uint32        `json:"resets,omitempty"`
	Gaps      uint32        `json:"gaps,omitempty"`
	Slept     time.Duration `json:"slept_ns,omitempty"`
	State     energy.State  `json:"state"`
}

// A Recorder writes samples down, so that Replay gives the same report again.
// After an error it writes nothing more and returns that error. It is for one
// goroutine at a time.
type Recorder struct {
	w          io.Writer
	err        error
	start      time.Time
	started    bool
	components map[energy.Component]int
	intensity  *regions.Intensity
}

// Record begins a recording of what the account is given. Of a policy of the
// caller's own it holds the name.
func Record(w io.Writer, a *Account) (*Recorder, error) {
	r := &Recorder{w: w, components: map[energy.Component]int{}}
	r.write(traceLine{Schema: TraceSchema, Account: &traceAccount{a.Run, a.Host, a.PUE, a.Versions, a.Policy.name()}})
	return r, r.err
}

// Add writes one sample.
func (r *Recorder) Add(s Sample) error {
	if !r.started {
		r.started, r.start = true, s.Time
	}
	if r.intensity == nil || *r.intensity != s.Intensity {
		in := s.Intensity
		r.intensity = &in
		r.write(traceLine{Intensity: &in})
	}
	t := traceSample{At: s.Time.Sub(r.start), Wall: s.Wall.UTC(), Use: s.Use, Faults: s.Faults, Marks: s.Marks, Forecast: s.Forecast, Facts: s.Facts}
	for _, v := range s.Readings {
		n, ok := r.components[v.Component]
		if !ok {
			n = len(r.components)
			r.components[v.Component] = n
			r.write(traceLine{Component: &v.Component})
		}
		t.Readings = append(t.Readings, traceReading{
			n, v.Time.Sub(r.start), took(v), int64(v.Total), int64(v.Edge), int64(v.Common), int64(v.Missed), v.Raw, v.Range,
			int64(v.MaxPower), v.Wraps, v.Resets, v.Gaps, v.Slept, v.State,
		})
	}
	r.write(traceLine{Sample: &t})
	return r.err
}

func took(r energy.Reading) time.Duration {
	if r.Before.IsZero() {
		return 0
	}
	return r.Time.Sub(r.Before)
}

// Count writes the work that was counted in the account, after its latest sample.
func (r *Recorder) Count(late time.Duration, counts []Count) error {
	r.write(traceLine{Counts: &traceCounts{late, counts}})
	return r.err
}

// End writes how the run ended.
func (r *Recorder) End(e End) error {
	r.write(traceLine{End: &e})
	return r.err
}

func (r *Recorder) write(l traceLine) {
	if r.err != nil {
		return
	}
	b, err := json.Marshal(l)
	if err == nil {
		_, err = r.w.Write(append(b, '\n'))
	}
	if err != nil {
		r.err = fmt.Errorf("record samples: %w", err)
	}
}

// longestLine bounds a line of a recording: 1,000 components fit.
const longestLine = 1 << 20

// Replay reads a recording and gives its report. The totals of counters are made again from
// what they showed, as energy.Redo does; those of meters that give no such readings, GPUs and
// models among them, are as recorded. A recording that breaks off is replayed as far as it
// goes, and the error has the place; its status stays Running. One of a run whose shares a
// policy of its own decided can't be replayed.
func Replay(r io.Reader) (Report, error) {
	var p replay
	in := bufio.NewScanner(r)
	in.Buffer(nil, longestLine)
	n := 0
	for in.Scan() {
		n++
		if err := p.line(in.Bytes(), n == 1); err != nil {
			return p.account.Report(), fmt.Errorf("samples: line %d: %w", n, err)
		}
	}
	if err := in.Err(); err != nil {
		return p.account.Report(), fmt.Errorf("samples: line %d: %w", n+1, err)
	}
	if !p.ended {
		return p.account.Report(), fmt.Errorf("samples: line %d: %w: the recording has no end", n+1, io.ErrUnexpectedEOF)
	}
	return p.account.Report(), nil
}

type replay struct {
	account    Account
	start      time.Time
	components []energy.Component
	redo       []energy.Redo // one a component
	intensity  regions.Intensity
	ended      bool
}

func (p *replay) line(b []byte, head bool) error {
	var l traceLine
	if err := json.Unmarshal(b, &l); err != nil {
		return err
	}
	switch {
	case head:
		if l.Schema != TraceSchema || l.Account == nil {
			return fmt.Errorf("schema is %q, not %q", l.Schema, TraceSchema)
		}
		if l.Account.Policy != "" {
			return fmt.Errorf("shares were decided by %s, which is not in the recording", l.Account.Policy)
		}
		p.account = Account{Run: l.Account.Run, Host: l.Account.Host, PUE: l.Account.PUE, Versions: l.Account.Versions}
	case l.Component != nil:
		p.components, p.redo = append(p.components, *l.Component), append(p.redo, energy.Redo{})
	case l.Intensity != nil:
		p.intensity = *l.Intensity
	case l.Sample != nil:
		return p.sample(l.Sample)
	case l.Counts != nil:
		p.account.Count(l.Counts.Late, l.Counts.List...)
	case l.End != nil:
		p.account.End, p.ended = *l.End, true
	}
	return nil
}

func (p *replay) sample(t *traceSample) error {
	if p.start.IsZero() {
		p.start = t.Wall
	}
	s := Sample{
		Time: p.start.Add(t.At), Wall: t.Wall, Use: t.Use, Faults: t.Faults, Intensity: p.intensity,
		Marks: t.Marks, Forecast: t.Forecast, Facts: t.Facts,
		Readings: make([]energy.Reading, 0, len(t.Readings)),
	}
	for _, v := range t.Readings {
		if v.Component < 0 || v.Component >= len(p.components) {
			return fmt.Errorf("component %d is not known", v.Component)
		}
		if v.Total < 0 || v.Edge < 0 || v.Common < 0 || v.Missed < 0 {
			return fmt.Errorf("component %d: an amount below 0", v.Component)
		}
		s.Readings = append(s.Readings, p.redo[v.Component].Add(energy.Reading{
			Component: p.components[v.Component], Before: p.start.Add(v.At - v.Took), Time: p.start.Add(v.At),
			Total: energy.Energy(v.Total), Edge: energy.Energy(v.Edge), Common: energy.Energy(min(v.Common, v.Edge)), Missed: energy.Energy(v.Missed),
			Raw: v.Raw, Range: v.Range, MaxPower: energy.Power(v.MaxPower),
			Wraps: v.Wraps, Resets: v.Resets, Gaps: v.Gaps, Slept: v.Slept, State: v.State,
		}))
	}
	p.account.Add(s)
	return nil
}
