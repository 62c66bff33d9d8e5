package report

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Car is what emissions are compared with. The zero Car is an average US petrol
// car, and compares only what is worth a drive: 1 kg and more.
type Car struct {
	perKm regions.Grams // 0: that of the zero Car
	of    string        // "an average US petrol car (244 g/km, US EPA 2026)"
	// chosen by somebody, who wants to see it for less too.
	chosen bool
}

const (
	// usPerKm is what an average US petrol car emits: 393 g of CO2e a mile (US EPA,
	// Greenhouse Gas Equivalencies Calculator, 2026; public domain) over 1.609344 km a
	// mile.
	usPerKm regions.Grams = 393 / 1.609344

	// euPerKm is what the average new car that was registered in the EU in 2024 emits
	// from its tailpipe by its type approval (WLTP), battery cars as 0 (European
	// Environment Agency, CO2 emissions of new passenger cars, 2024, provisional).
	// CarbonTracker has it since 2.4.2.
	euPerKm regions.Grams = 106.8

	// ukPerKm is what the average car on UK roads emits, of all ages and fuels, CO2e a
	// vehicle-kilometre without the making of the fuel (UK DESNZ, Greenhouse gas
	// reporting: conversion factors 2025; OGL v3.0).
	ukPerKm regions.Grams = 167.25

	// carbontrackerPerKm is what CarbonTracker compares with up to 2.3.2: the average
	// new car of the EU in 2020 by an older test, NEDC (European Environment Agency).
	carbontrackerPerKm regions.Grams = 107.5

	// seatPerKm is what an economy passenger of a long flight emits a kilometre,
	// without the effects of height (UK DESNZ, Greenhouse gas reporting:
	// conversion factors 2026; OGL v3.0; CO2 + 28 CH4 + 265 N2O).
	seatPerKm regions.Grams = 69.26

	// A car is shown from worthADrive on, a flight from seatFrom km on; one that was
	// chosen from leastDrive km on, below which no car goes.
	worthADrive regions.Grams = 1000
	seatFrom    float64       = 500
	leastDrive  float64       = 0.001
)

const usCar = "an average US petrol car (244 g/km, US EPA 2026)"

// ParseCar reads a car: us, eu, uk, carbontracker, or your own in grams of CO2e a
// kilometre.
func ParseCar(s string) (Car, error) {
	switch s {
	case "us":
		return Car{usPerKm, usCar, true}, nil
	case "eu":
		return Car{euPerKm, "an average new EU car (106.8 g/km from its tailpipe, EEA 2024)", true}, nil
	case "uk":
		return Car{ukPerKm, "an average car on UK roads (167 g/km, UK DESNZ 2025)", true}, nil
	case "carbontracker":
		return Car{carbontrackerPerKm, "an average new EU car (107.5 g/km from its tailpipe, EEA 2020, as CarbonTracker to 2.3.2)", true}, nil
	}
	x, err := strconv.ParseFloat(strings.TrimSuffix(s, "g/km"), 64)
	if err != nil {
		return Car{}, fmt.Errorf("unknown car %.40q: use us, eu, uk, carbontracker or grams of CO2e a kilometre", s)
	}
	if !(x > 0) || math.IsInf(x, 0) {
		return Car{}, errors.New("a car to compare with emits more than 0 g/km")
	}
	return Car{regions.Grams(x), fmt.Sprintf("a car of %s g/km", strconv.FormatFloat(x, 'g', -1, 64)), true}, nil
}

// Km is how far the car drives with what was emitted.
func (c Car) Km(g regions.Grams) float64 {
	if c.perKm == 0 {
		return float64(g / usPerKm)
	}
	return float64(g / c.perKm)
}

// Compare shows emissions as things that people know, each with its source and
// year: nothing below 1 kg, but from a metre on where a car was chosen; then the way that
// the car drives, and from 34.6 kg on a flight too. low is the emissions' lower
// bound: what may be nothing is compared with nothing. Two digits are shown, since cars
// differ more than emissions.
func (c Car) Compare(g, low regions.Grams) []string {
	km := c.Km(g)
	if !(low > 0) || !c.chosen && !(g >= worthADrive) || !(km >= leastDrive) {
		return nil
	}
	of := c.of
	if of == "" {
		of = usCar
	}
	all := []string{fmt.Sprintf("like %s in %s", distance(km), of)}
	if km := float64(g / seatPerKm); km >= seatFrom {
		all = append(all, fmt.Sprintf("like %s in an economy seat of a long flight (%.1f g/km, UK DESNZ 2026)", distance(km), float64(seatPerKm)))
	}
	return all
}

// distance shows a distance in two significant digits: "410 m", "4.1 km".
func distance(km float64) string {
	x, unit := km, "km"
	if km < 0.995 {
		x, unit = km*1000, "m"
	}
	scale := math.Pow(10, 1-math.Floor(math.Log10(x)))
	x = math.Round(x*scale) / scale
	if x < 10 {
		return fmt.Sprintf("%.1f %s", x, unit)
	}
	return energy.Fixed(x, 0) + " " + unit
}
