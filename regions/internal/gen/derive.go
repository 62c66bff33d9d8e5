package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
)

// derivedID is the source of what derive computes.
const derivedID = "derived"

var (
	fuelColumns = []string{"fuel", "kg_per_gj", "efficiency"}
	mixColumns  = []string{"zone", "year", "coal_twh", "gas_twh", "oil_twh", "nuclear_twh", "hydro_twh", "wind_twh", "solar_twh", "bioenergy_twh", "other_renewable_twh"}
)

// derive adds a direct intensity for each country that has none published:
// what its coal, gas and oil plants emit for each kWh that the country
// generates. A fuel's factor is the IPCC's default in kg/GJ of fuel, over the
// efficiency of an ordinary fleet; burnt biomass counts as nothing, as in
// national inventories.
func (t *tables) derive(data fs.FS) error {
	source := slices.IndexFunc(t.sources, func(s []string) bool { return s[0] == derivedID })
	factors, err := fuelFactors(data)
	if err != nil || source < 0 {
		return errors.Join(err, missingSource(source))
	}
	rows, err := readCSV(data, "mix.csv", mixColumns)
	if err != nil {
		return err
	}
	published := map[int]bool{}
	for _, f := range t.figures {
		published[f.zone] = published[f.zone] || f.scope == "direct"
	}
	_, zones, _ := t.ids()
	for i, row := range rows {
		zone, ok := zones[row[0]]
		year, yearErr := strconv.Atoi(row[1])
		v, err := intensityOf(row, factors)
		if err != nil || yearErr != nil || !ok {
			return fmt.Errorf("mix.csv:%d: zone %q, year %q: %w", i+2, row[0], row[1], err)
		}
		if !published[zone] {
			t.figures = append(t.figures, figure{zone, "direct", "generation", source, year, strconv.FormatFloat(v, 'f', 0, 64), ""})
		}
	}
	slices.SortStableFunc(t.figures, order)
	for i := 1; i < len(t.figures); i++ {
		if order(t.figures[i-1], t.figures[i]) == 0 {
			return fmt.Errorf("mix.csv: %s %d stands twice", t.zones[t.figures[i].zone][0], t.figures[i].year)
		}
	}
	return nil
}

func missingSource(source int) error {
	if source < 0 {
		return fmt.Errorf("sources.csv: no source %s", derivedID)
	}
	return nil
}

// fuelFactors gives g/kWh of electricity from coal, gas and oil.
func fuelFactors(data fs.FS) (factors [3]float64, err error) {
	rows, err := readCSV(data, "fuels.csv", fuelColumns)
	if err != nil {
		return factors, err
	}
	for i, row := range rows {
		kg, kgErr := strconv.ParseFloat(row[1], 64)
		efficiency, err := strconv.ParseFloat(row[2], 64)
		if i >= len(factors) || row[0] != []string{"coal", "gas", "oil"}[i] || kgErr != nil || err != nil || !(kg > 0 && efficiency > 0.1 && efficiency < 0.7) {
			return factors, fmt.Errorf("fuels.csv:%d: want coal, gas, oil with kg/GJ and an efficiency of 0.1 to 0.7", i+2)
		}
		factors[i] = kg * 3.6 / efficiency // kg/GJ is g/MJ, and a kWh 3.6 MJ
	}
	return factors, nil
}

// intensityOf is g/kWh of a row of mix.csv.
func intensityOf(row []string, factors [3]float64) (float64, error) {
	var total, grams float64
	for i, cell := range row[2:] {
		if cell == "" {
			continue // a fuel that the source does not know there
		}
		twh, err := strconv.ParseFloat(cell, 64)
		if err != nil || !(twh >= 0 && twh < 1e5) {
			return 0, fmt.Errorf("invalid amount of TWh %q", cell)
		}
		total += twh
		if i < len(factors) {
			grams += twh * factors[i]
		}
	}
	if total == 0 {
		return 0, errors.New("nothing is generated")
	}
	return grams / total, nil
}
