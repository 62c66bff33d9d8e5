package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
)

// waterID is the source of what water takes from the fuels.
const waterID = "macknick"

var waterColumns = []string{"fuel", "litres_per_kwh", "low", "high", "source", "note"}

// water gives the water that a kWh of each zone's newest mix consumes, as lines of zone,
// year, litres, low and high. Without a table of fuels there are none.
func (t *tables) water(data fs.FS) ([]byte, error) {
	if _, err := fs.Stat(data, "water.csv"); err != nil {
		return nil, nil
	}
	rows, err := readCSV(data, "water.csv", waterColumns)
	if err != nil {
		return nil, err
	}
	var factors [3][9]float64 // value, low, high by fuel
	for i, row := range rows {
		fuel := slices.Index(fuelNames, row[0])
		if fuel < 0 || row[4] != waterID {
			return nil, fmt.Errorf("water.csv:%d: no fuel %q, or no source %q", i+2, row[0], row[4])
		}
		for k := range factors {
			if factors[k][fuel], err = strconv.ParseFloat(row[1+k], 64); err != nil {
				return nil, fmt.Errorf("water.csv:%d: %w", i+2, err)
			}
		}
	}
	mixes, err := t.mixes(data)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, m := range mixes {
		var litres [3]float64
		total := 0.0
		for fuel, twh := range m.fuels {
			twh = max(twh, 0) // pumping
			total += twh
			for k := range litres {
				f := factors[k][fuel]
				if m.packed && fuelNames[fuel] == "other_renewable" { // wind, sun and perhaps biomass
					f = []float64{0, 0, factors[2][slices.Index(fuelNames, "bioenergy")]}[k]
				}
				litres[k] += twh * f
			}
		}
		if total > 0 {
			fmt.Fprintf(&b, "w\t%s\t%s\t%.3g\t%.3g\t%.3g\n", m.zone, m.year, litres[0]/total, litres[1]/total, litres[2]/total)
		}
	}
	return b.Bytes(), nil
}
