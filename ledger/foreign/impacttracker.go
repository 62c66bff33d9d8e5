package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// eitPoint is a line of experiment-impact-tracker's data.json: seconds since
// 1970, watts of the work, and g/kWh where it asked for them.
type eitPoint struct {
	Timestamp *float64        `json:"timestamp"`
	CPU       *float64        `json:"rapl_estimated_attributable_power_draw"`
	GPU       *float64        `json:"nvidia_estimated_attributable_power_draw"`
	Intensity json.RawMessage `json:"realtime_carbon_intensity"` // a number, or a text where that failed
}

// eitSum adds points up as the tool itself does: a power holds for the time
// since the point before.
type eitSum struct {
	points       int
	first, last  float64
	cpu, gpu     energy.Energy
	knowsCPU     bool
	knowsGPU     bool
	grams        float64
	before       energy.Energy // used before an intensity was known
	intensity    float64
	knows        bool
	unknownSpans int
	content      strings.Builder
}

func (f *file) impactTracker() {
	var s eitSum
	for {
		line, more := f.next()
		if !more {
			break
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		var p eitPoint
		err := json.Unmarshal([]byte(line), &p)
		if err == nil {
			err = s.add(p)
		}
		if err != nil {
			f.fail(f.line, err)
			continue
		}
		if s.content.Len() < MaxLine {
			s.content.WriteString(line)
		}
	}
	if f.ended {
		return
	}
	row, o, err := f.eitRow(&s)
	if err == nil {
		err = finish(&row, o, "", s.content.String())
	}
	if err != nil {
		f.fail(0, err)
		return
	}
	f.give(row)
}

func (s *eitSum) add(p eitPoint) error {
	if p.Timestamp == nil || !(*p.Timestamp > 0) || *p.Timestamp > 1e11 {
		return errors.New("no timestamp")
	}
	for _, w := range []*float64{p.CPU, p.GPU} {
		if w != nil && (*w < 0 || *w > 1e9) {
			return fmt.Errorf("a power of %v W", *w)
		}
	}
	at := *p.Timestamp
	if s.points > 0 && at < s.last {
		return errors.New("earlier than the line before")
	}
	var g float64
	if json.Unmarshal(p.Intensity, &g) == nil && g > 0 && !math.IsInf(g, 0) && string(p.Intensity) != "null" {
		s.intensity, s.knows = g, true
	}
	s.points++
	if s.points == 1 {
		s.first, s.last = at, at
		return nil
	}
	d := at - s.last
	s.last = at
	var used energy.Energy
	for _, c := range []struct {
		watts *float64
		to    *energy.Energy
		knows *bool
	}{{p.CPU, &s.cpu, &s.knowsCPU}, {p.GPU, &s.gpu, &s.knowsGPU}} {
		if c.watts == nil {
			continue
		}
		e := energy.Watts(*c.watts).Over(span(d))
		*c.to, *c.knows = c.to.Plus(e), true
		used = used.Plus(e)
	}
	if p.CPU == nil && p.GPU == nil {
		s.unknownSpans++
	}
	if s.knows {
		s.grams += s.before.Plus(used).KilowattHours() * s.intensity
		s.before = 0
	} else {
		s.before = s.before.Plus(used)
	}
	return nil
}

func (f *file) eitRow(s *eitSum) (runs.Row, origin, error) {
	o := origin{Unknown: []string{"project", "status", "zone", "host", "user", "pue", "machine_energy_joules", "measured_share"}}
	if s.points < 2 || !s.knowsCPU && !s.knowsGPU {
		return runs.Row{}, o, errors.New("fewer than two points with a power: nothing to add up")
	}
	row := f.row(s.cpu.Plus(s.gpu), &o)
	if s.knowsCPU {
		row.CPU = &s.cpu
	}
	if s.knowsGPU {
		row.GPU = &s.gpu
	}
	used := row.Energy
	row.Charge, row.ProcessEnergy = footprint.ChargeProcess, &used
	row.DurationS = runs.Number(s.last - s.first)
	row.StartedAt.Time = time.UnixMilli(int64(s.first * 1000)).UTC()
	row.EndedAt.Time = time.UnixMilli(int64(s.last * 1000)).UTC()
	o.Notes = append(o.Notes,
		"from the first point to the last: start and end of the run stand in info.pkl, which is not read",
		"without PUE; the tool's own figures have 1.58 in them",
		"memory power enters with the wrong sign in the tool, so CPU energy is low where there is a DRAM counter")
	if s.unknownSpans > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("points without any power, counted as 0: %d", s.unknownSpans))
	}
	if !s.knows {
		return row, o, f.given(&row)
	}
	emit(&row, s.grams, "experiment-impact-tracker, realtime values")
	return row, o, nil
}
