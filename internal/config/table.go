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
	// Usage is one line of help, with the value's name in backquotes.
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
			"`ZONE` of the machine: FR, France, US-CA, aws:eu-west-1; \"carbonctl regions show\" lists all", (*Values).setRegion},
		{Intensity, Number, true, "from the region", "56",
			"your own carbon intensity, in `GRAMS` of CO2e per kWh", (*Values).setIntensity},
		{PUE, Number, true, "1, not given", "1.2",
			"`FACTOR` of the building's energy over the computers', at least 1", (*Values).setPUE},
		{Interval, Text, false, DefaultInterval.String(), `"500ms"`,
			"`TIME` between two readings (default 1s)", (*Values).setInterval},
		{Charge, Text, true, "machine, or process where a limit shows that the machine is shared", `"process"`,
			"`WHAT` to charge: machine, or process for this command's share (default: machine, unless a limit shows that it is shared)", (*Values).setCharge},
		{Project, Text, true, "", `"night-builds"`,
			"project `NAME`, to group runs by", (*Values).setProject},
		{Label, Pairs, true, "", `{ team = "vision", stage = "train" }`,
			"label `K=V` to group and filter by; may be repeated", (*Values).setLabel},
		{Ledger, Text, false, "", `"/data/carbon/ledger.csv"`,
			"ledger `FILE` (CSV) to which the run is added, or none", (*Values).setLedger},
		{KeepRuns, Text, false, "1000", `"90d"`,
			"keep the reports of the newest `N` runs, or of an age: 1000, 90d; 0 for none (default 1000)", nil},
		{Epochs, Number, true, "unknown", "10",
			"expect `N` epochs and find them in the output", (*Values).setEpochs},
		{EpochPreset, Text, true, "", `"keras"`,
			"find epochs as this framework, `NAME`, prints them", nil},
		{EpochPattern, Text, true, "", `'^epoch (\d+)/(\d+)'`,
			"find epochs in the output by this regular expression, `RE`", nil},
		{Car, Text, false, "us, from 1 kg on", `"eu"`,
			CarUsage, nil},
		{MonthlyBudget, Text, false, "none", `"220kg"`,
			"what all runs of a month may use, `AMOUNT`: 220kg or 900kWh; \"carbonctl report\" and its page compare with it", nil},
		{Calibration, Text, false, "none", `"/etc/carbonctl/calibration.json"`,
			"calibration `FILE` of this machine, used where no counter is readable; \"carbonctl calibrate\" writes it", nil},
		{RegionsFile, Text, false, "none: the built-in table", `"regions.csv"`,
			RegionsFileUsage, (*Values).setRegionsFile},
		{DetectCloud, Bool, false, "false", "true",
			"query the cloud's metadata service for the region, 300 ms at most", (*Values).setDetectCloud},
		{Water, Bool, true, "false", "true",
			"count the water that the electricity and the cooling took", (*Values).setWater},
		{MLflow, Bool, false, "false", "true",
			"log the run to MLflow: the server of MLFLOW_TRACKING_URI", nil},
		{Influx, Text, false, "", `"http://localhost:8086/?db=carbon"`,
			"write the run to the InfluxDB at this `URL`, ?db=NAME or ?org=ORG&bucket=BUCKET", nil},
		{Webhook, Text, false, "", `"https://ci.example.org/carbon"`,
			"post the result to this `URL` when the command has ended", nil},
		{JSONLines, Text, false, "", `"/var/log/carbonctl.jsonl"`,
			"add what happens in the run to this `FILE` as JSON lines; - for stdout, fd:N", nil},
		{LinesForm, Text, false, "nested", `"flat"`,
			"`FORM` of the JSON lines: nested for log shippers, flat for metrics", nil},
		{FlushWait, Text, false, "0s", `"5s"`,
			"wait this `TIME` more for services at the end (default 0s)", (*Values).setFlushWait},
		{OTLP, Text, false, "none", `"http://localhost:4318"`,
			"send metrics and a span to OpenTelemetry at this `URL`, or env for that of OTEL_EXPORTER_OTLP_ENDPOINT", nil},
		{CI, Text, false, "none", `"auto"`,
			"show the run in the CI `SYSTEM`: github, gitlab, or auto to find it", nil},
		{Metrics, Text, false, "none", `":9105"`,
			"serve metrics of the run for Prometheus on `ADDRESS`; without a host, on localhost only", nil},
		{Textfile, Text, false, "none", `"/var/lib/prometheus/node-exporter/carbonctl.prom"`,
			"keep metrics of the run in this `FILE`.prom, for node_exporter's textfile collector", nil},
		{Pushgateway, Text, false, "none", `"http://127.0.0.1:9091"`,
			"push metrics of the run to the Pushgateway at `URL` at the end", nil},
	}
}

// OfRun reports whether the setting is about one run, so that wrap has a flag of its name.
func (s Setting) OfRun() bool { return s.Key != MonthlyBudget }

// CarUsage is the help of the flag wherever it stands alone.
const CarUsage = "`CAR` to compare emissions with: us, eu, uk, carbontracker, or g/km (default: us, from 1 kg on)"

// RegionsFileUsage is the help of the flag wherever it stands alone.
const RegionsFileUsage = "CSV `FILE` with your own figures, over the built-in table"

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
// command, and what services need, whose secrets no file may hold.
// command, and what live services and webhooks need, whose secrets no file of settings may hold.
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
