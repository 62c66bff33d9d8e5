package runs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Key says what of a row it is grouped by: one of the constants, or
// "label:NAME" for the value of a label. Rows without the value are one group,
// whose name is "".
type Key string

// The keys. Times are those of a run's start, in UTC.
const (
	ByProject  Key = "project"
	ByHost     Key = "host"
	ByUser     Key = "user"
	ByRegion   Key = "region" // the zone, as "FR"
	ByProvider Key = "provider"
	ByStatus   Key = "status"
	ByJob      Key = "job"
	ByDay      Key = "day"   // 2026-11-22
	ByMonth    Key = "month" // 2026-11
	ByYear     Key = "year"

	labelKey = "label:"
)

// Keys are all keys but those of labels.
var keys = []Key{ByProject, ByHost, ByUser, ByRegion, ByProvider, ByStatus, ByJob, ByDay, ByMonth, ByYear}

// ParseKey reads a key; "zone" is taken for "region".
func ParseKey(s string) (Key, error) {
	k := Key(strings.TrimSpace(s))
	if k == "zone" {
		return ByRegion, nil
	}
	if name, ok := strings.CutPrefix(string(k), labelKey); ok && name != "" || slices.Contains(keys, k) {
		return k, nil
	}
	var all []string
	for _, k := range keys {
		all = append(all, string(k))
	}
	return "", fmt.Errorf("cannot group by %.40q: use %s or label:NAME", s, strings.Join(all, ", "))
}

// of appends the value that a row has for the key.
func (k Key) of(to []byte, r *Row) []byte {
	switch k {
	case ByProject:
		return append(to, r.Project...)
	case ByHost:
		return append(to, r.Host...)
	case ByUser:
		return append(to, r.User...)
	case ByRegion:
		return append(to, r.Zone...)
	case ByProvider:
		return append(to, r.Provider...)
	case ByStatus:
		return append(to, r.Status...)
	case ByJob:
		return append(to, r.JobID...)
	case ByDay:
		return started(to, r, "2006-01-02")
	case ByMonth:
		return started(to, r, "2006-01")
	case ByYear:
		return started(to, r, "2006")
	}
	if name, ok := strings.CutPrefix(string(k), labelKey); ok {
		v, _ := label(r.Labels, name)
		return append(to, v...)
	}
	return to
}

func started(to []byte, r *Row, layout string) []byte {
	if r.StartedAt.IsZero() {
		return to
	}
	return r.StartedAt.UTC().AppendFormat(to, layout)
}

// label finds the value of a label in a row's cell.
func label(cell, name string) (value string, ok bool) {
	if cell == "" {
		return "", false
	}
	var all map[string]string
	if json.Unmarshal([]byte(cell), &all) != nil {
		return "", false
	}
	value, ok = all[name]
	return value, ok
}
