package ledger

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/gocarina/gocsv"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// encode returns a row as one line, its line end included. Row.Hash is written
// as it stands.
func encode(row footprint.Row) ([]byte, error) {
	if err := tidy(&row); err != nil {
		return nil, err
	}
	eachText(&row, guard)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := gocsv.MarshalCSVWithoutHeaders([]footprint.Row{row}, w); err != nil {
		return nil, fmt.Errorf("row %s: %w", row.RunID, err)
	}
	if b.Len()+64 > MaxRow { // the hash is yet to come
		return nil, fmt.Errorf("row %s: %d bytes are more than a row may have (%d)", row.RunID, b.Len()+64, MaxRow)
	}
	return b.Bytes(), nil
}

// tidy brings the two JSON cells into the form that they have in a file.
func tidy(row *footprint.Row) error {
	if row.Labels != "" {
		var labels map[string]string
		if err := json.Unmarshal([]byte(row.Labels), &labels); err != nil {
			return fmt.Errorf("row %s: labels: not a JSON object of strings: %w", row.RunID, err)
		}
		row.Labels = footprint.LabelCell(labels)
	}
	if row.Details != "" {
		var b bytes.Buffer
		err := json.Compact(&b, []byte(row.Details))
		if err == nil && b.Bytes()[0] != '{' {
			err = fmt.Errorf("starts with %q", b.Bytes()[0])
		}
		if err != nil {
			return fmt.Errorf("row %s: details: not a JSON object: %w", row.RunID, err)
		}
		row.Details = b.String()
	}
	return nil
}

// eachText replaces every text cell of a row.
func eachText(row *footprint.Row, by func(string) string) {
	v := reflect.ValueOf(row).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.String {
			f.SetString(by(f.String()))
		}
	}
}

// column is a field of footprint.Row by its name in the header.
type column struct {
	name  string
	field int
}

// columns maps a header to the fields of a Row; a column that is not ours has
// field -1. It fails if one of ours is missing or there twice.
func columns(header []string) ([]column, error) {
	fields := map[string]int{}
	t := reflect.TypeFor[footprint.Row]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("csv"), ",")
		fields[name] = i
	}
	found := make([]column, len(header))
	for i, name := range header {
		field, ok := fields[name]
		if !ok {
			field = -1
		}
		found[i] = column{name, field}
	}
	for name, field := range fields {
		n := 0
		for _, c := range found {
			if c.field == field {
				n++
			}
		}
		if n != 1 {
			return nil, fmt.Errorf("column %s is there %d times", name, n)
		}
	}
	return found, nil
}

// decode reads the cells of one line into row. gocsv could do it, but takes
// "1,5" for a number, 1.9 for an integer and a missing column for zeros; a test
// holds the two together on what we write.
func decode(cells []string, as []column, row *footprint.Row) error {
	v := reflect.ValueOf(row).Elem()
	for i, c := range as {
		if c.field < 0 {
			continue
		}
		if err := decodeCell(cells[i], v.Field(c.field)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func decodeCell(cell string, field reflect.Value) error {
	switch field.Kind() {
	case reflect.String:
		field.SetString(unguard(cell))
		return nil
	case reflect.Pointer:
		if cell == "" {
			field.SetZero()
			return nil
		}
		field.Set(reflect.New(field.Type().Elem()))
	default:
		field = field.Addr()
	}
	switch to := field.Interface().(type) {
	case *int:
		return decodeInt(cell, to)
	case *energy.Energy:
		return to.UnmarshalCSV(cell)
	case *footprint.Number:
		return to.UnmarshalCSV(cell)
	case *footprint.Stamp:
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
