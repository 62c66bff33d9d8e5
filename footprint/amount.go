package footprint

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// An Amount is a mass of CO2 equivalent, an energy, a time or money: the one that
// is not 0. The zero Amount is nothing.
type Amount struct {
	Emissions regions.Grams
	Energy    energy.Energy
	Duration  time.Duration
	Money     float64
	Currency  string // of Money, as people wrote it: "EUR", "$"
}

// A unit is one of those that amounts are written in.
type unit struct {
	name string
	size float64 // grams, or joules
}

// The units of amounts, small ones first.
var (
	massUnits  = []unit{{"ng", 1e-9}, {"µg", 1e-6}, {"mg", 1e-3}, {"g", 1}, {"kg", 1e3}, {"t", 1e6}, {"kt", 1e9}}
	hourUnits  = []unit{{"µWh", 3.6e-3}, {"mWh", 3.6}, {"Wh", 3.6e3}, {"kWh", 3.6e6}, {"MWh", 3.6e9}, {"GWh", 3.6e12}}
	jouleUnits = []unit{{"µJ", 1e-6}, {"mJ", 1e-3}, {"J", 1}, {"kJ", 1e3}, {"MJ", 1e6}, {"GJ", 1e9}}
)

// ParseAmount reads an amount above 0 as people write it: "500g", "1.2 kgCO2e",
// "1ug", "2kWh", "3.6 MJ", "90m", "1h 30m", "2EUR", "$5". Units may be in any case,
// except where that decides: "mJ" and "MJ" are two.
func ParseAmount(s string) (Amount, error) {
	a, err := parseAmount(s)
	if err != nil {
		return Amount{}, fmt.Errorf("invalid amount %.40q: %w", s, err)
	}
	return a, nil
}

var errAmount = errors.New("use a number and a unit, such as 500g, 2kWh, 3h or 2EUR")

// spellings of one and the same: both signs for micro and u, and subscripts.
var spelling = strings.NewReplacer("\u03bc", "µ", "₂", "2")

func parseAmount(s string) (a Amount, err error) {
	text := spelling.Replace(strings.TrimSpace(s))
	if d, err := time.ParseDuration(strings.ToLower(strings.ReplaceAll(text, " ", ""))); err == nil {
		if d <= 0 {
			return a, errors.New("it must be above 0")
		}
		return Amount{Duration: d}, nil
	}
	before, v, name, ok := splitNumber(text)
	switch {
	case !ok:
		return a, errAmount
	case !(v > 0):
		return a, errors.New("it must be above 0")
	case before+name == "":
		return a, errAmount
	case before == "":
		for _, suffix := range []string{"co2eq", "co2-eq", "co2e", "co2"} {
			if len(name) > len(suffix) && strings.EqualFold(name[len(name)-len(suffix):], suffix) {
				name = strings.TrimSpace(name[:len(name)-len(suffix)])
				break
			}
		}
		a, err = inUnit(v, name)
		if err != nil || a != (Amount{}) {
			return a, err
		}
	case name != "":
		return a, errAmount
	}
	if c := before + name; isCurrency(c) {
		return Amount{Money: v, Currency: c}, nil
	}
	return a, errAmount
}

// splitNumber finds the number in a text, and what stands before and behind it.
func splitNumber(text string) (before string, v float64, behind string, ok bool) {
	const digits = "0123456789.+-"
	from := strings.IndexAny(text, digits)
	if from < 0 {
		return "", 0, "", false
	}
	number := text[from:]
	if end := strings.IndexFunc(number, func(r rune) bool { return !strings.ContainsRune(digits+"eE", r) }); end >= 0 {
		number = number[:end]
	}
	for ; number != ""; number = number[:len(number)-1] { // the E of EUR is none of its digits
		if v, err := strconv.ParseFloat(number, 64); err == nil {
			return strings.TrimSpace(text[:from]), v, strings.TrimSpace(text[from+len(number):]), true
		}
	}
	return "", 0, "", false
}

// inUnit gives v of a unit, the zero Amount if there is no such unit.
func inUnit(v float64, name string) (Amount, error) {
	var near []unit
	mass := false
	for i, list := range [][]unit{massUnits, hourUnits, jouleUnits} {
		for _, u := range list {
			ascii := strings.Replace(u.name, "µ", "u", 1)
			exact := name == u.name || name == ascii
			if !exact && !strings.EqualFold(name, u.name) && !strings.EqualFold(name, ascii) {
				continue
			}
			if exact {
				return quantity(v, u, i == 0)
			}
			near, mass = append(near, u), i == 0
		}
	}
	switch {
	case len(near) == 0:
		return Amount{}, nil
	case len(near) == 1:
		return quantity(v, near[0], mass)
	}
	for _, u := range near { // the case of its first letter decides: MWH is MWh
		if name[0] == u.name[0] && name[0] == 'M' {
			return quantity(v, u, mass)
		}
	}
	return Amount{}, fmt.Errorf("%q may be %s or %s", name, near[0].name, near[1].name)
}

func quantity(v float64, u unit, mass bool) (Amount, error) {
	base := v * u.size
	switch {
	case math.IsInf(base, 0), !mass && base > energy.MaxEnergy.Joules():
		return Amount{}, errors.New("it is too large")
	case mass:
		return Amount{Emissions: regions.Grams(base)}, nil
	}
	e := energy.Joule.Scale(base)
	if e == 0 {
		return Amount{}, errors.New("it is less than 1 µJ")
	}
	return Amount{Energy: e}, nil
}

// isCurrency reports whether text may be a currency: a sign, or three letters as
// in ISO 4217.
func isCurrency(s string) bool {
	switch s {
	case "€", "$", "£", "¥", "₹":
		return true
	}
	if one, many := strings.CutSuffix(s, "s"); many {
		for _, u := range slices.Concat(massUnits, hourUnits, jouleUnits) {
			if u.name == one {
				return false // "kgs", and no Kyrgyz som
			}
		}
	}
	return len(s) == 3 && strings.Trim(strings.ToUpper(s), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// Times returns the amount f times, in the same currency.
func (a Amount) Times(f float64) Amount {
	return Amount{
		Emissions: a.Emissions * regions.Grams(f), Energy: a.Energy.Scale(f),
		Duration: lasting(a.Duration.Seconds() * f), Money: a.Money * f, Currency: a.Currency,
	}
}

// lasting is a duration of s seconds, at most 292 years, before now or after.
func lasting(s float64) time.Duration {
	ns := s * float64(time.Second)
	switch {
	case math.Abs(ns) < math.MaxInt64:
		return time.Duration(ns)
	case ns < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// String shows the amount with three significant digits in a fitting unit.
func (a Amount) String() string {
	switch {
	case a.Energy != 0:
		list := hourUnits
		if a.Energy < 360*energy.Joule { // as reports do
			list = jouleUnits
		}
		return fitting(a.Energy.Joules(), list)
	case a.Duration >= time.Minute:
		return Duration(a.Duration)
	case a.Duration >= time.Second:
		return fmt.Sprintf("%.1f s", a.Duration.Seconds())
	case a.Duration != 0:
		return plain3(1e3*a.Duration.Seconds()) + " ms"
	case a.Money != 0:
		return strings.TrimSpace(fmt.Sprintf("%.2f %s", a.Money, a.Currency))
	}
	return fitting(float64(a.Emissions), massUnits)
}

func fitting(x float64, list []unit) string {
	best := list[0]
	for _, u := range list {
		if x >= 0.9995*u.size {
			best = u
		}
	}
	if x >= 1000*best.size {
		return fmt.Sprintf("%.0f %s", x/best.size, best.name)
	}
	return plain3(x/best.size) + " " + best.name
}

// plain3 shows three significant digits without an exponent.
func plain3(x float64) string {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	return strconv.FormatFloat(r, 'f', -1, 64)
}

// ParseEnergy reads an amount of energy above 0 as people write it: "1.2kWh",
// "500 Wh", "3.6MJ".
func ParseEnergy(s string) (energy.Energy, error) {
	a, err := parseAmount(s)
	if err == nil && a.Energy == 0 || errors.Is(err, errAmount) {
		err = errors.New("use a number and a unit, such as 1.2kWh")
	}
	if err != nil {
		return 0, fmt.Errorf("invalid energy %.40q: %w", s, err)
	}
	return a.Energy, nil
}

// ParseBudget reads a budget as ParseAmount reads amounts. price is what a kWh
// costs, and needed for money alone.
func ParseBudget(s string, price float64) (*Budget, error) {
	a, err := ParseAmount(s)
	if err != nil {
		return nil, err
	}
	b := &Budget{Limit: strings.TrimSpace(s), Emissions: a.Emissions, Energy: a.Energy, Duration: a.Duration}
	if a.Money == 0 {
		return b, nil
	}
	if math.IsNaN(price) || price <= 0 || math.IsInf(price, 0) {
		return nil, fmt.Errorf("%.40q is an amount of money: add the price of a kWh", s)
	}
	b.Cost, b.Price = a.Money, price
	return b, nil
}
