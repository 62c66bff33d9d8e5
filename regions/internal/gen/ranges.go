package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

var rangeColumns = []string{"zone", "scope", "source", "year", "low", "high", "note"}

// readRanges gives figures their own range, and what is to be said of them.
func (t *tables) readRanges(data fs.FS) error {
	rows, err := readCSV(data, "ranges.csv", rangeColumns)
	if err != nil {
		return err
	}
	at := map[string]*figure{}
	for i := range t.figures {
		f := &t.figures[i]
		if key := fmt.Sprint(t.zones[f.zone][0], f.scope, t.sources[f.source][0], f.year); at[key] == nil {
			at[key] = f // generation goes first
		}
	}
	var errs []error
	for i, row := range rows {
		f := at[fmt.Sprint(row[0], row[1], row[2], row[3])]
		low, lowErr := strconv.ParseFloat(row[4], 64)
		high, highErr := strconv.ParseFloat(row[5], 64)
		if f == nil || lowErr != nil || highErr != nil || f.band != "" {
			errs = append(errs, fmt.Errorf("ranges.csv:%d: %s %s: no such figure, or no range, or twice", i+2, row[0], row[3]))
			continue
		}
		if v, _ := strconv.ParseFloat(f.value, 64); !(0 <= low && low <= v && v <= high && high <= 2000) {
			errs = append(errs, fmt.Errorf("ranges.csv:%d: %s of %s is not from %s to %s", i+2, f.value, row[0], row[4], row[5]))
		}
		f.band = "\t" + row[4] + "\t" + row[5] + "\t" + row[6]
	}
	return errors.Join(errs...)
}
