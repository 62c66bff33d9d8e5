package report

import (
	"fmt"

	"github.com/carbonctl/carbonctl/regions"
)

const (
	// phoneCharge is what charging one smartphone emits on the US grid: 1.24e-5 t
	// (US EPA, Greenhouse Gas Equivalencies Calculator, 2026; public domain).
	// Older editions say 8.22 g.
	phoneCharge regions.Grams = 12.4

	// carPerKm is what an average US petrol car emits a kilometre: 393 g a mile (US
	// EPA, Greenhouse Gas Equivalencies Calculator, 2026; public domain) over
	// 1.609344 km a mile.
	carPerKm regions.Grams = 393 / 1.609344

	// treeMonth is what a mature tree takes up in a month: 11 kg a year over 12
	// (Green Algorithms, reference values, 2020; CC BY 4.0).
	treeMonth regions.Grams = 11000.0 / 12

	// seatPerKm is what an economy passenger of a long flight emits a kilometre,
	// without the effects of height (UK DESNZ, Greenhouse gas reporting:
	// conversion factors 2026; OGL v3.0; CO2 + 28 CH4 + 265 N2O).
	seatPerKm regions.Grams = 69.26
)

// Compare shows emissions as things that people know, each with its source: at
// most two, and none below ten centimetres of driving, where nothing that people
// know is so small.
//
//	24.4 mg to 1.24 g  the way that a car drives
//	1.24 g to 24.4 g   charges of a phone
//	24.4 g to 917 g    charges of a phone, and the way that a car drives
//	917 g to 34.6 kg   the way that a car drives, and a tree's months
//	above              the way that a car drives, and a passenger flies
func Compare(g regions.Grams) []string {
	const km = 1000 // m
	times := digits(float64(g/phoneCharge)) + " times"
	if g < phoneCharge {
		times = "by " + Percent(float64(g/phoneCharge))
	}
	phone := fmt.Sprintf("like charging a phone %s (%.1f g a charge, US EPA 2026)", times, float64(phoneCharge))
	car := fmt.Sprintf("like %s in an average US petrol car (%.0f g/km, US EPA 2026)",
		fit(float64(g/carPerKm)*km, lengthScale), float64(carPerKm))
	tree := fmt.Sprintf("what a grown tree takes up in %s months (%.0f g a month, Green Algorithms 2020)",
		digits(float64(g/treeMonth)), float64(treeMonth))
	seat := fmt.Sprintf("like %s in an economy seat of a long flight (%.1f g/km, UK DESNZ 2026)",
		fit(float64(g/seatPerKm)*km, lengthScale), float64(seatPerKm))
	switch {
	case !(g >= carPerKm/10_000):
		return nil
	case g < phoneCharge/10:
		return []string{car}
	case g < carPerKm/10:
		return []string{phone}
	case g < treeMonth:
		return []string{phone, car}
	case g < 500*seatPerKm:
		return []string{car, tree}
	default:
		return []string{car, seat}
	}
}
