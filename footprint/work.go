package footprint

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Work is how much of one unit a run has done, and what each has taken: the headline's
// energy, emissions and cost over the count. Figures are nil where nothing was done, and
// of cached tokens, which take next to nothing.
type Work struct {
	Unit   string   `json:"unit"`
	Count  float64  `json:"count"`
	Low    float64  `json:"count_low"`
	High   *float64 `json:"count_high"` // nil: there may have been more
	How    How      `json:"how"`
	Source string   `json:"source"`
	Series int      `json:"series"`
	// Aborted were begun and not served: they are not in Count, their energy is in the run's.
	Aborted float64 `json:"aborted,omitempty"`
	Resets  int     `json:"resets"`
	// Bound is "exact", "lower" where there may have been more, or "estimate" where Low and
	// High hold what an engine reports of a request only when it ends.
	Bound   string    `json:"bound"`
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`

	Energy        *float64 `json:"energy_joules_per_unit"`
	EnergyLow     *float64 `json:"energy_low_joules_per_unit"`
	EnergyHigh    *float64 `json:"energy_high_joules_per_unit"`
	Emissions     *float64 `json:"emissions_g_per_unit"`
	EmissionsLow  *float64 `json:"emissions_low_g_per_unit"`
	EmissionsHigh *float64 `json:"emissions_high_g_per_unit"`
	// Cost is nil where no price was given; its bounds also where nothing bounds it.
	Cost     *float64 `json:"cost_per_unit,omitempty"`
	CostLow  *float64 `json:"cost_low_per_unit,omitempty"`
	CostHigh *float64 `json:"cost_high_per_unit,omitempty"`
}

// The bounds of a count.
const (
	CountExact    = "exact"
	CountLower    = "lower"
	CountEstimate = "estimate"
)

// tally puts the work into a report whose sums are there.
func (a *Account) tally(r *Report) {
	for _, w := range a.works.list {
		r.Work = append(r.Work, w.report())
	}
	slices.SortStableFunc(r.Work, func(x, y Work) int {
		return cmp.Or(cmp.Compare(unitRank(x.Unit), unitRank(y.Unit)), cmp.Compare(slices.Index(hows, x.How), slices.Index(hows, y.How)))
	})
	r.cost(a.Run.Price)
	for i := range r.Work {
		r.Work[i].divide(r)
	}
	a.activity(r)
}

// CompareUnits orders units as reports have them: what is generated first, then what goes
// in, then others by their names.
func CompareUnits(a, b string) int {
	return cmp.Or(cmp.Compare(unitRank(a), unitRank(b)), cmp.Compare(a, b))
}

func unitRank(unit string) int {
	if i := slices.Index(workUnits, unit); i >= 0 {
		return i
	}
	return len(workUnits)
}

func (w *work) report() Work {
	v := Work{
		Unit: w.Unit, Count: w.N, Low: w.N, How: w.How, Source: w.Source, Series: w.Series,
		Aborted: w.Aborted, Resets: w.Resets, Bound: CountExact, FirstAt: w.first, LastAt: w.last,
	}
	if w.Before > 0 || w.After > 0 {
		v.Bound, v.Low = CountEstimate, max(w.N-w.Before, 0)
	}
	if w.Lower {
		v.Bound = CountLower
	} else {
		v.High = new(w.N + w.After)
	}
	return v
}

// divide gives the figures of one unit. More work than was counted makes each cost less,
// so that the bounds are crosswise.
func (w *Work) divide(r *Report) {
	if w.Count <= 0 || w.Unit == UnitCachedToken || r.none() {
		return
	}
	w.Energy, w.Emissions = new(r.Energy.Joules()/w.Count), new(float64(r.Emissions)/w.Count)
	if w.High != nil {
		w.EnergyLow, w.EmissionsLow = new(r.EnergyLow.Joules() / *w.High), new(float64(r.EmissionsLow) / *w.High)
	}
	if w.Low > 0 && r.EnergyHigh != nil {
		w.EnergyHigh = new(r.EnergyHigh.Joules() / w.Low)
	}
	if w.Low > 0 && r.EmissionsHigh != nil {
		w.EmissionsHigh = new(float64(*r.EmissionsHigh) / w.Low)
	}
	if r.Intensity.Source == "" && r.Intensity.PerKWh == 0 {
		w.Emissions, w.EmissionsLow, w.EmissionsHigh = nil, nil, nil
	}
	if r.Cost == nil {
		return
	}
	w.Cost = new(r.Cost.Amount / w.Count)
	if w.High != nil {
		w.CostLow = new(r.Cost.Low / *w.High)
	}
	if w.Low > 0 && r.Cost.High != nil {
		w.CostHigh = new(*r.Cost.High / w.Low)
	}
}

// none reports whether nothing is known of the energy.
func (r *Report) none() bool {
	return !slices.ContainsFunc(r.Components, func(l Line) bool { return l.Counted() && l.Energy != nil })
}

// A Price is what a kWh costs: an amount above 0, and its currency as people wrote it, ""
// where they did not.
type Price struct {
	PerKWh   float64 `json:"per_kwh"`
	Currency string  `json:"currency,omitempty"`
}

// ParsePrice reads the price of a kWh: "0.30", "0.30EUR", "$0.12".
func ParsePrice(s string) (Price, error) {
	before, v, behind, ok := splitNumber(strings.TrimSpace(s))
	c := before + behind
	if a, err := inUnit(v, c); err != nil || a != (Amount{}) {
		ok = false // "kWh" has three letters too
	}
	if !ok || !(v > 0) || math.IsInf(v, 0) || before != "" && behind != "" || c != "" && !isCurrency(c) {
		return Price{}, fmt.Errorf("invalid price %.40q: use the price of a kWh above 0, such as 0.30 or 0.30EUR", s)
	}
	return Price{v, c}, nil
}

// Cost is what the energy has cost, with what the building adds, in the currency of the
// price.
type Cost struct {
	Amount   float64  `json:"amount"`
	Low      float64  `json:"low"`
	High     *float64 `json:"high"`     // nil: nothing bounds it
	Currency string   `json:"currency"` // "" where the price named none
	PerKWh   float64  `json:"price_per_kwh"`
}

func (r *Report) cost(p *Price) {
	if p == nil || r.none() {
		return
	}
	of := func(e energy.Energy) float64 { return e.KilowattHours() * r.PUE.Value * p.PerKWh }
	r.Cost = &Cost{Amount: of(r.Energy), Low: of(r.EnergyLow), Currency: p.Currency, PerKWh: p.PerKWh}
	if r.EnergyHigh != nil {
		r.Cost.High = new(of(*r.EnergyHigh))
	}
}

// Counted gives how much of each unit a run has done, for a record: of a unit that was
// counted in several ways, by the one that comes first in the report.
func (r Report) Counted() []Work {
	var all []Work
	for _, w := range r.Work {
		if !slices.ContainsFunc(all, func(o Work) bool { return o.Unit == w.Unit }) {
			all = append(all, w)
		}
	}
	return all
}

// warnWork warns of what is missing in the counts.
func (a *Account) warnWork(r *Report, add func(code, format string, args ...any)) {
	if n := a.works.wrong; n > 0 {
		add(WorkInvalid, "counts ignored that are none (%s): a unit, and a number from 0", times(uint32(n)))
	}
	if n := a.works.dropped; n > 0 {
		add(WorkInvalid, "counts of more than %d units ignored (%s)", maxWorks, times(uint32(n)))
	}
	for _, w := range r.Work {
		if w.Resets > 0 {
			add(WorkPartial, "%s was reset %s: %s is a lower bound", w.Source, times(uint32(w.Resets)), w.Unit)
		}
	}
	for i, w := range r.Work {
		if i > 0 && r.Work[i-1].Unit == w.Unit {
			add(WorkInvalid, "%s is counted in two ways (%s, %s): the first one is recorded", w.Unit, r.Work[i-1].How, w.How)
		}
	}
}
