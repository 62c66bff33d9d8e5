package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
)

// owidFrom is the first year taken.
const owidFrom = 2010

// refresh gives intensity.csv with the figures of source "owid" replaced by
// those of a download: entity, ISO alpha-3 code or nothing, year, g/kWh.
// Entities that zones.csv lacks, and zeros, which mean that the source has no
// figure, are left out and named.
func refresh(data fs.FS, download []byte) (intensity []byte, skipped []string, err error) {
	t, err := read(data)
	if err != nil {
		return nil, nil, err
	}
	owid := slices.IndexFunc(t.sources, func(s []string) bool { return s[0] == "owid" })
	if owid < 0 {
		return nil, nil, errors.New("sources.csv: no source owid")
	}
	kept := slices.DeleteFunc(t.figures, func(f figure) bool { return f.source == owid })
	fresh, skipped, err := t.owid(download, owid)
	if err != nil {
		return nil, nil, err
	}
	t.figures = append(kept, fresh...)
	slices.SortStableFunc(t.figures, order)
	return t.intensityCSV(), skipped, nil
}

func (t *tables) owid(download []byte, source int) (fresh []figure, skipped []string, err error) {
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(download, []byte("\ufeff")))).ReadAll()
	if err != nil {
		return nil, nil, err
	}
	if len(rows) == 0 || len(rows[0]) < 4 || !strings.EqualFold(strings.Join(rows[0][:3], ","), "entity,code,year") {
		return nil, nil, errors.New("line 1: want the columns Entity, Code, Year and the intensity")
	}
	zones := map[string]int{}
	for i, z := range t.zones {
		if kind := z[2]; kind == "world" || kind == "group" || kind == "country" {
			zones[z[5]] = i
			if z[1] != "" {
				zones[z[1]] = i
			}
		}
	}
	unknown := map[string]bool{}
	for i, row := range rows[1:] {
		year, yearErr := strconv.Atoi(row[2])
		v, valueErr := strconv.ParseFloat(row[3], 64)
		if yearErr != nil || valueErr != nil || v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, nil, fmt.Errorf("line %d: year %q, intensity %q: want numbers", i+2, row[2], row[3])
		}
		if year < owidFrom {
			continue
		}
		zone, ok := zones[row[1]]
		if !ok || row[1] == "" {
			zone, ok = zones[row[0]]
		}
		value := strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
		switch {
		case !ok && !unknown[row[0]]:
			unknown[row[0]] = true
			skipped = append(skipped, fmt.Sprintf("%s (%s): not in zones.csv", row[0], row[1]))
		case !ok:
		case value == "0":
			skipped = append(skipped, fmt.Sprintf("%s %d: zero", row[0], year))
		default:
			fresh = append(fresh, figure{zone, "lifecycle", "generation", source, year, value, ""})
		}
	}
	return fresh, skipped, nil
}

func (t *tables) intensityCSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(figureColumns) // a bytes.Buffer takes everything
	for _, f := range t.figures {
		_ = w.Write([]string{t.zones[f.zone][0], f.scope, f.basis, t.sources[f.source][0], strconv.Itoa(f.year), f.value})
	}
	w.Flush()
	return b.Bytes()
}
