// Package regions knows how much a kilowatt-hour emits where: the carbon
// intensity of electricity by country, subdivision and year, each value with
// its source, year, scope and licence.
//
// [Builtin] is the yearly [Table] that comes with the package. It also knows cloud
// regions, with what their providers publish, and [Table.Sites] lines them up
// for a comparison. [Window] finds the greenest hours. Live providers are
// subpackages; [Else] falls back from one to the table.
package regions

import (
	"context"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Grams is a mass of CO2 equivalent in grams.
type Grams float64

// String returns g with three significant digits in a fitting unit: "412 mg", "1.83 kg".
func (g Grams) String() string {
	u := g.Unit()
	return energy.Digits(float64(g)/u.Size) + " " + u.Name
}

// Unit is the one that String shows g in; its Size is in grams.
func (g Grams) Unit() energy.Unit {
	return energy.Fitting(float64(g), []energy.Unit{
		{Name: "pg", Size: 1e-12}, {Name: "ng", Size: 1e-9}, {Name: "µg", Size: 1e-6}, {Name: "mg", Size: 1e-3}, {Name: "g", Size: 1},
		{Name: "kg", Size: 1e3}, {Name: "t", Size: 1e6}, {Name: "kt", Size: 1e9},
	})
}

// Kind is the kind of an Intensity.
type Kind string

// The kinds of intensity.
const (
	AnnualAverage Kind = "annual-average" // mean of a calendar or fiscal year
	Live          Kind = "live"           // measured for the hour at hand
	Forecast      Kind = "forecast"       // expected for an hour to come
	Profile       Kind = "profile"        // a typical hour, from past years
	Own           Kind = "own"            // the user's own figure
	WorldDefault  Kind = "world-default"  // the world's mean, for want of a region
	Mixed         Kind = "mixed"          // a report's mean over several kinds
)

// Scope is which emissions an intensity counts.
type Scope string

// The scopes. They are not comparable: Lifecycle includes the fuel's upstream
// and the plant's construction, Direct only what leaves the stack.
const (
	Lifecycle Scope = "lifecycle"
	Direct    Scope = "direct"
)

// Intensity is what one kWh from a region's grid emits over a stretch of time.
type Intensity struct {
	// Zone is an ISO 3166-1 alpha-2 or ISO 3166-2 code, or "WORLD".
	Zone string `json:"zone"`
	// Name of the zone, for people.
	Name string `json:"name,omitempty"`
	// Provider and CloudRegion, where a cloud region was asked for: "aws",
	// "eu-west-1".
	Provider    string `json:"provider,omitempty"`
	CloudRegion string `json:"cloud_region,omitempty"`
	Kind        Kind   `json:"kind"`
	// Scope is "" where it is not known, as for a user's own figure.
	Scope Scope `json:"scope,omitempty"`
	// Year of the data, 0 where it has none.
	Year int `json:"year,omitempty"`
	// Basis is "generation" or "consumption" (imports and exports counted), ""
	// where not known.
	Basis string `json:"basis,omitempty"`
	// Licence under which the source gives the figure.
	Licence string `json:"licence,omitempty"`
	// Marginal is what one more kWh would emit. It never enters emissions.
	Marginal bool `json:"marginal,omitempty"`
	// Market is a cloud provider's figure by its contracts, not its grid's. It never enters
	// the emissions of a report but is shown beside them.
	Market bool `json:"market,omitempty"`
	// It holds for From <= t < To; zero times are no bound.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// PerKWh is grams of CO2 equivalent per kWh.
	PerKWh Grams `json:"g_per_kwh"`
	// Annual is the year's mean that a figure of typical hours is made of, else 0.
	Annual Grams `json:"annual_g_per_kwh,omitempty"`
	// Low and High are the figure's own range where its source gives one, else 0.
	Low  Grams `json:"low_g_per_kwh,omitempty"`
	High Grams `json:"high_g_per_kwh,omitempty"`
	// Source is publisher and edition, as in the report.
	Source string `json:"source,omitempty"`
	// Instead is why this is not the region's own value in the wanted scope, or "".
	Instead string `json:"instead,omitempty"`
	// Note is what a reader must know of the figure: that it is probably too low, or replaces
	// a built-in one; "" where there is nothing.
	Note string `json:"note,omitempty"`
}

// rangeYears is how long the range of a figure holds after its year: the mix that it was
// made of changes.
const rangeYears = 2

// RangeOld reports whether the figure has a range, Low to High, that is of too long
// before a time to bound what a kWh emitted then.
func (in Intensity) RangeOld(at time.Time) bool {
	return in.High > 0 && in.Year > 0 && at.UTC().Year()-in.Year > rangeYears
}

// Query asks for an intensity. The zero Query is the world, lifecycle, newest.
type Query struct {
	// Zone is a code, name, cloud region ("aws:eu-west-1") or point
	// ("48.85,2.35") as people write it.
	Zone string
	// Scope wanted; "" is Lifecycle where the zone has one, else Direct, with the reason in
	// Instead.
	Scope Scope
	// Year wanted; 0 is that of Time.
	Year int
	// Market wants the cloud provider's own market-based figure in place of the
	// grid's, and has no scope.
	Market bool
	// Time for which the figure shall hold; of a yearly table it is the year, or the nearest,
	// with the reason in Instead. Zero is now: the newest.
	Time time.Time
}

// A Provider looks intensities up. It is safe for concurrent use. A region it
// does not know is an *UnknownError, never a silent average.
type Provider interface {
	Intensity(ctx context.Context, q Query) (Intensity, error)
}

// An Immediate is a Provider that answers from memory: a tracker asks it in place when it
// begins, and has the answer however busy the machine is. One without To holds for the run;
// the others are asked for again. It is found by type assertion.
type Immediate interface {
	Provider
	Immediate() // does nothing
}

// A Forecaster also knows what is to come. It is found by type assertion on a
// Provider, and as safe for concurrent use.
type Forecaster interface {
	// Forecast gives intensities in order of time and without overlap, from the
	// one that holds at Query.Time to the one that holds just before until, as
	// far as they are known. Where nothing is it is an error.
	Forecast(ctx context.Context, q Query, until time.Time) ([]Intensity, error)
}
