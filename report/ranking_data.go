package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// json writes the ranking for a program.
func (r Ranking) json(w io.Writer) error {
	places := append([]runs.Comparison{}, r.Places...)
	notes := append([]string{}, r.Notes...)
	var used any = r.Energy
	if r.Estimated != nil {
		used = facts.Joules(r.Estimated.Expected)
	}
	b, err := json.MarshalIndent(struct {
		Energy   any               `json:"energy_joules"`
		Of       string            `json:"of"`
		Recorded *regions.Grams    `json:"recorded_emissions_g"`
		Regions  []runs.Comparison `json:"regions"`
		All      int               `json:"places"`
		Without  int               `json:"without_figure"`
		Notes    []string          `json:"notes"`
		Not      string            `json:"not_covered"`
		Data     string            `json:"data"`
	}{used, r.Of, r.Recorded, places, r.All, r.Without, notes, r.uncovered(), r.Data}, "", "  ")
	if err != nil {
		return fmt.Errorf("ranking: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// csv writes a line for each place; what is not known is an empty cell.
func (r Ranking) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"rank", "here", "zone", "name", "provider", "cloud_region", "city", "energy_joules", "g_per_kwh", "pue", "pue_of", "emissions_g", "ratio",
		"cfe_percent", "cfe_year", "distance_km", "scope", "market", "kind", "year", "from", "to", "source", "licence", "instead"}) // Flush tells its error
	used := r.Energy.Fixed()
	if r.Estimated != nil {
		used = strconv.FormatFloat(facts.Joules(r.Estimated.Expected), 'f', -1, 64)
	}
	number := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'f', -1, 64)
	}
	words := func(s *string) string {
		if s == nil {
			return ""
		}
		return escape.Cell(*s)
	}
	hour := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	for _, c := range r.Places {
		cfeYear, perKWh, grams := "", float64(c.PerKWh), float64(c.Emissions)
		if c.CFEYear != nil {
			cfeYear = strconv.Itoa(*c.CFEYear)
		}
		_ = out.Write([]string{strconv.Itoa(c.Rank), strconv.FormatBool(c.Here), escape.Cell(c.Zone), escape.Cell(c.Name), words(c.Provider), words(c.CloudRegion), words(c.City),
			used, number(&perKWh), number(&c.PUE), c.PUEOf, number(&grams), number(c.Ratio),
			number(c.CFE), cfeYear, number(c.Kilometres), string(c.Scope), strconv.FormatBool(c.Market), string(c.Kind), facts.Year(c.Year), hour(c.From), hour(c.To), escape.Cell(c.Source), escape.Cell(c.Licence), escape.Cell(c.Instead)})
	}
	out.Flush()
	return out.Error()
}
