package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/agnivade/levenshtein"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// options are the settings of a run, checked.
type options struct {
	region    string
	intensity regions.Provider // nil: the table
	pue       float64
	every     time.Duration
	charge    footprint.Charge
	project   string
	labels    map[string]string
	ledger    string
	parent    string // the run that started this one, "" if none
}

// A setting is one key that flags, environment and files share.
type setting struct {
	key, usage string
	// shared: ./.carbonctl.toml may set it too. A file that comes with somebody
	// else's project must not make us run, load, write or send anything.
	shared bool
	set    func(o *options, v string) error
}

func settings() []setting {
	return []setting{
		{"region", "`ZONE` where the machine is: FR, France, US-CA; \"carbonctl regions show\" lists all", true, setRegion},
		{"intensity", "your own carbon intensity, in `GRAMS` of CO2e per kWh", true, setIntensity},
		{"pue", "`FACTOR` of the building's energy over the computers', at least 1", true, setPUE},
		{"interval", "`TIME` between two readings (default 1s)", false, setInterval},
		{"charge", "`WHAT` the headline takes: machine, or process for the work's part (default: machine, unless a limit shows that it is shared)", true, setCharge},
		{"project", "`NAME` that groups runs", true, func(o *options, v string) error { o.project = v; return nil }},
		{"label", "a key and its value, `K=V`, to group and filter by; may be repeated", true, setLabel},
		{"ledger", "CSV `FILE` that keeps the runs, or none", false, setLedger},
	}
}

func setRegion(o *options, v string) error {
	if v != "" {
		if _, err := regions.Builtin().Intensity(context.Background(), regions.Query{Zone: v}); err != nil {
			return err
		}
	}
	o.region = v
	return nil
}

func number(v string) (float64, error) {
	x, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%q is not a number", v)
	}
	return x, nil
}

func setIntensity(o *options, v string) error {
	x, err := number(v)
	if err != nil {
		return err
	}
	o.intensity, err = regions.Fixed(regions.Grams(x))
	return err
}

func setPUE(o *options, v string) error {
	x, err := number(v)
	if err != nil {
		return err
	}
	if x < 1 {
		return fmt.Errorf("%s is below 1: a PUE is all of the building's energy over that of its computers", v)
	}
	o.pue = x
	return nil
}

func setInterval(o *options, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil {
		return fmt.Errorf("%q is not a time such as 500ms or 2s", v)
	}
	if d < carbon.MinEvery {
		return fmt.Errorf("%s is less than %v", v, carbon.MinEvery)
	}
	o.every = d
	return nil
}

func setCharge(o *options, v string) error {
	switch c := footprint.Charge(v); c {
	case footprint.ChargeMachine, footprint.ChargeProcess:
		o.charge = c
		return nil
	}
	return fmt.Errorf("%q is neither machine nor process", v)
}

func setLedger(o *options, v string) error {
	if v == "" {
		return errors.New(`give a file, or "none"`)
	}
	o.ledger = v
	return nil
}

// setLabel takes one pair. Only the first = separates, and a comma belongs to
// the value.
func setLabel(o *options, pair string) error {
	key, value, ok := strings.Cut(pair, "=")
	if key = strings.TrimSpace(key); !ok || key == "" {
		return fmt.Errorf("%q is not of the form key=value", pair)
	}
	if o.labels == nil {
		o.labels = map[string]string{}
	}
	o.labels[key] = strings.TrimSpace(value)
	return nil
}

// pairs shows labels as they are given.
func pairs(labels map[string]string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, k+"="+labels[k])
	}
	return strings.Join(all, ",")
}

// A value is what a setting is, and where that was said.
type value struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // "flag", "environment", a file's path, "default"
}

// config is all settings in force. Problems are wrong ones outside of flags,
// which were left out.
type config struct {
	options
	values   []value
	problems []error
}

// configure reads the settings: built in, the user's file, the project's file,
// environment, flags, each over the one before. The error is that of a flag.
func configure(flags *pflag.FlagSet) (*config, error) {
	c := &config{options: options{every: time.Second, ledger: defaultLedger()}}
	all := settings()
	if dir, err := os.UserConfigDir(); err == nil {
		c.file(all, filepath.Join(dir, "carbonctl", "config.toml"), false)
	}
	c.file(all, ".carbonctl.toml", true)
	for _, s := range all {
		name := "CARBONCTL_" + strings.ToUpper(s.key)
		v := os.Getenv(name)
		if v == "" {
			continue
		}
		given := []string{v}
		if s.key == "label" { // there is only one variable for all of them
			given = strings.Split(v, ",")
		}
		for _, v := range given {
			if err := c.put(s, v, "environment"); err != nil {
				c.problems = append(c.problems, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	parent, err := carbon.ParentFromEnv()
	if err != nil {
		c.problems = append(c.problems, err)
	}
	c.parent = parent
	for _, s := range all {
		f := flags.Lookup(s.key)
		if f == nil || !f.Changed {
			continue
		}
		given := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			given = list.GetSlice()
		}
		for _, v := range given {
			if err := c.put(s, v, "flag"); err != nil {
				return nil, fmt.Errorf("--%s: %w", s.key, err)
			}
		}
	}
	return c, nil
}

func (c *config) put(s setting, v, origin string) error {
	if err := s.set(&c.options, v); err != nil {
		return err
	}
	i := slices.IndexFunc(c.values, func(o value) bool { return o.Key == s.key })
	if s.key == "label" {
		v = pairs(c.labels) // they add up
	}
	if i < 0 {
		c.values = append(c.values, value{s.key, v, origin})
	} else {
		c.values[i] = value{s.key, v, origin}
	}
	return nil
}

// origin says where a setting was given, "" if nowhere.
func (c *config) origin(key string) string {
	for _, v := range c.values {
		if v.Key == key {
			return v.Origin
		}
	}
	return ""
}

// file reads one TOML file; one that is not there says nothing.
func (c *config) file(all []setting, path string, shared bool) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var keys map[string]any
	if err == nil {
		_, err = toml.Decode(string(text), &keys)
	}
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		err = named.Err // its path is said anyway
	}
	if err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			c.problems = append(c.problems, fmt.Errorf("%s:%d: %s", path, at.Position.Line, at.Message))
			return
		}
		c.problems = append(c.problems, fmt.Errorf("%s: %w", path, err))
		return
	}
	lines := map[string]int{}
	for key := range keys {
		lines[key] = lineOf(string(text), key)
	}
	inOrder := slices.SortedFunc(maps.Keys(keys), func(x, y string) int {
		return cmp.Or(cmp.Compare(lines[x], lines[y]), cmp.Compare(x, y))
	})
	for _, key := range inOrder {
		where := fmt.Sprintf("%s:%d: %s", path, lines[key], key)
		i := slices.IndexFunc(all, func(s setting) bool { return s.key == key })
		switch {
		case i < 0:
			c.problems = append(c.problems, fmt.Errorf("%s: no such setting; the nearest is %q", where, nearest(all, key)))
		case shared && !all[i].shared:
			c.problems = append(c.problems, fmt.Errorf("%s: a project's file may not set this; your own config.toml may", where))
		default:
			if err := c.putAny(all[i], keys[key], path); err != nil {
				c.problems = append(c.problems, fmt.Errorf("%s: %w", where, err))
			}
		}
	}
}

// putAny takes a value as TOML has it: text, a number, or a table of labels.
func (c *config) putAny(s setting, v any, origin string) error {
	switch v := v.(type) {
	case string, int64, float64:
		return c.put(s, fmt.Sprint(v), origin)
	case map[string]any:
		if s.key != "label" {
			break
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := c.put(s, k+"="+fmt.Sprint(v[k]), origin); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%v is neither text nor a number", v)
}

// lineOf finds the line that sets a key, 1 if it can't tell.
func lineOf(text, key string) int {
	re := regexp.MustCompile(`(?m)^[ \t]*(?:\[[ \t]*)?"?` + regexp.QuoteMeta(key) + `"?[ \t]*(?:[=.\]])`)
	at := re.FindStringIndex(text)
	if at == nil {
		return 1
	}
	return 1 + strings.Count(text[:at[0]], "\n")
}

// nearest finds the setting whose key is most like a wrong one.
func nearest(all []setting, key string) string {
	return slices.MinFunc(all, func(a, b setting) int {
		return levenshtein.ComputeDistance(a.key, key) - levenshtein.ComputeDistance(b.key, key)
	}).key
}

// defaultLedger is $XDG_STATE_HOME/carbonctl/ledger.csv, "" without a home.
func defaultLedger() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "carbonctl", "ledger.csv")
}
