package runs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A Difference is a figure that came out otherwise than recorded.
type Difference struct {
	Key      string `json:"key"` // "components/0/name" in a report, a column of a row
	Recorded string `json:"recorded"`
	Redone   string `json:"recomputed"`
}

// DifferReports compares a report with one that was computed again, and says how many
// figures there were. What is told only after the run was computed is left out.
func DifferReports(recorded, again footprint.Report) (figures int, all []Difference) {
	has := func(l footprint.Line) bool { return l.Emissions != nil }
	if !slices.ContainsFunc(recorded.Components, has) { // as in reports of before there were any
		again.Components = slices.Clone(again.Components)
		for i := range again.Components {
			again.Components[i].Emissions = nil
		}
	}
	return differ(keyed(recorded), keyed(again))
}

// DifferRows is DifferReports for rows. Left out are the columns of the chain, and those
// that no sample knows.
func DifferRows(recorded, again Row) (figures int, all []Difference) {
	return differ(columns(recorded), columns(again))
}

func differ(recorded, again map[string]string) (figures int, all []Difference) {
	all = []Difference{}
	keys := maps.Clone(recorded)
	maps.Copy(keys, again)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		figures++
		if recorded[k] != again[k] {
			all = append(all, Difference{k, recorded[k], again[k]})
		}
	}
	return figures, all
}

// after are the keys of a report that are told only when it has been computed.
var after = []string{"ledger", "warnings", "revision"}

// keyed gives the values of a report by their paths of keys: "components/0/name".
func keyed(r footprint.Report) map[string]string {
	all := map[string]string{}
	b, err := json.Marshal(r)
	var keys map[string]any
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		err = d.Decode(&keys)
	}
	if err != nil {
		return all // a report always encodes
	}
	maps.DeleteFunc(keys, func(k string, _ any) bool { return slices.Contains(after, k) })
	flatten(all, "", keys)
	return all
}

func flatten(to map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, in := range v {
			flatten(to, path+"/"+k, in)
		}
	case []any:
		for i, in := range v {
			flatten(to, fmt.Sprintf("%s/%d", path, i), in)
		}
	case nil:
		to[path[1:]] = "null"
	default:
		to[path[1:]] = fmt.Sprint(v)
	}
}

// columns gives the figures of a row by the names of their columns. Left out are
// those of the chain, and those that no sample knows.
func columns(r Row) map[string]string {
	all := map[string]string{}
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("csv"), ",")
		if !slices.Contains(unsampled, name) {
			all[name] = cellText(v.Field(i).Interface())
		}
	}
	return all
}

// unsampled are the columns that samples say nothing of.
var unsampled = []string{"schema", "ledger_id", "previous_hash", "hash", "run_sha256", "revision", "user", "warnings", "details"}

// cellText shows the value of a cell.
func cellText(v any) string {
	switch v := v.(type) {
	case *energy.Energy:
		if v != nil {
			return v.Fixed()
		}
		return ""
	case energy.Energy:
		return v.Fixed()
	case Stamp:
		return v.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer {
		if p.IsNil() {
			return ""
		}
		v = p.Elem().Interface()
	}
	return fmt.Sprint(v)
}
