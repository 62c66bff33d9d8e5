package runs

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// A Quantity is one of what is predicted of a run, with its unit.
type Quantity string

// The quantities, in the order in which they are listed.
const (
	ForeseenEnergy    Quantity = "energy_joules"
	ForeseenEmissions Quantity = "emissions_g"
	ForeseenDuration  Quantity = "duration_s"
	ForeseenCar       Quantity = "car_km" // of CarbonTracker's logs: by the car that it compares with
)

// A Foresight is how good the first predictions of runs were in one quantity, over those
// that have completed with all epochs that were planned.
type Foresight struct {
	Of    Quantity
	Scope regions.Scope // of emissions
	// Predicted and Taken are the sums, in the unit of the quantity.
	Predicted, Taken float64
	// Off is how far a prediction was off, as a part of what the run then took: −0.1 is
	// a tenth too little.
	Off Spread
}

// PlannedEpochs is the member of a row's details that says for how many epochs its
// prediction was made, PredictedDuration the one with the seconds that were expected.
const (
	PlannedEpochs     = "planned_epochs"
	PredictedDuration = "predicted_duration_s"
)

// foreseen is what the details of a row say of its prediction.
type foreseen struct {
	Planned  int     `json:"planned_epochs"`
	Duration float64 `json:"predicted_duration_s"`
	Imported struct {
		Predicted struct {
			Duration float64 `json:"duration_s"`
			Car      float64 `json:"car_km"`
		} `json:"predicted"`
		Car float64 `json:"car_km"`
	} `json:"imported"`
}

// foreseen reads what the row says of its prediction; ok is false where that cannot be
// judged: it has none, it did not complete, or it was stopped before the planned epochs
// and needed less.
func (r *Row) foreseen() (f foreseen, ok bool) {
	if r.PredictedEnergy == nil || r.Status != footprint.Completed {
		return foreseen{}, false
	}
	return r.foreseenDetails()
}

func (r *Row) foreseenDetails() (f foreseen, ok bool) {
	if r.Details != "" && json.Unmarshal([]byte(r.Details), &f) != nil {
		return f, !strings.Contains(r.Details, PlannedEpochs)
	}
	return f, r.Epochs >= f.Planned
}

// foresee judges the predictions of a row in all quantities.
func (t *Total) foresee(r *Row, f foreseen) {
	t.judge(ForeseenEnergy, "", r.PredictedEnergy.Joules(), r.Energy.Joules())
	if r.PredictedEmissions != nil {
		t.judge(ForeseenEmissions, regions.Scope(r.IntensityScope), float64(*r.PredictedEmissions), float64(r.Emissions))
	}
	t.judge(ForeseenDuration, "", cmp.Or(f.Duration, f.Imported.Predicted.Duration), float64(r.DurationS))
	t.judge(ForeseenCar, "", f.Imported.Predicted.Car, f.Imported.Car)
}

// judge adds what one run was predicted to take, and took; neither where one is 0: it is
// not known.
func (t *Total) judge(of Quantity, scope regions.Scope, predicted, taken float64) {
	off, ok := (footprint.Range[float64]{Expected: predicted}).Off(taken)
	if !ok || predicted <= 0 {
		return
	}
	i, found := slices.BinarySearchFunc(t.Foresights, Foresight{Of: of, Scope: scope}, Foresight.compare)
	if !found {
		t.Foresights = slices.Insert(t.Foresights, i, Foresight{Of: of, Scope: clone(scope)})
	}
	f := &t.Foresights[i]
	f.Predicted, f.Taken = f.Predicted+predicted, f.Taken+taken
	f.Off.Add(off)
}

func (f Foresight) compare(o Foresight) int {
	order := []Quantity{ForeseenEnergy, ForeseenEmissions, ForeseenDuration, ForeseenCar}
	return cmp.Or(slices.Index(order, f.Of)-slices.Index(order, o.Of), scopeRank(f.Scope)-scopeRank(o.Scope), cmp.Compare(f.Scope, o.Scope))
}
