package runs

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
)

// WorkLower is the member of a row's details that lists the units of its work of which
// more may have been done than the row holds.
const WorkLower = "work_lower"

// workCell gives the cell for what was counted: {"output_token":51200}, "" for nothing.
// lower are the units of which there may have been more.
func workCell(list []footprint.Work) (cell string, lower []string) {
	if len(list) == 0 {
		return "", nil
	}
	all := map[string]Number{}
	for _, w := range list {
		all[w.Unit] = Number(w.Count)
		if w.Bound == footprint.CountLower {
			lower = append(lower, w.Unit)
		}
	}
	cell, _ = compact(all) // numbers are finite
	return cell, lower
}

// Counted reads a cell that workCell has made. Members that are no numbers from 0 are an
// error.
func (r *Row) Counted() (map[string]float64, error) {
	if r.Work == "" {
		return nil, nil
	}
	var all map[string]float64
	if err := json.Unmarshal([]byte(r.Work), &all); err != nil {
		return nil, fmt.Errorf("work: %.60q: not an object of numbers", r.Work)
	}
	for unit, n := range all {
		if !(n >= 0 && n <= footprint.MaxCount) {
			return nil, fmt.Errorf("work: %.40q is %v, which is not a count", unit, n)
		}
	}
	return all, nil
}

// lowerUnits are those of which more may have been done.
func (r *Row) lowerUnits() (all []string) {
	var details struct {
		Lower []string `json:"work_lower"`
	}
	if json.Unmarshal([]byte(r.Details), &details) != nil {
		return nil // who checks rows tells
	}
	return details.Lower
}

// work looks for counts below 0.
func (r *Row) work() error {
	if !strings.Contains(r.Work, ":-") {
		return nil
	}
	_, err := r.Counted()
	return err
}

// costCell is an amount and its currency: "0.42 EUR".
func costCell(c *footprint.Cost) string {
	if c == nil {
		return ""
	}
	return strings.TrimSpace(strconv.FormatFloat(c.Amount, 'f', -1, 64) + " " + c.Currency)
}
