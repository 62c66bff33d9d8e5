package ledger

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/formula"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// CodeCarbonHeader is the first line of the emissions.csv that CodeCarbon 3.3
// writes, without its line end: 38 columns in the order of its data class.
const CodeCarbonHeader = "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,gpu_power," +
	"ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,water_consumed,country_name,country_iso_code,region," +
	"cloud_provider,cloud_region,os,python_version,codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model," +
	"longitude,latitude,ram_total_size,tracking_mode,cpu_utilization_percent,gpu_utilization_percent," +
	"ram_utilization_percent,ram_used_gb,on_cloud,pue,wue"

// ErrColumns reports that a file lacks the columns that CodeCarbon 3.3 writes.
var ErrColumns = errors.New("its columns are not the 38 that CodeCarbon 3.3 writes, in their order")

// CodeCarbonWriter appends runs to a file at Path in the format of CodeCarbon's
// emissions.csv, for dashboards that read that. It is a sink of package carbon.
// Such a file has no chain and no journal, and most of what a report knows is not
// in it. Any number of writers may append to one file; CodeCarbon itself takes no
// lock.
type CodeCarbonWriter struct {
	Path string

	open func(path string) (file, error) // nil: as it is
}

// Report appends one row. A missing file is created; one with other columns is
// left alone, and the error is ErrColumns. An unfinished last line is moved to
// FILE.torn. On an error nothing was added.
func (c CodeCarbonWriter) Report(ctx context.Context, r footprint.Report) error {
	path, err := locate(c.Path)
	if err != nil {
		return fmt.Errorf("codecarbon file: %w", err)
	}
	unlock, err := lockLedger(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.append(path, codecarbonCells(r)); err != nil {
		return fmt.Errorf("codecarbon file %s: %w", path, err)
	}
	return nil
}

func (c CodeCarbonWriter) append(path string, row []string) error {
	w := Writer{open: c.open}
	f, err := w.ledger(path)
	if err != nil {
		return err
	}
	defer f.Close()
	at, err := codecarbonTail(w, path, f)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(at.before)
	lines := csv.NewWriter(&b)
	lines.UseCRLF = at.crlf
	_ = lines.Write(row) // to memory
	lines.Flush()
	if err := write(f, b.Bytes(), at.end); err != nil {
		return err
	}
	if at.end == 0 {
		return syncDir(filepath.Dir(path))
	}
	return nil
}

// foreignTail is how a CodeCarbon file ends.
type foreignTail struct {
	end    int64  // where the next row goes
	before string // and what has to stand before it: the header, or a line end
	crlf   bool
}

// codecarbonTail checks the header and sets an unfinished last line aside. A
// last row that lacks only its line end, as editors leave it, is whole.
func codecarbonTail(w Writer, path string, f file) (foreignTail, error) {
	const header = CodeCarbonHeader
	at := foreignTail{before: header + "\n"}
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return at, err
	}
	size := info.Size()
	got := make([]byte, min(size, int64(len(header)+2)))
	if err := readAt(f, got, 0); err != nil {
		return at, err
	}
	if size <= int64(len(header)) && header[:size] == string(got) {
		return at, w.setAside(path, info, f, tail{torn: size}, time.Now().UTC())
	}
	rest, ok := strings.CutPrefix(string(got), header)
	at.crlf = rest == "\r\n"
	if !ok || !at.crlf && !strings.HasPrefix(rest, "\n") {
		return at, ErrColumns
	}
	at.before = ""
	if at.end, err = lineStart(f, size); err != nil || at.end == size {
		return at, err
	}
	last := make([]byte, min(size-at.end, MaxRow))
	if err := readAt(f, last, at.end); err != nil {
		return at, err
	}
	if row, err := (&cells{}).split(last); err == nil && len(row) == strings.Count(header, ",")+1 {
		at.end, at.before = size, "\n"
		if at.crlf {
			at.before = "\r\n"
		}
		return at, nil
	}
	return at, w.setAside(path, info, f, tail{end: at.end, torn: size - at.end}, time.Now().UTC())
}

// codecarbonCells gives a report in CodeCarbon's terms: kilograms, kWh at the
// building's meter (× PUE), watts that are those kWh over the duration, and the
// local time of the end. What a report does not know is an empty cell.
func codecarbonCells(r footprint.Report) []string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	row := runs.FromReport(r)
	kwh := func(e *energy.Energy) float64 {
		if e == nil {
			return 0
		}
		return e.KilowattHours() * r.PUE.Value
	}
	energyCell := func(e *energy.Energy) string {
		if e == nil {
			return ""
		}
		return number(kwh(e))
	}
	power := func(e *energy.Energy) string {
		if e == nil || r.DurationS <= 0 {
			return ""
		}
		return number(kwh(e) * energy.KilowattHour.Joules() / r.DurationS)
	}
	kg, rate := float64(r.Emissions)/1000, ""
	if r.DurationS > 0 {
		rate = number(kg / r.DurationS)
	}
	country, iso, state := country(r.Region)
	onCloud := "N"
	if r.Region.Provider != nil {
		onCloud = "Y"
	}
	cells := []string{
		r.EndedAt.Local().Format("2006-01-02T15:04:05"), r.Project, r.RunID, "", number(r.DurationS), number(kg), rate,
		power(row.CPU), power(row.GPU), power(row.Memory),
		energyCell(row.CPU), energyCell(row.GPU), energyCell(row.Memory), number(kwh(&r.Energy)), "",
		country, iso, state, row.Provider, row.CloudRegion,
		r.Host.OS, "", strings.TrimSpace("carbonctl " + r.Versions.Tool), strconv.Itoa(r.Host.CPUThreads), r.Host.CPUModel,
		strconv.Itoa(len(r.Host.GPUs)), models(r.Host.GPUs), "", "", number(float64(r.Host.MemoryBytes) / (1 << 30)), string(r.Charge),
		"", "", "", "", onCloud, number(r.PUE.Value), "",
	}
	for _, i := range []int{1, 2, 15, 17, 18, 19, 20, 22, 24, 26} { // texts
		cells[i] = formula.Guard(cells[i])
	}
	return cells
}

// country gives the names that CodeCarbon has for a zone.
func country(in footprint.Region) (country, iso, state string) {
	z, err := regions.Builtin().Zone(in.Zone)
	if err != nil || z.Country == "" {
		return in.Name, "", ""
	}
	if z.Country != z.Code {
		state = z.Name
	}
	c, err := regions.Builtin().Zone(z.Country)
	if err != nil {
		return "", "", state
	}
	return c.Name, c.Alpha3, state
}

// models writes "2 x A, 1 x B".
func models(gpus []string) string {
	var names []string
	times := map[string]int{}
	for _, g := range gpus {
		if times[g]++; times[g] == 1 {
			names = append(names, g)
		}
	}
	for i, n := range names {
		names[i] = fmt.Sprintf("%d x %s", times[n], n)
	}
	return strings.Join(names, ", ")
}
