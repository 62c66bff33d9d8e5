package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	pointColumns = []string{"name", "zone", "lat", "lon"}
	cloudColumns = []string{"provider", "region", "zone", "place", "status", "source", "year"}
	cloudFigures = []string{"provider", "region", "figure", "year", "value", "source"}
)

// A limit is what a published figure must lie within.
var limits = map[string][2]float64{
	"pue": {1, 3}, "wue": {0, 10}, "cfe-hourly": {0, 100}, "cfe-annual": {0, 100}, "grid": {0, 1500}, "market": {0, 1500},
}

// places are the tables of places.txt, checked: points and cloud regions with
// their figures.
type places struct {
	points  [][]string
	clouds  [][]string
	figures map[string][]cloudFigure // by "provider region", region "" a fleet
	sources []int                    // of the figures and of the rows of clouds
}

type cloudFigure struct {
	name   string
	year   int
	value  string
	source int
}

func (t *tables) readPlaces(data fs.FS, zones, sources map[string]int) error {
	return errors.Join(t.readPoints(data, zones), t.readClouds(data, zones, sources), t.readCloudFigures(data, sources))
}

func (t *tables) readPoints(data fs.FS, zones map[string]int) (err error) {
	t.places.points, err = readCSV(data, "points.csv", pointColumns)
	seen := map[string]bool{}
	for i, row := range t.places.points {
		lat, latErr := strconv.ParseFloat(row[2], 64)
		lon, lonErr := strconv.ParseFloat(row[3], 64)
		_, known := zones[row[1]]
		name := row[0] + ", " + row[1]
		if !known || latErr != nil || lonErr != nil || !(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180) || seen[name] {
			err = errors.Join(err, fmt.Errorf("points.csv:%d: %q stands twice, or its zone, latitude or longitude is wrong", i+2, name))
		}
		seen[name] = true
	}
	return err
}

var cloudName = regexp.MustCompile(`^[a-zA-Z0-9-]+$`)

func (t *tables) readClouds(data fs.FS, zones, sources map[string]int) (err error) {
	t.places.clouds, err = readCSV(data, "clouds.csv", cloudColumns)
	seen := map[string]bool{}
	for i, row := range t.places.clouds {
		id := row[0] + " " + row[1]
		_, known := zones[row[2]]
		source, sourced := sources[row[5]]
		t.places.sources, t.used = append(t.places.sources, source), append(t.used, source)
		switch {
		case !sourced || row[6] < "2000" || row[6] > "2100":
			err = errors.Join(err, fmt.Errorf("clouds.csv:%d: no source %q in sources.csv, or no year %q", i+2, row[5], row[6]))
		case seen[id] || !cloudName.MatchString(row[0]) || !cloudName.MatchString(row[1]):
			err = errors.Join(err, fmt.Errorf("clouds.csv:%d: %q stands twice or is not a name", i+2, id))
		case !known:
			err = errors.Join(err, fmt.Errorf("clouds.csv:%d: no zone %q in zones.csv", i+2, row[2]))
		case row[3] != "" && t.point(row[3], row[2]) < 0:
			err = errors.Join(err, fmt.Errorf("clouds.csv:%d: no place %q of %s in points.csv", i+2, row[3], row[2]))
		case row[4] != "active" && row[4] != "announced":
			err = errors.Join(err, fmt.Errorf("clouds.csv:%d: status %q: want active or announced", i+2, row[4]))
		}
		seen[id] = true
	}
	return err
}

// point is the row of a point, -1 for none.
func (t *tables) point(name, zone string) int {
	return slices.IndexFunc(t.places.points, func(p []string) bool { return p[0] == name && p[1] == zone })
}

func (t *tables) readCloudFigures(data fs.FS, sources map[string]int) error {
	rows, err := readCSV(data, "cloud_figures.csv", cloudFigures)
	t.places.figures = map[string][]cloudFigure{}
	seen := map[string]bool{}
	for i, row := range rows {
		id, key := row[0]+" "+row[1], strings.Join(row[:4], " ")
		f := cloudFigure{name: row[2], value: row[4]}
		limit, known := limits[row[2]]
		v, valueErr := strconv.ParseFloat(row[4], 64)
		var yearErr error
		f.year, yearErr = strconv.Atoi(row[3])
		var ok bool
		f.source, ok = sources[row[5]]
		region := slices.ContainsFunc(t.places.clouds, func(c []string) bool { return c[0] == row[0] && c[1] == row[1] })
		if seen[key] || !known || !ok || valueErr != nil || yearErr != nil || f.year < 2000 || f.year > 2100 || !(v >= limit[0] && v <= limit[1]) || row[1] != "" && !region {
			err = errors.Join(err, fmt.Errorf("cloud_figures.csv:%d: %s: stands twice, or its region, figure, year, value or source is wrong", i+2, strings.Join(row, ",")))
			continue
		}
		seen[key] = true
		t.places.figures[id] = append(t.places.figures[id], f)
		t.places.sources, t.used = append(t.places.sources, f.source), append(t.used, f.source)
	}
	return err
}

// placesText is places.txt below its first line.
func (t *tables) placesText() []byte {
	var b bytes.Buffer
	numbers := t.writeSources(&b, func(i int) bool { return slices.Contains(t.places.sources, i) || t.sources[i][0] == waterID })
	for _, p := range t.places.points {
		fmt.Fprintf(&b, "p\t%s\n", strings.Join(p, "\t"))
	}
	provider := ""
	fleet := func(name string) {
		provider = name
		fmt.Fprintf(&b, "a\t%s\n", name)
		writeCloudFigures(&b, t.places.figures[name+" "], numbers)
	}
	if len(t.places.figures[" "]) > 0 {
		fleet("")
	}
	for _, c := range t.places.clouds {
		if c[0] != provider {
			fleet(c[0])
		}
		place := ""
		if c[3] != "" {
			place = strconv.Itoa(t.point(c[3], c[2]))
		}
		fmt.Fprintf(&b, "r\t%s\t%s\t%s\t%s\n", c[1], c[2], place, c[4])
		writeCloudFigures(&b, t.places.figures[c[0]+" "+c[1]], numbers)
	}
	return b.Bytes()
}

// writeCloudFigures writes a line for each figure and year.
func writeCloudFigures(b *bytes.Buffer, figures []cloudFigure, numbers []int) {
	for _, f := range figures {
		fmt.Fprintf(b, "f\t%s\t%d\t%s\t%d\n", f.name, f.year, f.value, numbers[f.source])
	}
}
