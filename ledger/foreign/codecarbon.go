package foreign

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// ccOrder are CodeCarbon's columns in the order of its data class, as of 3.3. An
// older version has some of them, in this order but for experiment_id.
var ccOrder = strings.Fields(`timestamp project_name run_id experiment_id duration emissions emissions_rate
	cpu_power gpu_power ram_power cpu_energy gpu_energy ram_energy energy_consumed water_consumed
	country_name country_iso_code region cloud_provider cloud_region os python_version codecarbon_version
	cpu_count cpu_model gpu_count gpu_model longitude latitude ram_total_size tracking_mode
	cpu_utilization_percent gpu_utilization_percent ram_utilization_percent ram_used_gb on_cloud pue wue`)

// ccNeeded are in each version since 1.0; what they hold makes the row.
var ccNeeded = []string{"timestamp", "duration", "emissions", "energy_consumed"}

// ccAlways are never empty in a version that has them.
var ccAlways = append([]string{
	"project_name", "run_id", "emissions_rate", "cpu_energy", "gpu_energy", "ram_energy",
	"os", "python_version", "codecarbon_version", "cpu_count", "tracking_mode", "on_cloud", "pue",
}, ccNeeded...)

// ccTogether are columns of which none is empty, or both.
var ccTogether = [][2]string{{"country_name", "country_iso_code"}, {"cloud_provider", "cloud_region"}, {"longitude", "latitude"}}

// What a cell of a column looks like; a text that is not listed is no number.
var (
	ccNumber  = lazy(`^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
	ccVersion = lazy(`^[0-9]+\.[0-9][0-9A-Za-z.+]*$`)
	ccShape   = map[string]func() *regexp.Regexp{
		"timestamp":        lazy(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z| ?[-+][0-9]{2}:?[0-9]{2})?$`),
		"run_id":           lazy(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|None)$`),
		"experiment_id":    lazy(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
		"region":           lazy(`^([^A-Z0-9].*|[A-Z][^A-Z].*|[A-Z]{2}[0-9]?|[A-Z]{2}[^A-Z].*)$`), // no code of a country
		"os":               lazy(`^[A-Za-z]+-`),
		"gpu_model":        lazy(`^[0-9]+ x `),
		"country_iso_code": lazy(`^[A-Z]{3}$`),
		"cloud_provider":   lazy(`^[a-z]{2,12}$`),
		"cloud_region":     lazy(`^[a-z]+[a-z0-9-]*[0-9][a-z]?$|^[a-z]+[0-9]?$`),
		"python_version":   ccVersion, "codecarbon_version": ccVersion,
		"tracking_mode": lazy(`^(machine|process)$`), "on_cloud": lazy(`^[YN]$`),
	}
)

func ccFits(column, cell string) bool {
	if shape := ccShape[column]; shape != nil {
		return shape().MatchString(cell)
	}
	if ccIsNumeric(column) {
		return ccNumber().MatchString(cell)
	}
	return !ccNumber().MatchString(cell) && !ccVersion().MatchString(cell)
}

func ccIsNumeric(column string) bool {
	switch column {
	case "project_name", "country_name", "region", "os", "cpu_model", "gpu_model":
		return false
	}
	return ccShape[column] == nil
}

func (f *file) codecarbon() {
	line, more := f.next()
	for more && (strings.TrimSpace(line) == "" || ccSeparator(line)) {
		line, more = f.next()
	}
	comma := ccComma(line)
	header, err := ccSplit(line, comma)
	columns := len(header)
	header = ccFull(header, 0)
	if err == nil {
		err = ccHeader(header)
	}
	if err != nil {
		f.fail(max(1, f.line), err)
		return
	}
	var rows []ccRun
	at := map[string]int{} // the place of each run_id
	for {
		line, more := f.next()
		if !more {
			break
		}
		line, cells, err := f.ccRecord(line, comma, columns)
		cells = ccFull(cells, len(header))
		if err == nil && (ccBlank(cells) || slices.Equal(header, cells)) {
			continue // a spreadsheet's empty rows, files that were joined
		}
		if comma == ';' {
			ccPoints(header, cells)
		}
		var run ccRun
		if err == nil {
			run, err = f.ccRun(header, cells, line)
		}
		if err != nil {
			f.fail(f.line, err)
			continue
		}
		i, again := at[run.row.RunID]
		if !again {
			at[run.row.RunID] = len(rows)
			rows = append(rows, run)
			continue
		}
		if run.row.Energy < rows[i].row.Energy {
			run, rows[i] = rows[i], run
		}
		run.earlier = rows[i].earlier + 1
		rows[i] = run
	}
	for _, run := range rows {
		if run.earlier > 0 {
			run.origin.Notes = append(run.origin.Notes, fmt.Sprintf("earlier rows of this run, each with the total so far, ignored: %d", run.earlier))
		}
		if err := finish(&run.row, run.origin, run.id, run.text); err != nil {
			f.fail(run.origin.Line, err)
			continue
		}
		f.give(run.row)
	}
}

// ccRun is one row on its way.
type ccRun struct {
	row     runs.Row
	origin  origin
	id      string
	text    string
	earlier int
}

func ccSplit(line string, comma rune) ([]string, error) {
	r := csv.NewReader(strings.NewReader(line))
	r.LazyQuotes, r.Comma = true, comma
	cells, err := r.Read()
	var bad *csv.ParseError
	switch {
	case errors.As(err, &bad):
		err = bad.Err
	case errors.Is(err, io.EOF):
		return nil, nil // an empty line
	}
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(cell)
	}
	return cells, err
}

// ccComma is what stands between the cells of a header: a spreadsheet may have written
// semicolons or tabs.
func ccComma(header string) rune {
	return slices.MaxFunc([]rune{'\t', ';', ','}, func(a, b rune) int {
		return strings.Count(header, string(a)) - strings.Count(header, string(b))
	})
}

// ccSeparator reports whether a line is the one that tells a spreadsheet what stands
// between the cells.
func ccSeparator(line string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimPrefix(line, "\ufeff")), "sep=")
}

// ccFull drops the empty cells at the end that spreadsheets add, down to as many as
// there are columns.
func ccFull(cells []string, columns int) []string {
	for len(cells) > columns && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	return cells
}

// maxBreaks is how many line breaks a quoted cell may have.
const maxBreaks = 20

// ccRecord splits a line, and reads on where a quoted cell holds line breaks: if that
// gives a whole row. Else the lines that were read ahead come again.
func (f *file) ccRecord(line string, comma rune, columns int) (string, []string, error) {
	whole, ahead := line, []string(nil)
	first := f.line
	for strings.Count(whole, `"`)%2 == 1 && len(ahead) < maxBreaks && len(whole) < MaxLine {
		more, ok := f.next()
		if !ok {
			break
		}
		whole += "\n" + more
		ahead = append(ahead, more)
	}
	if len(ahead) > 0 {
		broken := func(cell string) bool { return strings.Contains(cell, "\n") }
		if cells, err := ccSplit(whole, comma); err == nil && len(cells) == columns && slices.ContainsFunc(cells, broken) {
			return whole, cells, nil
		}
		f.back, f.line = append(ahead, f.back...), first
	}
	cells, err := ccSplit(line, comma)
	return line, cells, err
}

// ccBlank reports whether nothing stands in a row, but for its number.
func ccBlank(cells []string) bool {
	return len(cells) == 0 || len(cells) == 1 && cells[0] == "" ||
		len(cells) > 1 && !slices.ContainsFunc(cells[1:], func(c string) bool { return c != "" })
}

// ccPoints turns decimal commas, which go with semicolons, into points.
func ccPoints(header, cells []string) {
	for i, cell := range cells {
		if i < len(header) && slices.Contains(ccOrder, header[i]) && ccIsNumeric(header[i]) && strings.Count(cell, ",") == 1 {
			cells[i] = strings.Replace(cell, ",", ".", 1)
		}
	}
}

func ccHeader(header []string) error {
	if slices.Contains(header, "task_name") {
		return errors.New("a file of tasks: their energy is in the rows of their runs already")
	}
	for _, name := range ccNeeded {
		if !slices.Contains(header, name) {
			return fmt.Errorf("column %s is missing: not CodeCarbon's emissions file", name)
		}
	}
	for i, name := range header {
		if slices.Contains(header[:i], name) {
			return fmt.Errorf("column %s is there twice", name)
		}
	}
	return nil
}

func (f *file) ccRun(header, cells []string, line string) (ccRun, error) {
	if at := slices.Index(header, "timestamp"); at < len(cells) {
		var err error
		if cells[at], err = ccPlainDate(cells[at]); err != nil {
			return ccRun{}, err
		}
	}
	named, note, err := ccAlign(header, cells)
	if err != nil {
		return ccRun{}, err
	}
	run := ccRun{id: named["run_id"], text: line, origin: origin{Version: named["codecarbon_version"], Line: f.line}}
	o := &run.origin
	if note != "" {
		o.Notes = append(o.Notes, note)
	}
	o.Unknown = append(o.Unknown, "status", "measured_share", "intensity_kind", "host", "user")
	at := map[string]float64{}
	have := map[string]bool{}
	for _, name := range []string{"duration", "emissions", "energy_consumed", "cpu_energy", "gpu_energy", "ram_energy", "pue"} {
		if at[name], have[name], err = number(named[name]); err != nil {
			return ccRun{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if parts := []string{"cpu_energy", "gpu_energy", "ram_energy"}; !have["energy_consumed"] {
		for _, name := range parts {
			at["energy_consumed"] += at[name]
			have["energy_consumed"] = have["energy_consumed"] || have[name]
		}
		o.Notes = append(o.Notes, "energy_consumed is empty: the sum of CPU, GPU and RAM")
	}
	for _, name := range []string{"duration", "emissions", "energy_consumed"} {
		if !have[name] {
			return ccRun{}, fmt.Errorf("%s is empty", name)
		}
	}
	pue := 1.0
	if have["pue"] && at["pue"] >= 1 {
		pue = at["pue"]
	}
	run.row = f.row(kilowattHours(at["energy_consumed"]/pue), o)
	row := &run.row
	if have["pue"] && at["pue"] >= 1 {
		row.PUE = new(runs.Number(pue))
	} else {
		o.Unknown = append(o.Unknown, "pue")
	}
	for name, cell := range map[string]**energy.Energy{"cpu_energy": &row.CPU, "gpu_energy": &row.GPU, "ram_energy": &row.Memory} {
		if have[name] {
			e := kilowattHours(at[name] / pue)
			*cell = &e
		}
	}
	emit(row, at["emissions"]*1000, strings.TrimSpace("CodeCarbon "+o.Version)+", as emissions / energy")
	row.Project, row.DurationS = named["project_name"], runs.Number(at["duration"])
	end, zoned, err := ccTime(named["timestamp"], f.Location)
	if err != nil {
		return ccRun{}, err
	}
	row.EndedAt.Time = end.UTC()
	row.StartedAt.Time = end.Add(-span(at["duration"])).UTC()
	if !zoned {
		o.Notes = append(o.Notes, "times without a zone: read as "+f.Location.String())
	}
	row.Zone = ccZone(named["country_iso_code"], named["region"])
	if named["on_cloud"] != "N" {
		row.Provider, row.CloudRegion = named["cloud_provider"], named["cloud_region"]
	}
	if strings.EqualFold(named["region"], "quebec") && strings.HasPrefix(named["latitude"], "46.8") {
		o.Notes = append(o.Notes, "Quebec (3.9 g/kWh) is also what CodeCarbon writes where it had no network")
	}
	if named["tracking_mode"] == "process" {
		used := row.Energy
		row.Charge, row.ProcessEnergy = footprint.ChargeProcess, &used
		o.Unknown = append(o.Unknown, "machine_energy_joules")
		o.Notes = append(o.Notes, "process mode, but CPU and GPU counters cover the whole machine")
	}
	// The same run_id for the same run; finish repeats it with all notes.
	return run, finish(row, *o, run.id, run.text)
}

// ccZone is the code of a country, or of its state where our table has that.
func ccZone(iso, state string) string {
	country := zone(iso)
	if country == "" || state == "" {
		return country
	}
	if s := zone(state); strings.HasPrefix(s, country+"-") {
		return s
	}
	return country
}
