package runs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// The schemas of a ledger. A file keeps the columns that it began with.
const (
	LedgerSchema = "carbonctl.ledger/v2"
	// SchemaV1 lacks the columns of newV2: what they hold stands in its details.
	SchemaV1 = "carbonctl.ledger/v1"
)

// newV2 are the columns that came with v2, and are members of the details in v1.
var newV2 = []string{
	"machine", "components", "revision", "work", "water_l", "cost", "intensity_low", "intensity_high", "run_sha256",
}

// Columns names the columns of a schema in their order; nil for another one.
func Columns(schema string) []string {
	if schema != LedgerSchema && schema != SchemaV1 {
		return nil
	}
	var all []string
	t := reflect.TypeFor[Row]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("csv"), ",")
		if schema == LedgerSchema || !slices.Contains(newV2, name) {
			all = append(all, name)
		}
	}
	return all
}

// added is what v1 has no columns for, as its details hold it.
type added struct {
	Machine       string          `json:"machine,omitempty"`
	Components    json.RawMessage `json:"components,omitempty"`
	Revision      string          `json:"revision,omitempty"`
	Work          json.RawMessage `json:"work,omitempty"`
	Water         *Number         `json:"water_l,omitempty"`
	Cost          string          `json:"cost,omitempty"`
	IntensityLow  *Number         `json:"intensity_low,omitempty"`
	IntensityHigh *Number         `json:"intensity_high,omitempty"`
	RunHash       string          `json:"run_sha256,omitempty"`
}

// ToV1 gives the row as a file of v1 holds it: what v1 has no column for is in
// the details. It fails if one of the JSON cells is not JSON.
func (r Row) ToV1() (Row, error) {
	b, err := json.Marshal(added{
		r.Machine, json.RawMessage(r.Components), r.Revision, json.RawMessage(r.Work), r.Water, r.Cost, r.IntensityLow, r.IntensityHigh, r.RunHash,
	})
	if err != nil {
		return r, fmt.Errorf("row %s: components or work: not JSON: %w", r.RunID, err)
	}
	r.Machine, r.Components, r.Revision, r.Work, r.Water = "", "", "", "", nil
	r.Cost, r.IntensityLow, r.IntensityHigh, r.RunHash = "", nil, nil, ""
	r.Schema = SchemaV1
	if string(b) == "{}" {
		return r, nil
	}
	if r.Details, err = withMembers(r.Details, b); err != nil {
		return r, fmt.Errorf("row %s: details: not a JSON object: %w", r.RunID, err)
	}
	return r, nil
}

// FromV1 takes what ToV1 has put into the details out of them again. A row
// without that stays as it is.
func (r *Row) FromV1() error {
	if !slices.ContainsFunc(newV2, func(name string) bool { return strings.Contains(r.Details, `"`+name+`"`) }) {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.Details), &members); err != nil {
		return fmt.Errorf("details: not a JSON object: %w", err)
	}
	found := false
	for _, name := range newV2 {
		if _, ok := members[name]; ok {
			found = true
			delete(members, name)
		}
	}
	if !found {
		return nil
	}
	var a added
	err := json.Unmarshal([]byte(r.Details), &a)
	if err != nil {
		return fmt.Errorf("details: %w", err)
	}
	r.Machine, r.Components, r.Revision, r.Work, r.Water = a.Machine, string(a.Components), a.Revision, string(a.Work), a.Water
	r.Cost, r.IntensityLow, r.IntensityHigh, r.RunHash = a.Cost, a.IntensityLow, a.IntensityHigh, a.RunHash
	r.Details = ""
	if len(members) > 0 {
		r.Details, err = compact(members)
	}
	return err
}

// withMembers puts the members of a JSON object into the object of a cell.
func withMembers(cell string, more []byte) (string, error) {
	all := map[string]json.RawMessage{}
	if cell != "" {
		if err := json.Unmarshal([]byte(cell), &all); err != nil {
			return "", err
		}
	}
	if err := json.Unmarshal(more, &all); err != nil {
		return "", err
	}
	return compact(all)
}
