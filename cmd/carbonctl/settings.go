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
	"os/user"
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
	"github.com/carbonctl/carbonctl/internal/nested"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/internal/watch"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
)

// options are the settings of a run, checked.
type options struct {
	table     *regions.Table
	region    string
	ask       bool             // the cloud's metadata service, where nothing else names a region
	intensity regions.Provider // nil: the table
	pue       float64
	every     time.Duration
	charge    footprint.Charge
	project   string
	labels    map[string]string
	ledger    string
	keep      ledger.Keep
	epochs    session.Epochs
	car       report.Car
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

// tableKey is the setting that is read before all others: it says what zones
// there are.
const tableKey = "regions-file"

func settings() []setting {
	return []setting{
		{tableKey, tableUsage, false, setTable},
		{"region", "`ZONE` where the machine is: FR, France, US-CA; \"carbonctl regions show\" lists all", true, setRegion},
		{"detect-cloud", "ask the cloud that this machine may be in for the region, for 300 ms at most", false, setDetect},
		{"intensity", "your own carbon intensity, in `GRAMS` of CO2e per kWh", true, setIntensity},
		{"pue", "`FACTOR` of the building's energy over the computers', at least 1", true, setPUE},
		{"interval", "`TIME` between two readings (default 1s)", false, setInterval},
		{"charge", "`WHAT` the headline takes: machine, or process for the work's part (default: machine, unless a limit shows that it is shared)", true, setCharge},
		{"project", "`NAME` that groups runs", true, func(o *options, v string) error { o.project = v; return nil }},
		{"label", "a key and its value, `K=V`, to group and filter by; may be repeated", true, setLabel},
		{"ledger", "CSV `FILE` that keeps the runs, or none", false, setLedger},
		{"keep-runs", "`N` or age of the runs that stay whole beside the ledger: 1000, 90d; 0 for none (default 1000)", false, setKeep},
		{"epochs", "how many epochs there will be, `N`; they are looked for in the output", true, setEpochs},
		{"epoch-pattern", "regular expression `RE` that finds epochs in the output", true, setPattern},
		{"epoch-preset", "`NAME` of what prints them: " + strings.Join(watch.Presets(), ", "), true, setPreset},
		{"car", carUsage, true, setCar},
	}
}

func setTable(o *options, v string) error {
	t, err := tableOf(v)
	if err == nil {
		o.table = t
	}
	return err
}

func setDetect(o *options, v string) error {
	ask, err := strconv.ParseBool(v)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", v)
	}
	o.ask = ask
	return nil
}

func setRegion(o *options, v string) error {
	if v != "" {
		if _, err := o.table.Intensity(context.Background(), regions.Query{Zone: v}); err != nil {
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
	own, err := regions.Fixed(regions.Grams(x), o.table)
	if err != nil {
		return err // and what was set before stays
	}
	o.intensity = own
	return nil
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

func setKeep(o *options, v string) error {
	keep, err := ledger.ParseKeep(v)
	if err == nil {
		o.keep = keep
	}
	return err
}

func setEpochs(o *options, v string) error {
	n, err := strconv.Atoi(v)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a whole number", v)
	case n < 0:
		return fmt.Errorf("%d is below 0", n)
	}
	o.epochs.Planned = n
	return nil
}

// setPattern and setPreset: whichever is set last says where epochs are.
func setPattern(o *options, v string) error {
	p, err := watch.Compile(v)
	if err == nil {
		o.epochs.Pattern = p
	}
	return err
}

func setPreset(o *options, v string) error {
	p, err := watch.Preset(v)
	if err == nil {
		o.epochs.Pattern = p
	}
	return err
}

const carUsage = "`CAR` to compare emissions with: us, eu, uk, carbontracker, or g/km (default: us, from 1 kg on)"

func setCar(o *options, v string) error {
	car, err := report.ParseCar(v)
	if err == nil {
		o.car = car
	}
	return err
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
	cloud    string // the provider of the machine, "" if that is not known
	values   []value
	problems []error
}

// A given is what somebody has said of a setting, and where: "--region",
// "CARBONCTL_REGION", "config.toml:3: region". err says that it can't be one.
type given struct {
	setting
	value, origin, where string
	err                  error
}

// configure reads the settings: built in, the user's file, the project's file,
// environment, flags, each over the one before. The error is that of a flag.
func configure(flags *pflag.FlagSet) (*config, error) {
	c := newConfig()
	all := settings()
	var list []given
	if dir := configDir(); dir != "" {
		list = inFile(all, filepath.Join(dir, "carbonctl", "config.toml"), false)
	}
	list = append(list, inFile(all, ".carbonctl.toml", true)...)
	for _, s := range all {
		name := variable(s.key)
		v := os.Getenv(name)
		if v == "" {
			continue
		}
		values := []string{v}
		if s.key == "label" { // there is only one variable for all of them
			values = strings.Split(v, ",")
		}
		for _, v := range values {
			list = append(list, given{s, v, "environment", name, nil})
		}
	}
	for _, s := range all {
		f := flags.Lookup(s.key)
		if f == nil || !f.Changed {
			continue
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			list = append(list, given{s, v, "flag", "--" + s.key, nil})
		}
	}
	if flags.Changed("epoch-pattern") && flags.Changed("epoch-preset") {
		return nil, errors.New("--epoch-pattern and --epoch-preset: give one of them")
	}
	parent, err := nested.Parse(os.Getenv(nested.Env))
	if err != nil {
		c.problems = append(c.problems, err)
	}
	c.parent = parent.ID
	return c, c.take(list)
}

// variable is the environment's name of a setting.
func variable(key string) string {
	return "CARBONCTL_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

func newConfig() *config {
	return &config{options: options{table: regions.Builtin(), every: time.Second, ledger: defaultLedger()}}
}

// take puts settings into force, in their order. What is wrong is a problem, and
// that of a flag an error.
func (c *config) take(list []given) error {
	for i, g := range list {
		if g.key == tableKey && g.err == nil {
			list[i].err = c.put(g)
		}
	}
	for _, g := range list {
		err := g.err
		if err == nil && g.key != tableKey {
			err = c.put(g)
		}
		var wrong []error
		for _, e := range each(err) {
			wrong = append(wrong, fmt.Errorf("%s: %w", g.where, e))
		}
		if err != nil && g.origin == "flag" {
			return errors.Join(wrong...)
		}
		c.problems = append(c.problems, wrong...)
	}
	return nil
}

func (c *config) put(g given) error {
	if err := g.set(&c.options, g.value); err != nil {
		return err
	}
	if g.key == "label" {
		g.value = pairs(c.labels) // they add up
	}
	if other := map[string]string{"epoch-pattern": "epoch-preset", "epoch-preset": "epoch-pattern"}[g.key]; other != "" {
		c.values = slices.DeleteFunc(c.values, func(v value) bool { return v.Key == other }) // it holds no more
	}
	c.note(value{g.key, g.value, g.origin})
	return nil
}

// note keeps what a setting is, in place of what it was.
func (c *config) note(v value) {
	if i := slices.IndexFunc(c.values, func(o value) bool { return o.Key == v.Key }); i >= 0 {
		c.values[i] = v
		return
	}
	c.values = append(c.values, v)
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

// inFile reads the settings of a TOML file; one that is not there says nothing.
func inFile(all []setting, path string, shared bool) []given {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var keys map[string]any
	if err == nil {
		_, err = toml.Decode(string(text), &keys)
	}
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		err = named.Err // its path is said anyway
	}
	if err != nil {
		where := path
		if at := (toml.ParseError{}); errors.As(err, &at) {
			where, err = fmt.Sprintf("%s:%d", path, at.Position.Line), errors.New(at.Message)
		}
		return []given{{origin: path, where: where, err: err}}
	}
	lines := map[string]int{}
	for key := range keys {
		lines[key] = lineOf(string(text), key)
	}
	inOrder := slices.SortedFunc(maps.Keys(keys), func(x, y string) int {
		return cmp.Or(cmp.Compare(lines[x], lines[y]), cmp.Compare(x, y))
	})
	var list []given
	for _, key := range inOrder {
		g := given{origin: path, where: fmt.Sprintf("%s:%d: %s", path, lines[key], key)}
		i := slices.IndexFunc(all, func(s setting) bool { return s.key == key })
		switch {
		case i < 0:
			g.err = fmt.Errorf("no such setting; the nearest is %q", nearest(all, key))
			list = append(list, g)
		case shared && !all[i].shared:
			g.err = errors.New("a project's file may not set this; your own config.toml may")
			list = append(list, g)
		default:
			g.setting = all[i]
			list = append(list, g.of(keys[key])...)
		}
	}
	return list
}

// of gives a setting its value as TOML has it: text, a number, a truth, or a
// table of labels.
func (g given) of(v any) (list []given) {
	switch v := v.(type) {
	case string, int64, float64, bool:
		g.value = fmt.Sprint(v)
		return []given{g}
	case map[string]any:
		if g.key != "label" {
			break
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			g.value = k + "=" + fmt.Sprint(v[k])
			list = append(list, g)
		}
		return list
	}
	g.err = fmt.Errorf("%v is neither text nor a number", v)
	return []given{g}
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
		home := homeDir()
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "carbonctl", "ledger.csv")
}

// configDir is where a user's settings are, "" without a home.
func configDir() string {
	if dir, err := os.UserConfigDir(); err == nil {
		return dir
	}
	if home := homeDir(); home != "" {
		return filepath.Join(home, ".config")
	}
	return ""
}

// homeDir is $HOME, or where a service or a cron job has none, what the system has
// for the user; "" if neither is a path.
func homeDir() string {
	if home, err := os.UserHomeDir(); err == nil {
		return home
	}
	if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
		return u.HomeDir
	}
	return ""
}
