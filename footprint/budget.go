package footprint

import (
	"fmt"
	"math"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Budget is what a run may use of one thing: the one that is not 0.
type Budget struct {
	// Limit is the budget as people wrote it: "500g".
	Limit     string        `json:"limit"`
	Emissions regions.Grams `json:"emissions_g,omitempty"`
	Energy    energy.Energy `json:"energy_joules,omitempty"`
	Duration  time.Duration `json:"duration_ns,omitempty"`
	// Cost is an amount of money, and Price what a kWh costs of it. What the
	// building adds (the PUE) is paid for too.
	Cost  float64 `json:"cost,omitempty"`
	Price float64 `json:"price_per_kwh,omitempty"`
	// Predicted stops in time: the budget counts as reached when the next epoch
	// would not fit for sure (at predict.Level). It is checked where an epoch ends.
	Predicted bool `json:"predicted,omitempty"`
	// Action is what is done then, for the report: "warn", "stop" …
	Action string `json:"action,omitempty"`
	// Reached is called once, when the budget is reached, with a *BudgetError; a
	// context.CancelCauseFunc fits. It is called between two readings: it must return soon,
	// and not call the tracker. nil calls nothing.
	Reached func(error) `json:"-"`
}

// Spending is a budget as reports show it.
type Spending struct {
	Limit string `json:"limit"`
	// Basis is "measured" or "predicted".
	Basis     string     `json:"basis"`
	Action    string     `json:"action"`
	TrippedAt *time.Time `json:"tripped_at"`
}

// BudgetError reports that a run has reached its budget.
type BudgetError struct {
	Limit string
	At    time.Time
	// Used is the part of the budget that was used, Next what the next epoch may
	// need at most, 0 where it was not asked for. Both are parts of 1.
	Used, Next float64
}

func (e *BudgetError) Error() string {
	used, more := fmt.Sprintf("%.3g %%", 100*e.Used), fmt.Sprintf("%.3g %%", 100*e.Next)
	of := ""
	if limit, err := ParseAmount(e.Limit); err == nil {
		used, more, of = limit.Times(e.Used).String(), limit.Times(e.Next).String(), " of "+limit.String()
	}
	if e.Next > 0 {
		return fmt.Sprintf("the next epoch may exceed the budget: %s%s used, up to %s more", used, of, more)
	}
	return fmt.Sprintf("budget exceeded: %s%s", used, of)
}

// max is the budget as a number, amount what a run uses of it.
func (b *Budget) max() float64 {
	switch {
	case b.Emissions > 0:
		return float64(b.Emissions)
	case b.Energy > 0:
		return b.Energy.Joules()
	case b.Duration > 0:
		return b.Duration.Seconds()
	case b.Cost > 0:
		return b.Cost
	}
	return math.Inf(1)
}

func (b *Budget) amount(seconds float64, e energy.Energy, g regions.Grams, pue float64) float64 {
	switch {
	case b.Emissions > 0:
		return float64(g)
	case b.Energy > 0:
		return e.Joules()
	case b.Duration > 0:
		return seconds
	}
	return e.KilowattHours() * pue * b.Price
}

// watch compares the run with its budget. ended says that an epoch has ended.
func (a *Account) watch(s Sample, ended bool) {
	b := a.Run.Budget
	if b == nil || a.tripped != nil {
		return
	}
	pue := a.pue()
	now := a.peek()
	past := now.time.Sub(a.first.time).Seconds()
	used := b.amount(past, now.energy, now.grams, pue) / b.max()
	e := &BudgetError{Limit: b.Limit, At: s.Wall, Used: used}
	if b.Predicted && ended && (a.toCome() == 0 || a.marks.past.ended < a.toCome()) {
		p := a.progress(now)
		more := energy.Joules(p.rest(1, spent.joules).High)
		time := p.rest(1, spent.seconds).High
		grams := p.more(more, p.perKWh)
		e.Next = b.amount(time, more, grams, pue) / b.max()
	}
	if e.Used < 1 && e.Used+e.Next <= 1 {
		return
	}
	if e.Used >= 1 {
		e.Next = 0
	}
	a.tripped, a.trippedIn = e, a.samples
}

// BudgetUsed is the part of its budget that the run has used, 1 for all of it. ok is
// false without a budget, for one of money, whose price a report does not hold,
// and for an energy that is not known.
func (r Report) BudgetUsed() (part float64, ok bool) {
	if r.Budget == nil {
		return 0, false
	}
	b, err := ParseBudget(r.Budget.Limit, 0)
	if err != nil || b.Duration == 0 && r.MeasuredShare == nil && r.MachineEnergy == 0 && r.Energy == 0 {
		return 0, false
	}
	return b.amount(r.DurationS, r.Energy, r.Emissions, 1) / b.max(), true
}

// Tripped returns how the budget was reached, nil while it is not.
func (a *Account) Tripped() *BudgetError { return a.tripped }

func (a *Account) budget(r *Report) {
	b := a.Run.Budget
	if b == nil {
		return
	}
	r.Budget = &Spending{Limit: b.Limit, Basis: "measured", Action: b.Action}
	if b.Predicted {
		r.Budget.Basis = "predicted"
	}
	if r.Budget.Action == "" {
		r.Budget.Action = "warn"
	}
	if a.tripped != nil {
		at := a.tripped.At.UTC().Truncate(time.Millisecond)
		r.Budget.TrippedAt = &at
	}
}
