package facts

import (
	"strconv"

	"github.com/carbonctl/carbonctl/runs"
)

// FullName is a place with its name, for a sentence.
func FullName(c runs.Comparison) string {
	text, name := Place(c), Near(c)
	switch {
	case text == "":
		return name
	case name == "" || name == text:
		return text
	}
	return text + " (" + name + ")"
}

// CountedScope says what the figures of a ranking count; they are all of one sort.
func CountedScope(c runs.Comparison) string {
	switch {
	case c.Market:
		return "market-based figures"
	case c.Scope == "":
		return "figures of unknown scope"
	}
	return string(c.Scope) + " emissions"
}

// Place is how a row is called: its cloud region, or its zone.
func Place(c runs.Comparison) string {
	if c.Provider != nil {
		return *c.Provider + ":" + *c.CloudRegion
	}
	return c.Zone
}

// Near is where it is, for people.
func Near(c runs.Comparison) string {
	if !c.From.IsZero() {
		return c.From.Format("15:04")
	}
	if c.City != nil {
		return *c.City
	}
	return c.Name
}

// Year shows a year, "" for none.
func Year(year int) string {
	if year == 0 {
		return ""
	}
	return strconv.Itoa(year)
}
