// Package live is the table of the live services: what each is called, what it needs and
// how it is made ready. One of them, file:PATH, reads a series that anybody may write. The names in help and in errors come from it.
//
// Addresses and secrets are variables of the environment, CARBONCTL_, the service's name
// and the key: CARBONCTL_ENTSOE_TOKEN. Neither a flag, which others see, nor a file holds
// one. The package reads no environment itself.
package live

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/regions"
)

// A Service is a live service made ready. It is safe for concurrent use.
type Service struct {
	Name string
	// Now knows the intensity of the hour, nil where its figures are marginal: those
	// say when work would emit least, and are never emissions.
	Now regions.Provider
	// Ahead knows the hours to come, nil where there is no forecast.
	Ahead regions.Forecaster
}

// Options say how services are reached. The zero value has no variable set and keeps no
// answers.
type Options struct {
	Table *regions.Table               // names and points of zones; nil: the built-in one
	Env   func(variable string) string // nil: no variable is set
	Cache string                       // folder in which each has one for answers, "" for none
}

// Names lists the services in alphabetical order.
func Names() []string { return names(func(entry) bool { return true }) }

// Counting lists those that can know the intensity of the hour: their figures are
// emissions.
func Counting() []string { return names(func(e entry) bool { return !e.marginal }) }

// Forecasting lists those that know the hours to come.
func Forecasting() []string { return names(func(e entry) bool { return e.ahead }) }

// ForecastingIn lists those of them that may cover a country, by its code: where they do
// depends on the account that is used.
func ForecastingIn(country string) []string {
	return names(func(e entry) bool { return e.ahead && (e.only == "" || e.only == country) })
}

func names(want func(entry) bool) (list []string) {
	for _, e := range table() {
		if want(e) {
			list = append(list, e.label())
		}
	}
	return list
}

// A MissingError is a variable that is not set and that a service cannot do without.
type MissingError struct{ Service, Variable string }

func (e *MissingError) Error() string { return e.Service + " needs the variable " + e.Variable }

// ErrMarginal is wrapped where emissions were to be counted by a service that has
// marginal figures only.
var ErrMarginal = errors.New("its figures are marginal, not for accounting")

// Open makes a service ready by its name; it asks nothing yet. The error of one that lacks
// a variable is a [MissingError].
func Open(name string, o Options) (Service, error) {
	all := table()
	name, argument, given := strings.Cut(name, ":")
	i := slices.IndexFunc(all, func(e entry) bool { return e.name == name && (!given || e.argument != "") })
	if i < 0 {
		return Service{}, fmt.Errorf("unknown live service %.40q: use one of %s", name, strings.Join(Names(), ", "))
	}
	e := all[i]
	if o.Env == nil {
		o.Env = func(string) string { return "" }
	}
	value := func(key string) string {
		if key == e.argument && key != "" {
			return argument
		}
		return o.Env(e.variable(key))
	}
	for _, key := range e.needs {
		if value(key) == "" {
			return Service{}, &MissingError{name, e.variable(key)}
		}
	}
	if o.Cache != "" {
		o.Cache = filepath.Join(o.Cache, name)
	}
	s, err := e.open(value, o)
	if err != nil {
		return Service{}, err // a provider's errors begin with its name
	}
	s.Name = name
	return s, nil
}

// Forecasts is Open for a service that must have a forecast.
func Forecasts(name string, o Options) (regions.Forecaster, error) {
	s, err := Open(name, o)
	if err == nil && s.Ahead == nil {
		err = fmt.Errorf("%s has no forecast; these have: %s", name, strings.Join(Forecasting(), ", "))
	}
	return s.Ahead, err
}

// Over is the provider of a service by its name, and the table where that fails: see
// [regions.Else]. No name: the table alone. A query for a year or for the market's figures
// is refused, since a service has only the hour at hand.
func Over(name string, o Options, q regions.Query) (regions.Provider, error) {
	if o.Table == nil {
		o.Table = regions.Builtin()
	}
	if name == "" {
		return o.Table, nil
	}
	if q.Year != 0 || q.Market {
		return nil, fmt.Errorf("%s has only the current hour: leave out --year and --market", name)
	}
	s, err := Open(name, o)
	switch {
	case err != nil:
		return nil, err
	case s.Now == nil:
		return nil, fmt.Errorf("%s: %w", name, ErrMarginal)
	}
	return regions.Else(s.Now, o.Table), nil
}
