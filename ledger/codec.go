package ledger

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gocarina/gocsv"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/formula"
	"github.com/carbonctl/carbonctl/runs"
)

// encode returns a row as one line in the columns of its schema, that of v2 where
// it names none; its line end is included. Row.Hash is written as it stands.
func encode(row runs.Row) ([]byte, error) {
	if row.Schema == runs.SchemaV1 {
		var err error
		if row, err = row.ToV1(); err != nil {
			return nil, err
		}
	}
	if err := tidy(&row); err != nil {
		return nil, err
	}
	eachText(&row, formula.Guard)
	var b bytes.Buffer
	w := picker{csv.NewWriter(&b), picked(row.Schema)}
	if err := gocsv.MarshalCSVWithoutHeaders([]runs.Row{row}, w); err != nil {
		return nil, fmt.Errorf("row %s: %w", row.RunID, err)
	}
	if b.Len()+64 > MaxRow { // the hash is yet to come
		return nil, fmt.Errorf("row %s: %d bytes are more than a row may have (%d)", row.RunID, b.Len()+64, MaxRow)
	}
	return b.Bytes(), nil
}

// A picker writes some cells of each row: all of them where which is nil.
type picker struct {
	*csv.Writer
	which []int
}

func (p picker) Write(cells []string) error {
	if p.which == nil {
		return p.Writer.Write(cells)
	}
	some := make([]string, len(p.which))
	for i, n := range p.which {
		some[i] = cells[n]
	}
	return p.Writer.Write(some)
}

// picked are the cells of a row that a schema has columns for, nil for all.
func picked(schema string) (which []int) {
	if schema != runs.SchemaV1 {
		return nil
	}
	fields := fields()
	for _, name := range runs.Columns(schema) {
		which = append(which, fields[name])
	}
	return which
}

// tidy brings the JSON cells into the form that they have in a file.
func tidy(row *runs.Row) error {
	if row.Labels != "" {
		var labels map[string]string
		if err := json.Unmarshal([]byte(row.Labels), &labels); err != nil {
			return fmt.Errorf("row %s: labels: not a JSON object of strings: %w", row.RunID, err)
		}
		row.Labels = runs.LabelCell(labels)
	}
	for _, c := range []struct {
		name, what string
		open       byte
		cell       *string
	}{{"components", "array", '[', &row.Components}, {"work", "object", '{', &row.Work}, {"details", "object", '{', &row.Details}} {
		if *c.cell == "" {
			continue
		}
		var b bytes.Buffer
		err := json.Compact(&b, []byte(*c.cell))
		if err == nil && b.Bytes()[0] != c.open {
			err = fmt.Errorf("starts with %q", b.Bytes()[0])
		}
		if err != nil {
			return fmt.Errorf("row %s: %s: not a JSON %s: %w", row.RunID, c.name, c.what, err)
		}
		*c.cell = b.String()
	}
	return nil
}

// eachText replaces every text cell of a row.
func eachText(row *runs.Row, by func(string) string) {
	v := reflect.ValueOf(row).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.String {
			f.SetString(by(f.String()))
		}
	}
}

// column is a field of runs.Row by its name in the header.
type column struct {
	name  string
	field int
	// unread is the field of an amount or a time that nobody asks for, from 1; 0:
	// none. It is only looked at, so that a row is refused by all readers or none.
	unread int
	usual  func(cell string) bool // it holds what is possible; nil: look closer
}

// fields are the fields of a Row by the names of their columns.
func fields() map[string]int {
	all := map[string]int{}
	t := reflect.TypeFor[runs.Row]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("csv"), ",")
		all[name] = i
	}
	return all
}

// known refuses a name that no column has.
func known(names []string) error {
	fields := fields()
	for _, name := range names {
		if _, ok := fields[name]; !ok {
			return fmt.Errorf("no column %q", name)
		}
	}
	return nil
}

// columns maps a header to the fields of a Row; a column that is not ours, or
// not among only where that is not empty, has field -1. It fails if one of ours
// is there twice, or one is missing that all schemas have. v1 says that those
// are missing that came later: they are in the details then.
func columns(header, only []string) (found []column, v1 bool, err error) {
	fields := fields()
	v1 = !slices.Contains(header, "machine")
	if v1 && slices.ContainsFunc(only, func(name string) bool { return !slices.Contains(header, name) }) {
		only = append(slices.Clone(only), "details")
	}
	found = make([]column, len(header))
	times := map[string]int{}
	for i, name := range header {
		field, ok := fields[name]
		c := column{name: strings.Clone(name), field: field}
		switch {
		case !ok:
			c.field = -1
		case len(only) > 0 && !slices.Contains(only, name):
			c.field = -1
			c.unread, c.usual = unread(field)
		}
		found[i] = c
		times[name]++
	}
	schema := runs.LedgerSchema
	if v1 {
		schema = runs.SchemaV1
	}
	for _, name := range runs.Columns(schema) {
		if n := times[name]; n != 1 {
			return nil, v1, fmt.Errorf("column %s is there %d times", name, n)
		}
	}
	return found, v1, nil
}

// unread says how a column that nobody asks for is looked at, 0 for not at all.
func unread(field int) (from1 int, usual func(string) bool) {
	f := reflect.TypeFor[runs.Row]().Field(field)
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.String:
		return 0, nil
	case t == reflect.TypeFor[energy.Energy]():
		usual = func(cell string) bool { e, ok := sixDecimals(cell); return ok && e >= 0 }
	case t == reflect.TypeFor[runs.Number]() && f.Name != "PUE":
		usual = isFraction
	}
	return field + 1, usual
}

// isFraction reports whether a cell is a number from 0 to 1, written plainly.
func isFraction(cell string) bool {
	decimals, ok := strings.CutPrefix(cell, "0.")
	if !ok {
		return cell == "0" || cell == "1"
	}
	for i := range len(decimals) {
		if decimals[i] < '0' || decimals[i] > '9' {
			return false
		}
	}
	return true
}

func (c *cells) decodeCell(cell string, field reflect.Value) error {
	switch field.Kind() {
	case reflect.Pointer:
		if cell == "" {
			field.SetZero()
			return nil
		}
		switch to := field.Addr().Interface().(type) {
		case **energy.Energy:
			*to = c.energies.next()
		case **runs.Number:
			*to = c.numbers.next()
		default:
			field.Set(reflect.New(field.Type().Elem()))
		}
	default:
		field = field.Addr()
	}
	switch to := field.Interface().(type) {
	case *int:
		return decodeInt(cell, to)
	case *energy.Energy:
		var ok bool
		if *to, ok = sixDecimals(cell); ok {
			return nil
		}
		return to.UnmarshalCSV(cell)
	case *runs.Number:
		return to.UnmarshalCSV(cell)
	case *runs.Stamp:
		return to.UnmarshalCSV(cell)
	}
	return fmt.Errorf("no way to read a %s", field.Type())
}

func decodeInt(cell string, to *int) error {
	if cell == "" {
		*to = 0
		return nil
	}
	n, err := strconv.Atoi(cell)
	if err != nil {
		return fmt.Errorf("%.40q: not an integer", cell)
	}
	*to = n
	return nil
}

// sixDecimals reads joules as they are written, digits with six decimals;
// others, and those that are near what can be held, are left to the slower way.
func sixDecimals(cell string) (energy.Energy, bool) {
	digits, negative := strings.CutPrefix(cell, "-")
	point := len(digits) - 7
	if point < 1 || len(digits) > 19 || digits[point] != '.' {
		return 0, false
	}
	var n energy.Energy
	for i := range len(digits) {
		if i == point {
			continue
		}
		d := digits[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = 10*n + energy.Energy(d)
	}
	if negative {
		n = -n
	}
	return n, true
}
