package electricitymaps

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetch"
)

// header is what stands above the rows of an answer, or in an only row.
type header struct {
	Zone        string `json:"zone"`
	Granularity string `json:"temporalGranularity"`
	Factors     string `json:"emissionFactorType"`
	// Rows, as version 3 and 4 name them.
	History  []row `json:"history"`
	Forecast []row `json:"forecast"`
	Data     []row `json:"data"`
}

// row is one hour, or quarter. All but datetime may be missing.
type row struct {
	Zone        string   `json:"zone"`
	Intensity   *float64 `json:"carbonIntensity"`
	Time        string   `json:"datetime"`
	Granularity string   `json:"temporalGranularity"`
	Factors     string   `json:"emissionFactorType"`
	Unit        string   `json:"unit"`
	Estimated   bool     `json:"isEstimated"`
	Method      string   `json:"estimationMethod"`
}

func (a ask) parse(body []byte, kind regions.Kind) ([]regions.Intensity, error) {
	var h header
	if err := fetch.JSON(body, &h); err != nil {
		return nil, err
	}
	var series []regions.Intensity
	for _, r := range slices.Concat(h.History, h.Forecast, h.Data) {
		in, ok, err := a.intensity(r, h, kind)
		if err != nil {
			return nil, err
		}
		if ok {
			series = append(series, in)
		}
	}
	return fetch.Order(series)
}

// intensity reads a row; ok is false for one without a figure.
func (a ask) intensity(r row, h header, kind regions.Kind) (in regions.Intensity, ok bool, err error) {
	zone := cmp.Or(r.Zone, h.Zone)
	if zone == "" || a.zone != "" && zone != a.zone {
		return in, false, fmt.Errorf("the answer is for zone %.20q, not %q", zone, a.zone)
	}
	if f := cmp.Or(r.Factors, h.Factors); f != "" && f != string(a.scope) {
		return in, false, fmt.Errorf("the answer counts %.20q emissions, not %q", f, a.scope)
	}
	if r.Unit != "" && r.Unit != "gCO2eq/kWh" {
		return in, false, fmt.Errorf("the answer is in %.20q", r.Unit)
	}
	v, ok, err := fetch.Grams(r.Intensity)
	if err != nil || !ok {
		return in, false, err
	}
	from, err := fetch.Stamp(r.Time)
	if err != nil {
		return in, false, err
	}
	step, err := granularity(cmp.Or(r.Granularity, h.Granularity))
	if err != nil {
		return in, false, err
	}
	in = regions.Intensity{
		Kind: kind, Scope: a.scope, Basis: "consumption",
		From: from, To: from.Add(step), PerKWh: v,
		Licence: "terms of Electricity Maps", Source: "Electricity Maps, zone " + short(zone),
	}
	if r.Estimated {
		in.Source += ", estimated"
		if r.Method != "" {
			in.Source += " by " + short(r.Method)
		}
	}
	return fetch.Of(a.place, in), true, nil
}

// short keeps what a service says from filling a page.
func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func granularity(s string) (time.Duration, error) {
	switch s {
	case "", "hourly":
		return time.Hour, nil
	case "15_minutes":
		return 15 * time.Minute, nil
	case "5_minutes":
		return 5 * time.Minute, nil
	}
	return 0, fmt.Errorf("unknown granularity %.20q", s)
}
