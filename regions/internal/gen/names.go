package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

var nameColumns = []string{"name", "target", "source", "year"}

// readNames reads what else zones and cloud regions are called. A name may stand
// several times: it is ambiguous then.
func (t *tables) readNames(data fs.FS, zones, sources map[string]int) (err error) {
	t.names, err = readCSV(data, "names.csv", nameColumns)
	seen := map[string]bool{}
	for i, row := range t.names {
		source, sourced := sources[row[2]]
		_, known := zones[row[1]]
		provider, region, cloud := strings.Cut(row[1], ":")
		known = known || cloud && slices.ContainsFunc(t.places.clouds, func(c []string) bool { return c[0] == provider && c[1] == region })
		key := row[0] + "\t" + row[1]
		if !sourced || !known || row[0] == "" || seen[key] || row[3] < "2000" || row[3] > "2100" {
			err = errors.Join(err, fmt.Errorf("names.csv:%d: %q stands twice, or its target, source or year is not known", i+2, row[0]))
		}
		seen[key] = true
		t.used = append(t.used, source)
	}
	return err
}

// namesText is names.txt below its first line: a line for each target.
func (t *tables) namesText() []byte {
	var b bytes.Buffer
	t.writeSources(&b, func(source int) bool {
		return slices.ContainsFunc(t.names, func(n []string) bool { return n[2] == t.sources[source][0] })
	})
	for i, row := range t.names {
		if i > 0 && t.names[i-1][1] == row[1] {
			b.WriteString("\t" + row[0])
			continue
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("n\t" + row[1] + "\t" + row[0])
	}
	if len(t.names) > 0 {
		b.WriteByte('\n')
	}
	return b.Bytes()
}
