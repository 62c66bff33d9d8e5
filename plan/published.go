package plan

import (
	"math"
	"strconv"
)

// The rounding of ML CO2 Impact's page (github.com/mlco2/impact, 2026-03): the energy to
// hundredths of a kWh, the grams of its table cut to whole ones, then to hundredths of a
// kilogram, and the result once more.
func mlco2Page(kWh, perKWh float64) *Published {
	p := &Published{KWh: hundredths(kWh), KgPerKWh: hundredths(math.Trunc(perKWh) / 1000)}
	p.Kg = hundredths(p.KWh * p.KgPerKWh)
	return p
}

// hundredths rounds as JavaScript's toFixed(2) does: to the nearest of the binary value,
// and halves up.
func hundredths(x float64) float64 {
	s := strconv.FormatFloat(x, 'f', 2, 64) // correct but for exact halves, which go to even
	if h := x * 100; h-math.Floor(h) == 0.5 && math.FMA(x, 100, -h) == 0 {
		s = strconv.FormatFloat((math.Floor(h)+1)/100, 'f', 2, 64)
	}
	y, _ := strconv.ParseFloat(s, 64)
	return y
}

// The figures that Green Algorithms compares with, version 3.0 (2025-02): a mature tree
// takes up 11 kg of CO2 a year, an average European car emits 175 g a km.
const (
	gaTreeMonth = 11000.0 / 12 // g
	gaCar       = 175.0        // g/km
)

// gaPage is what Green Algorithms' page shows of a result.
func gaPage(kWh, grams float64) *Published {
	return &Published{
		Energy: gaEnergy(kWh), Emissions: gaMass(grams),
		TreeMonths: grams / gaTreeMonth, CarKm: grams / gaCar,
	}
}

func gaMass(g float64) string {
	switch {
	case g < 1:
		return fixed2(g*1e3) + " mgCO2e"
	case g < 1e3:
		return fixed2(g) + " gCO2e"
	case g < 1e6:
		return fixed2(g/1e3) + " kgCO2e"
	}
	return fixed2(g/1e6) + " TCO2e"
}

func gaEnergy(kWh float64) string {
	switch {
	case kWh < 1e-3:
		return strconv.FormatFloat(kWh*1e3, 'e', 2, 64) + " Wh"
	case kWh < 1:
		return fixed2(kWh*1e3) + " Wh"
	case kWh < 1e3:
		return fixed2(kWh) + " kWh"
	}
	return fixed2(kWh/1e3) + " MWh"
}

func fixed2(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }
