// Package ledger keeps the CSV file of runs: one row a run, each row chained to
// the one before it by a hash, so that a change made later can be found.
//
// [Writer] appends; as a sink of package carbon it also keeps a journal of the run
// that goes on, so that [Writer.Recover] can make the row of one that was killed.
// [Read] reads rows whatever the state of the chain, [Check] verifies it with what
// lies beside it, [OpenRun] opens a run that was kept whole; [Merge] puts ledgers
// together, [CodeCarbonWriter] writes another tool's format.
// docs/ledger.md defines every column and the chain exactly enough to write a
// verifier without this package, docs/recovery.md what survives what.
//
// Beside FILE stand FILE.head (see [Head]) and, with a key, FILE.head.sig; FILE.d
// with the journals and the kept runs; and, after a crash, FILE.torn with what was
// left of an unfinished row.
package ledger

import (
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/runs"
)

// Header is the first line of a new ledger, without its line end: the columns of a
// runs.Row. It is a contract; other columns are another schema.
const Header = upToWarnings + "machine,components,revision,work,water_l,cost,intensity_low,intensity_high,run_sha256," + fromVersion

// HeaderV1 is the first line of a ledger of the previous schema. Such a file is read and
// continued as it began; what v2 has further columns for is in its details.
const HeaderV1 = upToWarnings + fromVersion

const upToWarnings = "schema,ledger_id,run_id,parent_run_id,counted_by,project,labels,user,host,job_id,job_rank," +
	"status,exit_code,started_at,ended_at,duration_s,zone,provider,cloud_region,g_per_kwh,intensity_kind," +
	"intensity_scope,intensity_year,intensity_source,pue,charge,machine_energy_joules,process_energy_joules," +
	"energy_joules,energy_low_joules,energy_high_joules,cpu_joules,memory_joules,gpu_joules,other_joules," +
	"measured_share,coverage,emissions_g,emissions_low_g,emissions_high_g,market_emissions_g,embodied_g,epochs," +
	"predicted_energy_joules,predicted_emissions_g,budget,warnings,"

const fromVersion = "tool_version,data_version,details,previous_hash,hash"

// schemaOf names the schema of a header, "" if it is none of ours.
func schemaOf(header string) string {
	switch header {
	case Header:
		return runs.LedgerSchema
	case HeaderV1:
		return runs.SchemaV1
	}
	return ""
}

// MaxRow is the most bytes that one row may have. A longer one is refused when
// written, and a bad line when read.
const MaxRow = 4 << 20

// Foreign is the kind of a file whose header is not a ledger's.
type Foreign string

// The kinds of file that HeaderError distinguishes.
const (
	CodeCarbon   Foreign = "codecarbon"    // CodeCarbon's emissions.csv
	Edited       Foreign = "edited"        // our columns, saved again by another program
	OtherVersion Foreign = "other-version" // a ledger with other columns: older or newer
	Unknown      Foreign = "unknown"       // anything else
)

// HeaderError reports that a file is not a ledger with the columns of this package. The file
// was left as it is.
type HeaderError struct {
	Path string // or the name given to Read
	What Foreign
	Got  string // the start of the first line
}

func (e *HeaderError) Error() string {
	var what string
	switch e.What {
	case CodeCarbon:
		what = "this is CodeCarbon's emissions file, not a ledger"
	case Edited:
		what = "the header was changed by another program (byte-order mark, line ends or quotes)"
	case OtherVersion:
		what = "the columns are those of another version"
	default:
		what = "not a ledger"
	}
	return fmt.Sprintf("ledger %s: %s; it starts with %.40q", e.Path, what, e.Got)
}

// foreign tells what a first line that is not Header belongs to.
func foreign(path, line string) *HeaderError {
	e := &HeaderError{Path: path, What: Unknown, Got: line[:min(len(line), 200)]}
	plain := strings.NewReplacer("\ufeff", "", "\r", "", "\n", "", `"`, "", ";", ",", "\t", ",").Replace(line)
	cells := map[string]bool{}
	for _, c := range strings.Split(plain, ",") {
		cells[strings.TrimSpace(c)] = true
	}
	switch {
	case cells["project_name"] && cells["emissions"] && (cells["codecarbon_version"] || cells["energy_consumed"]):
		e.What = CodeCarbon
	case plain == Header, plain == HeaderV1:
		e.What = Edited
	case cells["ledger_id"] && cells["previous_hash"] && cells["hash"]:
		e.What = OtherVersion
	}
	return e
}

// RowError reports that the last line of a ledger is not a row that the chain could continue
// from. The file was left as it is; Verify finds where the damage starts.
type RowError struct {
	Path string
	Why  string
}

func (e *RowError) Error() string {
	return fmt.Sprintf("ledger %s: the last line is not a row that can be continued: %s", e.Path, e.Why)
}
