package regions

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The bases of water use. They are never added: withdrawn water may flow back.
const (
	Consumption = "consumption" // evaporated, or gone in another way
	Withdrawal  = "withdrawal"  // taken from its source
)

// A WaterFactor is how much water goes with a kWh.
type WaterFactor struct {
	PerKWh float64 `json:"l_per_kwh"`
	// Low and High are its range; equal to PerKWh where none is known.
	Low  float64 `json:"low_l_per_kwh"`
	High float64 `json:"high_l_per_kwh"`
	// Basis is Consumption or Withdrawal, "" where the source does not say.
	Basis string `json:"basis"`
	Year  int    `json:"year"`
	// Of is "region" or "provider" on site, the code of a zone for its grid.
	Of      string `json:"of"`
	Source  string `json:"source"`
	Licence string `json:"licence"`
}

// Water is what a place uses: Site a kWh of its computers, for cooling, Grid a kWh that its
// power plants generate. Nil is not known.
type Water struct {
	Site *WaterFactor `json:"site"`
	Grid *WaterFactor `json:"grid"`
}

// ErrNoWater is wrapped where nothing is known of the water of a place.
var ErrNoWater = errors.New("no water figures")

// Water gives the water of a place, whose name is as for [Table.Place]. On site it is what
// the provider publishes of the region, newest first, else of all its data centres. Of the
// grid it is consumption by the newest mix of the zone, or of its country: medians of the
// literature by fuel; the range has every plant with the thriftiest or thirstiest common
// cooling, and the evaporation of reservoirs in its upper end alone.
func (t *Table) Water(name string) (Water, error) {
	e, at, err := t.locate(name)
	if err != nil {
		return Water{}, err
	}
	if t.places == nil {
		return Water{}, fmt.Errorf("%w for %s", ErrNoWater, e.Code)
	}
	w := Water{Site: t.siteWater(at.cloud)}
	for _, code := range []string{e.Code, e.Country} {
		if cells, ok := t.places().water()[code]; ok && w.Grid == nil {
			f, err := readWater(cells)
			if err != nil {
				return Water{}, err
			}
			f.Of, f.Basis = code, Consumption
			for _, s := range t.places().sources {
				if s.ID == "macknick" {
					f.Source, f.Licence = s.Name+", times the mix of "+code, s.Licence
				}
			}
			w.Grid = &f
		}
	}
	if w.Site == nil && w.Grid == nil {
		return Water{}, fmt.Errorf("%w for %s (%s)", ErrNoWater, e.Code, e.Name)
	}
	return w, nil
}

func (t *Table) siteWater(c *CloudRegion) *WaterFactor {
	if c == nil {
		return nil
	}
	of := "region"
	f, ok := c.Figure(WUEMeasure, 0)
	if !ok {
		of = "provider"
		f, ok = newest(t.places().figures(c.Provider), WUEMeasure, 0)
	}
	if !ok {
		return nil
	}
	w := &WaterFactor{f.Value, f.Value, f.Value, "", f.Year, of, f.Source, f.Licence}
	switch c.Provider { // as their reports say; Microsoft's does not
	case "aws":
		w.Basis = Withdrawal
	case "gcp":
		w.Basis = Consumption
	}
	return w
}

// readWater reads year, litres, low and high of a w line.
func readWater(cells string) (f WaterFactor, err error) {
	year, rest, _ := strings.Cut(cells, "\t")
	if f.Year, err = strconv.Atoi(year); err != nil || f.Year < 1900 || f.Year > 2200 {
		return f, fmt.Errorf("bad year %q", year)
	}
	c := strings.Split(rest, "\t")
	for i, v := range []*float64{&f.PerKWh, &f.Low, &f.High} {
		if len(c) != 3 {
			return f, fmt.Errorf("bad water %s", quote(cells))
		}
		if *v, err = strconv.ParseFloat(c[i], 64); err != nil || math.IsInf(*v, 0) {
			return f, fmt.Errorf("bad water %s", quote(cells))
		}
	}
	if !(0 <= f.Low && f.Low <= f.PerKWh && f.PerKWh <= f.High) {
		return f, fmt.Errorf("bad water %s", quote(cells))
	}
	return f, nil
}
