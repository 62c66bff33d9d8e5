package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
)

var (
	areaColumns     = []string{"area", "name", "years", "source", "note"}
	hourZoneColumns = []string{"zone", "area", "fit", "note"}
)

// hours are the tables of hours.txt, checked: areas with the mean of each hour of
// the day in each month, as a ratio to the year's, and the zones that they serve.
type hours struct {
	areas  [][]string
	ratios map[string][12][]string // by area: the cells of each month
	zones  [][]string              // the rows of hour_zones.csv
}

// A fit says how near an area is to the zone that its hours stand for.
var fits = []string{"own", "market", "neighbour", "proxy"}

func (t *tables) readHours(data fs.FS, zones, sources map[string]int) (err error) {
	h := &t.hours
	if h.areas, err = readCSV(data, "areas.csv", areaColumns); err != nil {
		return err
	}
	if h.zones, err = readCSV(data, "hour_zones.csv", hourZoneColumns); err != nil {
		return err
	}
	columns := []string{"area", "month"}
	for hour := range 24 {
		columns = append(columns, fmt.Sprintf("h%02d", hour))
	}
	rows, err := readCSV(data, "hours.csv", columns)
	if err != nil {
		return err
	}
	h.ratios = map[string][12][]string{}
	for i, row := range rows {
		month, monthErr := strconv.Atoi(row[1])
		for _, cell := range row[2:] {
			if v, err := strconv.ParseFloat(cell, 64); err != nil || !(v > 0 && v < 10) {
				return fmt.Errorf("hours.csv:%d: %q: want a ratio to the year's mean, 0 to 10", i+2, cell)
			}
		}
		months := h.ratios[row[0]]
		if monthErr != nil || month < 1 || month > 12 || months[month-1] != nil {
			return fmt.Errorf("hours.csv:%d: month %q is wrong or stands twice", i+2, row[1])
		}
		months[month-1] = row[2:]
		h.ratios[row[0]] = months
	}
	for i, row := range h.areas {
		source, ok := sources[row[3]]
		for _, month := range h.ratios[row[0]] {
			ok = ok && month != nil
		}
		if !ok {
			return fmt.Errorf("areas.csv:%d: no source %q in sources.csv, or hours.csv lacks a month", i+2, row[3])
		}
		t.used = append(t.used, source)
	}
	seen := map[string]bool{}
	for i, row := range h.zones {
		_, known := zones[row[0]]
		area := slices.ContainsFunc(h.areas, func(a []string) bool { return a[0] == row[1] })
		if !known || !area || seen[row[0]] || !slices.Contains(fits, row[2]) {
			return fmt.Errorf("hour_zones.csv:%d: %s stands twice, or its zone, area or fit is not known", i+2, row[0])
		}
		seen[row[0]] = true
	}
	return nil
}

// hoursText is hours.txt below its first line: ratios in thousandths.
func (t *tables) hoursText(flat []string) []byte {
	var b bytes.Buffer
	numbers := t.writeSources(&b, func(source int) bool {
		return slices.ContainsFunc(t.hours.areas, func(a []string) bool { return a[3] == t.sources[source][0] })
	})
	for _, a := range t.hours.areas {
		source := slices.IndexFunc(t.sources, func(s []string) bool { return s[0] == a[3] })
		fmt.Fprintf(&b, "h\t%s\t%s\t%d\t%s\n", a[1], a[2], numbers[source], a[4])
		for _, cells := range t.hours.ratios[a[0]] {
			b.WriteString("m\t")
			for i, cell := range cells {
				v, _ := strconv.ParseFloat(cell, 64)
				if i > 0 {
					b.WriteByte(' ')
				}
				fmt.Fprintf(&b, "%.0f", math.Round(v*1000))
			}
			b.WriteByte('\n')
		}
		for _, z := range t.hours.zones {
			if z[1] == a[0] {
				fmt.Fprintf(&b, "u\t%s\t%s\t%s\n", z[0], z[2], z[3])
			}
		}
	}
	for _, line := range flat {
		b.WriteString("k\t" + line + "\n")
	}
	return b.Bytes()
}

const (
	flatShare     = 0.9  // of one fuel that is burnt, or flows, whenever it is wanted
	flatVariables = 0.06 // of wind and sun together at most
)

// flat gives the zones that have no hours and hardly need any, as lines of zone, fuel,
// per cent and year: at least nine tenths of their electricity is from one fuel that
// does not come and go with the weather of the day, and next to none from wind and sun.
func (t *tables) flat(data fs.FS) (lines []string, err error) {
	mixes, err := t.mixes(data)
	if err != nil {
		return nil, err
	}
	for _, m := range mixes {
		served := slices.ContainsFunc(t.hours.zones, func(z []string) bool { return z[0] == m.zone })
		total := m.sum()
		if served || total <= 0 || (m.of("wind")+m.of("solar"))/total > flatVariables || m.packed && m.of("other_renewable")/total > flatShare {
			continue
		}
		for _, fuel := range []string{"coal", "gas", "oil", "nuclear", "hydro"} {
			if share := m.of(fuel) / total; share >= flatShare {
				lines = append(lines, strings.Join([]string{m.zone, fuel, fmt.Sprintf("%.0f", math.Min(100*share, 100)), m.year}, "\t"))
			}
		}
	}
	return lines, nil
}
