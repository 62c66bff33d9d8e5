package foreign

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/runs"
)

// greenAlgorithms reads what the calculator exports: a header and one row,
// separated by semicolons. It is an estimate from the hardware's ratings, so
// nothing of it is measured.
func (f *file) greenAlgorithms() {
	var header []string
	for {
		line, more := f.next()
		if !more {
			return
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		r := csv.NewReader(strings.NewReader(line))
		r.Comma, r.LazyQuotes = ';', true
		cells, err := r.Read()
		switch {
		case err != nil:
			f.fail(f.line, err)
			continue
		case header == nil:
			header = append(header, cells...)
			continue
		case len(cells) != len(header):
			f.fail(f.line, fmt.Errorf("%d cells for %d columns", len(cells), len(header)))
			continue
		}
		row, o, err := f.gaRow(ccNamed(header, cells))
		if err == nil {
			err = finish(&row, o, "", fmt.Sprint(f.line)+line)
		}
		if err != nil {
			f.fail(f.line, err)
			continue
		}
		f.give(row)
	}
}

func (f *file) gaRow(named map[string]string) (runs.Row, origin, error) {
	o := origin{
		Version: strings.TrimPrefix(named["appVersion"], "v"), Line: f.line,
		Unknown: []string{"started_at", "ended_at", "project", "status", "host", "user"},
		Notes:   []string{"an estimate from the rated power of the hardware"},
	}
	at := map[string]float64{}
	have := map[string]bool{}
	for _, name := range []string{"energy_needed", "carbonEmissions", "carbonIntensity", "PUE", "runTime", "CE_CPU", "CE_GPU", "CE_memory", "manufacturing_carbonEmissions"} {
		var err error
		if at[name], have[name], err = number(named[name]); err != nil {
			return runs.Row{}, o, fmt.Errorf("%s: %w", name, err)
		}
	}
	if !have["energy_needed"] || !have["carbonEmissions"] {
		return runs.Row{}, o, errors.New("energy_needed or carbonEmissions is missing")
	}
	pue := at["PUE"]
	if pue < 1 {
		pue = 1
		o.Unknown = append(o.Unknown, "pue")
	}
	row := f.row(kilowattHours(at["energy_needed"]/pue), &o)
	if at["PUE"] >= 1 {
		row.PUE = new(runs.Number(pue))
	}
	row.MeasuredShare = new(runs.Number(0))
	emit(&row, at["carbonEmissions"], strings.TrimSpace("Green Algorithms "+o.Version))
	if at["carbonIntensity"] > 0 {
		row.PerKWh = runs.Number(at["carbonIntensity"])
		for name, cell := range map[string]**energy.Energy{"CE_CPU": &row.CPU, "CE_GPU": &row.GPU, "CE_memory": &row.Memory} {
			if have[name] {
				e := kilowattHours(at[name] / at["carbonIntensity"] / pue)
				*cell = &e
			}
		}
	}
	if have["manufacturing_carbonEmissions"] {
		g := runs.Number(at["manufacturing_carbonEmissions"])
		row.Embodied = &g
	}
	row.DurationS = runs.Number(at["runTime"] * 3600)
	if row.Zone = zone(named["location"]); row.Zone == "" && named["location"] != "" {
		o.Notes = append(o.Notes, "location: "+named["location"])
	}
	if n, there, err := number(named["mult_factor"]); err == nil && there && n != 1 {
		o.Notes = append(o.Notes, fmt.Sprintf("the energy is of %v runs, the duration of one", n))
	}
	return row, o, nil
}
