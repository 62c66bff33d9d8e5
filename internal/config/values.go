package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// MinInterval is the shortest time between two readings: below it a counter may not have
// moved, and reading costs more than it tells.
const MinInterval = 10 * time.Millisecond

// DefaultInterval is the time between two readings that is built in.
const DefaultInterval = time.Second

// Values are the settings in force, checked.
type Values struct {
	Table       *regions.Table   // the built-in one, or that with the user's laid over it
	Region      string           // "": not given
	DetectCloud bool             // ask the cloud's metadata service, where nothing else names a region
	Water       bool             // count litres too
	Intensity   regions.Provider // nil: the table
	PUE         float64          // 0: not given
	Interval    time.Duration
	Charge      footprint.Charge // "": not given
	Project     string
	Labels      map[string]string
	Ledger      string // "" without a home, "none" for no record
	Epochs      int    // how many are planned, 0: not known
	FlushWait   time.Duration
}

func (v *Values) setRegionsFile(path string) error {
	t, err := ReadTable(path)
	if err == nil {
		v.Table = t
	}
	return err
}

// ReadTable is the built-in table of regions with that of a file laid over it.
func ReadTable(path string) (*regions.Table, error) {
	f, err := os.Open(path)
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		err = fmt.Errorf("%s: %w", path, named.Err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing is written to it
	own, err := regions.ReadTable(f, path)
	if err != nil {
		return nil, err
	}
	t, err := regions.Builtin().With(own)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func (v *Values) setRegion(zone string) error {
	if zone != "" {
		if _, err := v.Table.Intensity(context.Background(), regions.Query{Zone: zone}); err != nil {
			return err
		}
	}
	v.Region = zone
	return nil
}

func (v *Values) setDetectCloud(s string) error { return setBool(&v.DetectCloud, s) }

func (v *Values) setWater(s string) error { return setBool(&v.Water, s) }

func setBool(to *bool, s string) error {
	on, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("invalid value %.40q: use true or false", s)
	}
	*to = on
	return nil
}

func number(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("invalid number %.40q", s)
	}
	return x, nil
}

func (v *Values) setIntensity(s string) error {
	own, err := ParseIntensity(s, v.Table)
	if err != nil {
		return err // and what was set before stays
	}
	v.Intensity = own
	return nil
}

// ParseIntensity reads an own figure in g/kWh; it holds for the zones of a table.
func ParseIntensity(s string, t *regions.Table) (regions.Provider, error) {
	x, err := number(s)
	if err != nil {
		return nil, err
	}
	if err := regions.Plausible(regions.Grams(x)); err != nil {
		return nil, err
	}
	own, err := regions.Fixed(regions.Grams(x), t)
	if err != nil {
		return nil, err
	}
	return own, nil
}

func (v *Values) setPUE(s string) error {
	x, err := ParsePUE(s)
	if err == nil {
		v.PUE = x
	}
	return err
}

// ParsePUE reads a PUE, which is at least 1 and at most footprint.MaxPUE.
func ParsePUE(s string) (float64, error) {
	x, err := number(s)
	if err != nil {
		return 0, err
	}
	if x < 1 {
		return 0, fmt.Errorf("invalid PUE %s: must be 1 or more", s)
	}
	if x > footprint.MaxPUE {
		return 0, fmt.Errorf("invalid PUE %s: must be at most %d, such as 1.4", s, footprint.MaxPUE)
	}
	return x, nil
}

func (v *Values) setInterval(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("invalid time %.40q: use a number and a unit, such as 500ms or 2s", s)
	}
	if d < MinInterval {
		return fmt.Errorf("invalid time %s: the minimum is %v", s, MinInterval)
	}
	v.Interval = d
	return nil
}

func (v *Values) setFlushWait(s string) error {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return fmt.Errorf("invalid time %.40q: use a number and a unit, such as 500ms or 5s", s)
	case d < 0 || d > maxFlushWait:
		return fmt.Errorf("invalid time %s: must be from 0s to %v", s, maxFlushWait)
	}
	v.FlushWait = d
	return nil
}

// maxFlushWait is the longest that a run may wait for services after its command's end.
const maxFlushWait = 10 * time.Minute

func (v *Values) setCharge(s string) error {
	switch c := footprint.Charge(s); c {
	case footprint.ChargeMachine, footprint.ChargeProcess:
		v.Charge = c
		return nil
	}
	return fmt.Errorf("invalid value %.40q: use machine or process", s)
}

func (v *Values) setProject(s string) error {
	v.Project = s
	return nil
}

func (v *Values) setLedger(s string) error {
	if s == "" {
		return errors.New(`use a file, or "none"`)
	}
	v.Ledger = s
	return nil
}

func (v *Values) setEpochs(s string) error {
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return fmt.Errorf("invalid number %.40q: use a whole number", s)
	case n < 0:
		return fmt.Errorf("must be 0 or more, not %d", n)
	}
	v.Epochs = n
	return nil
}

func (v *Values) setLabel(pair string) error {
	key, value, err := ParseLabel(pair)
	if err != nil {
		return err
	}
	if v.Labels == nil {
		v.Labels = map[string]string{}
	}
	v.Labels[key] = value
	return nil
}

// ParseLabel reads one key=value. Only the first = separates, and a comma belongs to
// the value.
func ParseLabel(pair string) (key, value string, err error) {
	key, value, ok := strings.Cut(pair, "=")
	if key = strings.TrimSpace(key); !ok || key == "" {
		return "", "", fmt.Errorf("invalid label %.80q: use key=value", pair)
	}
	return key, strings.TrimSpace(value), nil
}

// pairs shows labels as they are given.
func pairs(labels map[string]string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, k+"="+labels[k])
	}
	return strings.Join(all, ",")
}
