// Package config reads the settings of carbonctl: one table says which there are, what
// each takes and who may set it; layers from the built-in ones up to flags give them
// values, and each value keeps its origin.
package config

import "strings"

// Key is the name of a setting in files and, with "--", as a flag.
const (
	RegionsFile  = "regions-file" // read before all others: it says what zones there are
	Region       = "region"
	DetectCloud  = "detect-cloud"
	Intensity    = "intensity"
	PUE          = "pue"
	Interval     = "interval"
	Charge       = "charge"
	Project      = "project"
	Label        = "label"
	Ledger       = "ledger"
	KeepRuns     = "keep-runs"
	Epochs       = "epochs"
	EpochPattern = "epoch-pattern"
	EpochPreset  = "epoch-preset"
	Car          = "car"
)

// Kind is what a setting takes.
type Kind int

const (
	Text   Kind = iota
	Number      // written without quotes in a file
	Bool        // true or false; a flag needs no value
	Pairs       // key=value, any number of them; a table in a file
)

// A Setting is one key that files, environment and flags share.
type Setting struct {
	Key string
	// Usage is one line of help, with the value's name in backquotes.
	Usage string
	Kind  Kind
	// Project: ./.carbonctl.toml may set it too. A file that comes with somebody
	// else's project must not make us run, load, write or send anything.
	Project bool
	set     func(v *Values, value string) error // nil: its values belong to a room above
}

// Variable is the setting's name in the environment.
func (s Setting) Variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.Key, "-", "_"))
}

const prefix = "CARBONCTL_"

// Table lists all settings.
func Table() []Setting {
	return []Setting{
		{RegionsFile, RegionsFileUsage, Text, false, (*Values).setRegionsFile},
		{Region, "`ZONE` where the machine is: FR, France, US-CA; \"carbonctl regions show\" lists all", Text, true, (*Values).setRegion},
		{DetectCloud, "ask the cloud that this machine may be in for the region, for 300 ms at most", Bool, false, (*Values).setDetectCloud},
		{Intensity, "your own carbon intensity, in `GRAMS` of CO2e per kWh", Number, true, (*Values).setIntensity},
		{PUE, "`FACTOR` of the building's energy over the computers', at least 1", Number, true, (*Values).setPUE},
		{Interval, "`TIME` between two readings (default 1s)", Text, false, (*Values).setInterval},
		{Charge, "`WHAT` the headline takes: machine, or process for the work's part (default: machine, unless a limit shows that it is shared)", Text, true, (*Values).setCharge},
		{Project, "`NAME` that groups runs", Text, true, (*Values).setProject},
		{Label, "a key and its value, `K=V`, to group and filter by; may be repeated", Pairs, true, (*Values).setLabel},
		{Ledger, "CSV `FILE` that keeps the runs, or none", Text, false, (*Values).setLedger},
		{KeepRuns, "`N` or age of the runs that stay whole beside the ledger: 1000, 90d; 0 for none (default 1000)", Text, false, nil},
		{Epochs, "how many epochs there will be, `N`; they are looked for in the output", Number, true, (*Values).setEpochs},
		{EpochPattern, "regular expression `RE` that finds epochs in the output", Text, true, nil},
		{EpochPreset, "`NAME` of what prints them", Text, true, nil},
		{Car, CarUsage, Text, true, nil},
	}
}

// CarUsage is the help of the flag wherever it stands alone.
const CarUsage = "`CAR` to compare emissions with: us, eu, uk, carbontracker, or g/km (default: us, from 1 kg on)"

// RegionsFileUsage is the help of the flag wherever it stands alone.
const RegionsFileUsage = "CSV `FILE` with a table of your own, laid over the built-in one"
