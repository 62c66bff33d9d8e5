package main

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
)

// fuelNames are the fuels of a mix, in the order of its columns.
var fuelNames = []string{"coal", "gas", "oil", "nuclear", "hydro", "wind", "solar", "bioenergy", "other_renewable"}

// A mix is what a zone's electricity is generated from, in TWh or per cent.
type mix struct {
	zone, year string
	fuels      [9]float64
	packed     bool // wind and solar stand within other_renewable
}

func (m *mix) of(fuel string) float64 {
	if m.packed && fuel == "wind" {
		return m.of("other_renewable")
	}
	return m.fuels[slices.Index(fuelNames, fuel)]
}

// sum is the whole: more may be pumped than flows, which is negative.
func (m *mix) sum() (sum float64) {
	for _, v := range m.fuels {
		sum += v
	}
	return sum
}

// mixes gives the newest mix of each country and subdivision.
func (t *tables) mixes(data fs.FS) ([]mix, error) {
	rows, err := readCSV(data, "mix.csv", mixColumns)
	if err != nil {
		return nil, err
	}
	parts, err := readCSV(data, "mix_subdivisions.csv", append([]string{"zone", "year", "source", "unit"}, fuelNames...))
	if err != nil {
		return nil, err
	}
	for i, row := range parts {
		if !slices.ContainsFunc(t.sources, func(s []string) bool { return s[0] == row[2] }) || row[3] != "twh" && row[3] != "percent" {
			return nil, fmt.Errorf("mix_subdivisions.csv:%d: no source %q in sources.csv, or unit %q", i+2, row[2], row[3])
		}
		rows = append(rows, append([]string{row[0], row[1]}, row[4:]...))
	}
	newest := map[string]int{}
	var all []mix
	for _, row := range rows {
		m := mix{zone: row[0], year: row[1], packed: row[7] == "" && row[8] == "" && row[10] != ""}
		for i, cell := range row[2:] {
			if cell == "" {
				continue
			}
			if m.fuels[i], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, fmt.Errorf("mix of %s in %s: invalid amount %q", row[0], row[1], cell)
			}
		}
		i, known := newest[m.zone]
		switch {
		case !known:
			newest[m.zone] = len(all)
			all = append(all, m)
		case all[i].year < m.year:
			all[i] = m
		}
	}
	return all, nil
}
