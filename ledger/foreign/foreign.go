// Package foreign reads what other trackers wrote, as rows of our ledger:
// CodeCarbon's emissions.csv, CarbonTracker's logs, what Green Algorithms
// exports, experiment-impact-tracker's data.json, and what SLURM's sacct prints.
// docs/import.md says what of each is kept, repaired and unknown.
package foreign

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// Format is who wrote a file.
type Format string

// The formats.
const (
	CodeCarbon      Format = "codecarbon"
	CarbonTracker   Format = "carbontracker"
	GreenAlgorithms Format = "green-algorithms"
	ImpactTracker   Format = "experiment-impact-tracker"
)

// Imported is the code among a row's warnings that says that another tool
// measured it. What is not known of it stands in the row's details.
const Imported = "imported"

// MaxLine is the longest line that is read.
const MaxLine = 1 << 20

// Options say what a file does not.
type Options struct {
	// Format of the file; "" is found by looking.
	Format Format
	// Location of its times, which have no zone; nil is UTC.
	Location *time.Location
	// Intensity gives the one to use at a time where the file has neither that nor
	// emissions; nil makes such a run an error. The zero time is not known.
	Intensity func(at time.Time) (regions.Intensity, error)

	// Cluster says what stands in the partitions of a file of SLURM's, and Method by which
	// formula its jobs are reckoned; "" is plan.Ours.
	Cluster plan.Cluster
	Method  plan.Method
	// Grid gives the intensity of a partition at a time; nil is Intensity for all.
	Grid func(partition string, at time.Time) (regions.Intensity, error)
	// Skipped is told of each record that is no run yet, and why; nil is nobody.
	Skipped func(why string)
}

// ErrUnknown is a file that is of none of the formats.
var ErrUnknown = errors.New("unknown file format")

// ErrOwn is a file that carbonctl itself wrote: a ledger, or the JSON of a run.
var ErrOwn = errors.New("a record of carbonctl itself, and not of another tool")

// LineError says which line of a file could not be used, and why.
type LineError struct {
	Name string
	Line int // from 1; 0 is the file as a whole
	Err  error
}

func (e *LineError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err)
}

func (e *LineError) Unwrap() error { return e.Err }

// Read gives the runs of a file as rows; name is for messages, and stands in the
// rows. What can't be used comes as a *LineError, and reading goes on behind it;
// an error of r is the last thing given. The same file gives the same run_ids
// each time, so that no run needs to be imported twice.
//
// No other tool gives bounds or a coverage: a row has no bounds unless something is
// known of them, no PUE where none was recorded, and details name what is unknown.
func Read(r io.Reader, name string, o Options) iter.Seq2[runs.Row, error] {
	return func(yield func(runs.Row, error) bool) {
		if o.Location == nil {
			o.Location = time.UTC
		}
		b := plainText(r)
		if o.Format == "" {
			start, err := b.Peek(64 << 10)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(runs.Row{}, &LineError{name, 0, err})
				return
			}
			if len(bytes.TrimSpace(start)) == 0 {
				yield(runs.Row{}, &LineError{name, 0, fmt.Errorf("empty: %w", ErrUnknown)})
				return
			}
			if own(start) {
				yield(runs.Row{}, &LineError{name, 0, ErrOwn})
				return
			}
			o.Format = detect(start)
		}
		f := file{name: name, in: b, Options: o, yield: yield}
		switch o.Format {
		case CodeCarbon:
			f.codecarbon()
		case CarbonTracker:
			f.carbontracker()
		case GreenAlgorithms:
			f.greenAlgorithms()
		case ImpactTracker:
			f.impactTracker()
		case Slurm:
			f.sacct()
		default:
			f.fail(0, ErrUnknown)
		}
	}
}

// own reports whether a file is a ledger of ours or the JSON of a run.
func own(start []byte) bool {
	start = bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\ufeff")), " \t\r\n")
	return bytes.HasPrefix(start, []byte("schema,ledger_id,")) ||
		bytes.HasPrefix(start, []byte("{")) && bytes.Contains(start, []byte(`"carbonctl.run/`))
}

func detect(start []byte) Format {
	start = bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\ufeff")), " \t\r\n")
	first, rest, _ := bytes.Cut(start, []byte("\n"))
	if ccSeparator(string(first)) {
		first, _, _ = bytes.Cut(rest, []byte("\n"))
	}
	header := string(first)
	switch {
	case len(start) == 0:
		return ""
	case start[0] == '{' && bytes.Contains(start, []byte("_estimated_attributable_power_draw")):
		return ImpactTracker
	case strings.Contains(header, "JobID") && (strings.Contains(header, "|") || strings.Contains(header, "AllocTRES")):
		return Slurm
	case strings.Contains(header, "carbonEmissions") && strings.Contains(header, ";"):
		return GreenAlgorithms
	case strings.Contains(header, "emissions") && strings.Contains(header, "duration") && strings.ContainsAny(header, ",;\t"):
		return CodeCarbon
	case bytes.Contains(bytes.ToLower(start), []byte("carbontracker")):
		return CarbonTracker
	}
	return ""
}

// file is one file being read.
type file struct {
	Options
	name  string
	in    *bufio.Reader
	yield func(runs.Row, error) bool
	line  int
	back  []string // lines that were read ahead
	ended bool     // nobody takes more, or there is no more
}

// next gives the next line without its end; more is false at the end of the
// file, which an error makes too. A line that is too long is left out.
func (f *file) next() (line string, more bool) {
	if len(f.back) > 0 {
		line, f.back = f.back[0], f.back[1:]
		f.line++
		return line, true
	}
	for !f.ended {
		var b []byte
		tooLong := false
		for {
			part, err := f.in.ReadSlice('\n')
			if len(b)+len(part) > MaxLine {
				tooLong = true
			} else {
				b = append(b, part...)
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				f.fail(0, err)
				f.ended = true
			}
			if err != nil && len(b) == 0 && !tooLong {
				return "", false
			}
			break
		}
		f.line++
		if tooLong {
			f.fail(f.line, fmt.Errorf("a line of more than %d bytes", MaxLine))
			continue
		}
		if f.line == 1 {
			b = bytes.TrimPrefix(b, []byte("\ufeff"))
		}
		return strings.TrimRight(string(b), "\r\n"), true
	}
	return "", false
}

func (f *file) fail(line int, err error) {
	if !f.ended && !f.yield(runs.Row{}, &LineError{f.name, line, err}) {
		f.ended = true
	}
}

func (f *file) give(row runs.Row) {
	if !f.ended && !f.yield(row, nil) {
		f.ended = true
	}
}

// origin is what the details of an imported row tell.
type origin struct {
	Format  Format   `json:"format"`
	Version string   `json:"version,omitempty"` // of the tool
	File    string   `json:"file"`
	Line    int      `json:"line,omitempty"`
	ID      string   `json:"id,omitempty"` // the tool's own, where it is no UUID
	Notes   []string `json:"notes,omitempty"`
	Unknown []string `json:"unknown"`
	// Predicted is what the tool expected, beyond what has columns.
	Predicted *forecast `json:"predicted,omitempty"`
	Car       float64   `json:"car_km,omitempty"` // by the car that the tool compares with
	// Slurm is what SLURM tells of a job.
	Slurm *slurmDetails `json:"slurm,omitempty"`
}

// forecast is what a tool expected of so many epochs.
type forecast struct {
	Epochs   int     `json:"epochs,omitempty"`
	Duration float64 `json:"duration_s"`
	Car      float64 `json:"car_km,omitempty"`
}

// row starts the row of a run that has used so much, without PUE.
func (f *file) row(used energy.Energy, o *origin) runs.Row {
	o.Format, o.File = f.Format, f.name
	o.Unknown = append(o.Unknown, "energy_low_joules", "energy_high_joules", "coverage", "exit_code")
	return runs.Row{
		Status: footprint.Completed, Charge: footprint.ChargeMachine, Coverage: 1, Warnings: Imported,
		MachineEnergy: used, Energy: used,
	}
}

// emit sets the emissions, and bounds in proportion to those of the energy. The
// intensity is what makes the one of the other.
func emit(row *runs.Row, grams float64, source string) {
	row.Emissions = runs.Number(grams)
	row.IntensitySource = source
	if row.Energy > 0 {
		perJoule := grams / float64(row.Energy)
		if row.EnergyLow != nil {
			row.EmissionsLow = new(runs.Number(perJoule * float64(*row.EnergyLow)))
		}
		if row.EnergyHigh != nil {
			row.EmissionsHigh = new(runs.Number(perJoule * float64(*row.EnergyHigh)))
		}
		row.PerKWh = runs.Number(perJoule * float64(energy.KilowattHour) / factor(row.PUE))
	}
}

// factor is a PUE, 1 where it is not known: it is in the intensity then.
func factor(pue *runs.Number) float64 {
	if pue == nil {
		return 1
	}
	return float64(*pue)
}

// given applies the intensity of the options to a row that has none.
func (f *file) given(row *runs.Row) error {
	if f.Intensity == nil {
		return errors.New("the file has no emissions: give a region or an intensity")
	}
	in, err := f.Intensity(row.StartedAt.Time)
	if err != nil {
		return err
	}
	*row = runs.Recompute(*row, runs.Factors{Intensity: &in})
	return nil
}

// finish fills in what identifies a row, and refuses one that no run can have. id is the tool's own, or "".
func finish(row *runs.Row, o origin, id string, content string) error {
	if parsed, err := uuid.Parse(id); err == nil && parsed != uuid.Nil && len(id) == 36 {
		row.RunID = parsed.String()
	} else {
		o.ID = id
		row.RunID = uuid.NewHash(sha256.New(), uuid.NameSpaceOID, []byte(string(o.Format)+"\n"+content), 8).String()
	}
	if row.Energy == 0 {
		o.Unknown = append(o.Unknown, "g_per_kwh")
	}
	details := map[string]any{"imported": o}
	if o.Predicted != nil && o.Predicted.Epochs > 0 {
		details[runs.PlannedEpochs] = o.Predicted.Epochs
	}
	b, err := json.Marshal(details)
	row.Details = string(b)
	if err == nil && row.Energy == energy.MaxEnergy {
		err = errors.New("the energy is more than any run can have used")
	}
	if err == nil {
		err = row.Impossible()
	}
	return err
}

// number reads a finite decimal of at least 0; an empty cell is not there.
func number(cell string) (x float64, there bool, err error) {
	cell = strings.TrimSpace(cell)
	if cell == "" || strings.EqualFold(cell, "nan") || cell == "None" {
		return 0, false, nil
	}
	x, err = strconv.ParseFloat(cell, 64)
	if err != nil || math.IsInf(x, 0) || strings.ContainsAny(cell, "xXpP_") {
		return 0, false, fmt.Errorf("%.40q is not a number", cell)
	}
	if x < 0 {
		return 0, false, fmt.Errorf("%.40q is below 0", cell)
	}
	return x, true, nil
}

func kilowattHours(x float64) energy.Energy { return energy.KilowattHour.Scale(x) }

// span is a duration of so many seconds.
func span(seconds float64) time.Duration { return time.Duration(min(seconds, 1e9) * 1e9) }

// zone finds a place in our table: its code, or "".
func zone(name string) string {
	if strings.TrimSpace(name) == "" {
		return ""
	}
	z, err := regions.Builtin().Zone(name)
	if err != nil {
		return ""
	}
	return z.Code
}
