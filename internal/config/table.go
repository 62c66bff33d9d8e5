// Package config reads the settings of carbonctl: one table says which there are, what
// each takes and who may set it; layers from the built-in ones up to flags give them
// values, and each value keeps its origin.
package config

import (
	"slices"
	"strings"
)

// Key is the name of a setting in files and, with "--", as a flag.
const (
	RegionsFile  = "regions-file" // read before all others: it says what zones there are
	Region       = "region"
	DetectCloud  = "detect-cloud"
	Water        = "water"
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
	Calibration  = "calibration"
	FlushWait    = "flush-wait"
	OTLP         = "otlp"
	CI           = "ci"
	Metrics      = "metrics"
	Textfile     = "textfile"
	Pushgateway  = "pushgateway"
	MLflow       = "mlflow"
	Influx       = "influx"
	Webhook      = "webhook"
	JSONLines    = "json-lines"
	LinesForm    = "json-lines-form"
)

// MonthlyBudget is what all runs of a month may use: no setting of one run.
const MonthlyBudget = "monthly-budget"

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
	Key  string
	Kind Kind
	// Project: ./.carbonctl.toml may set it too. A file that comes with somebody
	// else's project must not make us run, load, write or send anything.
	Project bool
	// Default is what holds if nothing is given, in words where that is no value.
	Default string
	// Example is a value as a file has it.
	Example string
	// Usage is one line of help, which begins with the value's name in backquotes.
	Usage string
	set   func(v *Values, value string) error // nil: its values belong to a room above
}

// Variable is the setting's name in the environment.
func (s Setting) Variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.Key, "-", "_"))
}

const prefix = "CARBONCTL_"

// Table lists all settings.
func Table() []Setting {
	return []Setting{
		{Region, Text, true, "world mean", `"FR"`,
			"`ZONE` where the machine is: FR, France, US-CA, aws:eu-west-1 (list: carbonctl regions show)", (*Values).setRegion},
		{Intensity, Number, true, "from the region", "56",
			"`GRAMS` carbon intensity in g CO2e/kWh, instead of the region's", (*Values).setIntensity},
		{PUE, Number, true, "1 (not set)", "1.2",
			"`FACTOR` power usage effectiveness of the building, 1 or more", (*Values).setPUE},
		{Interval, Text, false, DefaultInterval.String(), `"500ms"`,
			"`TIME` time between readings (default 1s)", (*Values).setInterval},
		{Charge, Text, true, "machine, or process where a limit shows that the machine is shared", `"process"`,
			"`WHAT` charge the machine, or this command's share of it (process); default machine, or process where limits show a shared machine", (*Values).setCharge},
		{Project, Text, true, "", `"night-builds"`,
			"`NAME` project of the run, to group and filter by", (*Values).setProject},
		{Label, Pairs, true, "", `{ team = "vision", stage = "train" }`,
			"`K=V` label of the run, to group and filter by; repeatable", (*Values).setLabel},
		{Ledger, Text, false, "", `"/data/carbon/ledger.csv"`,
			"`FILE` append the run to this ledger (CSV), or none", (*Values).setLedger},
		{KeepRuns, Text, false, "1000", `"90d"`,
			"`N` full reports to keep, by number or age: 1000, 90d; 0 for none (default 1000)", nil},
		{Epochs, Number, true, "unknown", "10",
			"`N` number of epochs; find them in the output", (*Values).setEpochs},
		{EpochPreset, Text, true, "", `"keras"`,
			"`NAME` find epochs in the output of a framework", nil},
		{EpochPattern, Text, true, "", `'^epoch (\d+)/(\d+)'`,
			"`RE` find epochs in the output by a regular expression", nil},
		{Car, Text, false, "us, from 1 kg on", `"eu"`,
			CarUsage, nil},
		{MonthlyBudget, Text, false, "none", `"220kg"`,
			"`AMOUNT` budget of all runs of a month: 220kg, 900kWh; \"carbonctl report\" and its pages compare with it", nil},
		{Calibration, Text, false, "none", `"/etc/carbonctl/calibration.json"`,
			"`FILE` calibration of this machine, for where no counter is readable (written by carbonctl calibrate)", nil},
		{RegionsFile, Text, false, "none: the built-in table", `"regions.csv"`,
			RegionsFileUsage, (*Values).setRegionsFile},
		{DetectCloud, Bool, false, "false", "true",
			"get the region from the cloud's metadata service, within 300 ms", (*Values).setDetectCloud},
		{Water, Bool, true, "false", "true",
			"report the water used by power generation and cooling", (*Values).setWater},
		{MLflow, Bool, false, "false", "true",
			"log the run to MLflow at MLFLOW_TRACKING_URI", nil},
		{Influx, Text, false, "", `"http://localhost:8086/?db=carbon"`,
			"`URL` write the run to InfluxDB: URL?db=NAME or URL?org=ORG&bucket=BUCKET", nil},
		{Webhook, Text, false, "", `"https://ci.example.org/carbon"`,
			"`URL` POST the result to URL at the end", nil},
		{JSONLines, Text, false, "", `"/var/log/carbonctl.jsonl"`,
			"`FILE` append events of the run to FILE as JSON lines; or -, fd:N", nil},
		{LinesForm, Text, false, "nested", `"flat"`,
			"`FORM` JSON lines for log shippers (nested) or metrics (flat)", nil},
		{FlushWait, Text, false, "0s", `"5s"`,
			"`TIME` wait up to this long for services at the end", (*Values).setFlushWait},
		{OTLP, Text, false, "none", `"http://localhost:4318"`,
			"`URL` send metrics and a span by OTLP; env for OTEL_EXPORTER_OTLP_ENDPOINT", nil},
		{CI, Text, false, "none", `"auto"`,
			"`SYSTEM` write a summary for the CI system: github, gitlab, auto", nil},
		{Metrics, Text, false, "none", `":9105"`,
			"`ADDRESS` serve Prometheus metrics of the run; without a host, on localhost only", nil},
		{Textfile, Text, false, "none", `"/var/lib/prometheus/node-exporter/carbonctl.prom"`,
			"`FILE` write metrics to FILE (.prom) for node_exporter's textfile collector", nil},
		{Pushgateway, Text, false, "none", `"http://127.0.0.1:9091"`,
			"`URL` push metrics to a Prometheus Pushgateway at the end", nil},
	}
}

// Help is Usage without the value's name.
func (s Setting) Help() string {
	if rest, named := strings.CutPrefix(s.Usage, "`"); named {
		_, text, _ := strings.Cut(rest, "` ")
		return text
	}
	return s.Usage
}

// OfRun reports whether the setting is about one run, so that wrap has a flag of its name.
func (s Setting) OfRun() bool { return s.Key != MonthlyBudget }

// CarUsage is the help of the flag wherever it stands alone.
const CarUsage = "`CAR` compare with a car: us, eu, uk, carbontracker, or g/km (default us, from 1 kg)"

// RegionsFileUsage is the help of the flag wherever it stands alone.
const RegionsFileUsage = "`FILE` CSV of intensities that override the built-in table"

// keys are those of a table of settings that a file may set.
func keys(all []Setting, project bool) (list []string) {
	for _, s := range all {
		if s.Project || !project {
			list = append(list, s.Key)
		}
	}
	return list
}

// reserved are the variables with our prefix that are no settings: what wrap gives its
// command, and what services need, whose secrets no file of settings may hold.
func reserved() []string {
	return []string{
		"CARBONCTL_RUN_ID", "CARBONCTL_EVENTS",
		"CARBONCTL_CARBONAWARE_URL", "CARBONCTL_CARBONAWARE_SCOPE",
		"CARBONCTL_ELECTRICITYMAPS_TOKEN", "CARBONCTL_ELECTRICITYMAPS_URL",
		"CARBONCTL_ENTSOE_TOKEN", "CARBONCTL_ENTSOE_URL",
		"CARBONCTL_PROMETHEUS_USER", "CARBONCTL_PROMETHEUS_PASSWORD", "CARBONCTL_PROMETHEUS_PASSWORD_FILE",
		"CARBONCTL_PROMETHEUS_TOKEN", "CARBONCTL_PROMETHEUS_TOKEN_FILE", "CARBONCTL_PROMETHEUS_TENANT",
		"CARBONCTL_PUSHGATEWAY_USER", "CARBONCTL_PUSHGATEWAY_PASSWORD", "CARBONCTL_PUSHGATEWAY_PASSWORD_FILE",
		"CARBONCTL_PUSHGATEWAY_TOKEN", "CARBONCTL_PUSHGATEWAY_TOKEN_FILE",
		"CARBONCTL_GBCARBON_URL", "CARBONCTL_RTE_URL",
		"CARBONCTL_WEBHOOK_SECRET", "CARBONCTL_WEBHOOK_SECRET_FILE",
		"CARBONCTL_WATTTIME_USER", "CARBONCTL_WATTTIME_PASSWORD", "CARBONCTL_WATTTIME_URL",
	}
}

// Known reports whether a variable of the environment means something to carbonctl.
func Known(variable string) bool {
	return slices.Contains(reserved(), variable) ||
		slices.ContainsFunc(Table(), func(s Setting) bool { return s.Variable() == variable })
}
