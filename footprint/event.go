package footprint

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// EventSchema names the shape of the lines that an EventWriter writes. Keys and
// kinds are only ever added to it.
const EventSchema = "carbonctl.events/v1"

// An Event is something that happened in a run, for who follows it as it goes
// on: one line of JSON. Keys of another kind of event are left out.
type Event struct {
	Event EventKind `json:"event"`
	// Schema is EventSchema, of a start alone.
	Schema string    `json:"schema,omitempty"`
	At     time.Time `json:"at"` // of the reading that it came with
	RunID  string    `json:"run_id"`
	SoFar  SoFar     `json:"so_far"`

	// Of a start.
	Project string            `json:"project,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	Zone    string            `json:"zone,omitempty"`
	// OfEpochs is how many epochs are planned, as far as the start knows.
	OfEpochs int `json:"of_epochs,omitempty"`

	// Of an epoch or a task that has ended. A task's Within is as in a report.
	Epoch *Epoch `json:"epoch,omitempty"`
	Task  *Task  `json:"task,omitempty"`

	// Of a prediction, which each epoch that has ended brings where the number of
	// all is known, and what is seen of the progress of the first one. Its History is left out.
	Prediction *Prediction `json:"prediction,omitempty"`

	// Of a budget that is reached, and how.
	Budget *Spending `json:"budget,omitempty"`
	Text   string    `json:"text,omitempty"`

	// Of the end.
	Status   Status  `json:"status,omitempty"`
	ExitCode *int    `json:"exit_code,omitempty"`
	Signal   *string `json:"signal,omitempty"`
}

// EventKind is what happened.
type EventKind string

// The kinds of events, in the order in which those of one reading come.
const (
	EventStart      EventKind = "start"
	EventTask       EventKind = "task"
	EventEpoch      EventKind = "epoch"
	EventPrediction EventKind = "prediction"
	EventBudget     EventKind = "budget"
	EventEnd        EventKind = "end"
)

// SoFar is what a run has used up to an event.
type SoFar struct {
	DurationS  float64        `json:"duration_s"`
	Energy     energy.Energy  `json:"energy_joules"`
	EnergyLow  energy.Energy  `json:"energy_low_joules"`
	EnergyHigh *energy.Energy `json:"energy_high_joules"` // nil: nothing bounds it
	Emissions  regions.Grams  `json:"emissions_g"`
}

// Events gives what the latest sample has brought, in order: nil for most.
func (a *Account) Events() []Event {
	first := a.samples == 1
	fresh := a.marks.fresh
	advanced := a.marks.past.ended == 0 && a.marks.past.to.sample == a.samples
	reached := a.tripped != nil && a.trippedIn == a.samples
	if !first && len(fresh) == 0 && !advanced && !reached {
		return nil
	}
	now := a.peek()
	next := Event{At: a.last.wall.UTC().Truncate(time.Millisecond), RunID: a.Run.ID, SoFar: a.soFar(now)}
	var list []Event
	add := func(kind EventKind, more func(*Event)) {
		e := next
		e.Event = kind
		more(&e)
		list = append(list, e)
	}
	if first {
		add(EventStart, func(e *Event) {
			e.Schema, e.Project, e.Labels, e.OfEpochs = EventSchema, a.Run.Project, a.Run.Labels, a.planned()
			e.Zone = a.inForce.Zone
		})
	}
	predicts := advanced
	for _, x := range fresh {
		if x.mark.Edge == TaskStart {
			t := a.task(x, endless)
			add(EventTask, func(e *Event) { e.Task = &t })
			continue
		}
		epoch := a.epoch(x, endless)
		add(EventEpoch, func(e *Event) { e.Epoch = &epoch })
		predicts = true
	}
	if predicts {
		if p, ok := a.Predict(); ok {
			p.History = []Earlier{}
			add(EventPrediction, func(e *Event) { e.Prediction = &p })
		}
	}
	if reached {
		var r Report
		a.budget(&r)
		add(EventBudget, func(e *Event) { e.Budget, e.Text = r.Budget, a.tripped.Error() })
	}
	return list
}

func (a *Account) soFar(now edge) SoFar {
	u := used(point{}, now.point, ever)
	return SoFar{
		DurationS: seconds(now.time.Sub(a.first.time)), Energy: u.Energy,
		EnergyLow: u.Low, EnergyHigh: u.High, Emissions: u.Emissions,
	}
}

// Ending gives the event of a run's end.
func (r Report) Ending() Event {
	return Event{
		Event: EventEnd, At: r.EndedAt, RunID: r.RunID, Status: r.Status, ExitCode: r.ExitCode, Signal: r.Signal,
		SoFar: SoFar{r.DurationS, r.Energy, r.EnergyLow, r.EnergyHigh, r.Emissions},
	}
}

// EventWriter writes events as JSON lines. It is for one goroutine at a time.
type EventWriter struct{ w io.Writer }

// NewEventWriter writes to w, each line at once.
func NewEventWriter(w io.Writer) *EventWriter { return &EventWriter{w} }

// Write writes one event.
func (w *EventWriter) Write(e Event) error {
	b, err := json.Marshal(e)
	if err == nil {
		_, err = w.w.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}
