package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/regions"
)

// Where a value may come from, other than a file, whose path is its origin.
const (
	Default     = "default"
	Environment = "environment"
	Flag        = "flag"
	Cloud       = "cloud" // a region that was found, not given
)

// A Value is what a setting is, and where it was given.
type Value struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Layers are the places that settings are read from, each over the one before.
type Layers struct {
	User    string                                       // the user's file; "": none
	Project string                                       // the project's file, which may set less; "": none
	Environ []string                                     // "NAME=value", as os.Environ has them
	Flags   func(key string) (values []string, set bool) // nil: none
	// Set takes the values of the settings that belong to rooms above this one
	// (KeepRuns, EpochPattern, EpochPreset, Calibration), lowest layer first, and may refuse them;
	// nil takes all of them.
	Set func(key, value string) error
}

// Config is all settings in force.
type Config struct {
	Values
	// Given are the settings that were given, and where.
	Given []Value
	// Problems are wrong ones outside of flags, which were ignored.
	Problems []error
}

// A Problem is a setting that was refused.
type Problem struct {
	Key   string // "" if that is not one
	Where string // "CARBONCTL_REGION", "config.toml:3: region"
	Err   error
}

func (p *Problem) Error() string { return p.Where + ": " + p.Err.Error() }

func (p *Problem) Unwrap() error { return p.Err }

// A given is what was said of a setting, and where: "--region", "CARBONCTL_REGION",
// "config.toml:3: region". err says why it cannot be one.
type given struct {
	Setting
	value, origin, where string
	err                  error
}

// Read reads the settings. The error is that of a flag.
func (l Layers) Read() (*Config, error) {
	c := &Config{Values: Values{Table: regions.Builtin(), Interval: DefaultInterval, Ledger: DefaultLedger()}}
	all := Table()
	var list []given
	if l.User != "" {
		list = inFile(all, l.User, false)
	}
	if l.Project != "" {
		list = append(list, inFile(all, l.Project, true)...)
	}
	list = append(list, inEnviron(all, l.Environ)...)
	list = append(list, l.inFlags(all)...)
	return c, c.take(list, l.Set)
}

func (l Layers) inFlags(all []Setting) (list []given) {
	if l.Flags == nil {
		return nil
	}
	for _, s := range all {
		values, set := l.Flags(s.Key)
		if !set {
			continue
		}
		for _, v := range values {
			list = append(list, given{s, v, Flag, "--" + s.Key, nil})
		}
	}
	return list
}

// take puts settings into force, in their order. What is wrong is a problem, and
// that of a flag an error.
func (c *Config) take(list []given, above func(key, value string) error) error {
	for i, g := range list {
		if g.Key == RegionsFile && g.err == nil {
			list[i].err = c.put(g, above)
		}
	}
	for _, g := range list {
		err := g.err
		if err == nil && g.Key != RegionsFile {
			err = c.put(g, above)
		}
		wrong := g.problems(err)
		if err != nil && g.origin == Flag {
			return errors.Join(wrong...)
		}
		c.Problems = append(c.Problems, wrong...)
	}
	return nil
}

// problems are the errors that are joined in one, each with the place of the setting.
func (g given) problems(err error) (list []error) {
	if err == nil {
		return nil
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		for _, e := range all.Unwrap() {
			list = append(list, g.problems(e)...)
		}
		return list
	}
	return []error{&Problem{g.Key, g.where, err}}
}

func (c *Config) put(g given, above func(key, value string) error) error {
	var err error
	switch {
	case g.set != nil:
		err = g.set(&c.Values, g.value)
	case above != nil:
		err = above(g.Key, g.value)
	}
	if err != nil {
		return err
	}
	if g.Key == Label { // they add up, and so do those who gave them
		g.value = pairs(c.Labels)
		switch before := c.Origin(Label); {
		case before == "":
		case slices.Contains(strings.Split(before, ", "), g.origin):
			g.origin = before
		default:
			g.origin = before + ", " + g.origin
		}
	}
	if other := map[string]string{EpochPattern: EpochPreset, EpochPreset: EpochPattern}[g.Key]; other != "" {
		c.Given = slices.DeleteFunc(c.Given, func(v Value) bool { return v.Key == other }) // it holds no more
	}
	c.Note(Value{g.Key, g.value, g.origin})
	return nil
}

// Note keeps what a setting is, in place of what it was.
func (c *Config) Note(v Value) {
	if i := slices.IndexFunc(c.Given, func(o Value) bool { return o.Key == v.Key }); i >= 0 {
		c.Given[i] = v
		return
	}
	c.Given = append(c.Given, v)
}

// Origin is where a setting was given, "" if nowhere.
func (c *Config) Origin(key string) string {
	for _, v := range c.Given {
		if v.Key == key {
			return v.Origin
		}
	}
	return ""
}

// Refused reports whether a setting holds nothing because what was given is wrong.
func (c *Config) Refused(key string) bool {
	return c.Origin(key) == "" && slices.ContainsFunc(c.Problems, func(err error) bool {
		p, ok := err.(*Problem)
		return ok && p.Key == key
	})
}

// All lists every setting in the table's order, also those that nobody gave.
func (c *Config) All() (list []Value) {
	for _, s := range Table() {
		v := Value{s.Key, s.Default, Default}
		if s.Key == Ledger {
			v.Value = c.Ledger
		}
		if i := slices.IndexFunc(c.Given, func(v Value) bool { return v.Key == s.Key }); i >= 0 {
			v = c.Given[i]
		}
		list = append(list, v)
	}
	return list
}
