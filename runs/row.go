package runs

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// Row is one run as one line of the CSV ledger. The order of its fields is the
// order of the columns and a contract: a new header is a new schema. An amount
// that is not known is nil, and its cell empty; "omitempty" makes an empty cell
// nil again where gocsv reads it. Package ledger writes and reads rows.
type Row struct {
	Schema      string           `csv:"schema"`
	LedgerID    string           `csv:"ledger_id"`
	RunID       string           `csv:"run_id"`
	ParentRunID string           `csv:"parent_run_id"`
	CountedBy   string           `csv:"counted_by"`
	Project     string           `csv:"project"`
	Labels      string           `csv:"labels"` // compact JSON object, keys sorted
	User        string           `csv:"user"`
	Host        string           `csv:"host"`
	JobID       string           `csv:"job_id"`
	JobRank     *int             `csv:"job_rank,omitempty"`
	Status      footprint.Status `csv:"status"`
	ExitCode    *int             `csv:"exit_code,omitempty"`
	StartedAt   Stamp            `csv:"started_at"`
	EndedAt     Stamp            `csv:"ended_at"`
	DurationS   Number           `csv:"duration_s"`

	Zone            string `csv:"zone"`
	Provider        string `csv:"provider"`
	CloudRegion     string `csv:"cloud_region"`
	PerKWh          Number `csv:"g_per_kwh"`
	IntensityKind   string `csv:"intensity_kind"`
	IntensityScope  string `csv:"intensity_scope"`
	IntensityYear   *int   `csv:"intensity_year,omitempty"`
	IntensitySource string `csv:"intensity_source"`
	// PUE that the emissions were charged with; nil where an imported record does
	// not tell.
	PUE    *Number          `csv:"pue,omitempty"`
	Charge footprint.Charge `csv:"charge"`

	MachineEnergy energy.Energy  `csv:"machine_energy_joules"`
	ProcessEnergy *energy.Energy `csv:"process_energy_joules,omitempty"`
	Energy        energy.Energy  `csv:"energy_joules"`
	// The bounds of Energy. High alone is nil where nothing bounds it from above;
	// both are where another tool has recorded none.
	EnergyLow     *energy.Energy `csv:"energy_low_joules,omitempty"`
	EnergyHigh    *energy.Energy `csv:"energy_high_joules,omitempty"`
	CPU           *energy.Energy `csv:"cpu_joules,omitempty"`
	Memory        *energy.Energy `csv:"memory_joules,omitempty"`
	GPU           *energy.Energy `csv:"gpu_joules,omitempty"`
	Other         *energy.Energy `csv:"other_joules,omitempty"`
	MeasuredShare *Number        `csv:"measured_share,omitempty"`
	Coverage      Number         `csv:"coverage"`

	Emissions       Number  `csv:"emissions_g"`
	EmissionsLow    *Number `csv:"emissions_low_g,omitempty"` // as those of the energy
	EmissionsHigh   *Number `csv:"emissions_high_g,omitempty"`
	MarketEmissions *Number `csv:"market_emissions_g,omitempty"`
	Embodied        *Number `csv:"embodied_g,omitempty"`

	Epochs             int            `csv:"epochs"`
	PredictedEnergy    *energy.Energy `csv:"predicted_energy_joules,omitempty"`
	PredictedEmissions *Number        `csv:"predicted_emissions_g,omitempty"`
	Budget             string         `csv:"budget"`
	Warnings           string         `csv:"warnings"` // codes, each once, separated by a space

	// Machine is the same for runs of one machine between two of its starts, ""
	// where it is not known. Runs of one machine at the same time share its energy.
	Machine    string `csv:"machine"`
	Components string `csv:"components"` // see [Component]; "" where not known
	// Revision is the git commit of the working directory, "+dirty" behind it where
	// files differ from that, "+unchecked" where it is not known whether they do.
	Revision string `csv:"revision"`
	Work     string `csv:"work"` // compact JSON object of counted units, or ""
	// Water is litres, on site and off. Cost is an amount and its currency.
	Water *Number `csv:"water_l,omitempty"`
	Cost  string  `csv:"cost"`
	// The range that the source of PerKWh gives for it, nil where it gives none.
	IntensityLow  *Number `csv:"intensity_low,omitempty"`
	IntensityHigh *Number `csv:"intensity_high,omitempty"`
	RunHash       string  `csv:"run_sha256"` // of the kept report, or ""

	ToolVersion  string `csv:"tool_version"`
	DataVersion  string `csv:"data_version"`
	Details      string `csv:"details"` // compact JSON of what has no column, or ""
	PreviousHash string `csv:"previous_hash"`
	Hash         string `csv:"hash"`
}

// Number is a float that a CSV cell holds as the shortest decimal that reads
// back the same, never with an exponent. Infinities and NaN are no numbers.
type Number float64

// Stamp is a UTC time in RFC 3339 with milliseconds in a CSV cell.
type Stamp struct{ time.Time }
