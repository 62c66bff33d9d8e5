package screen

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
)

// A Holding is a publication and what a table has of it.
type Holding struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Publisher   string `json:"publisher"`
	Licence     string `json:"licence"`
	URL         string `json:"url"`
	Attribution string `json:"attribution"`
	Note        string `json:"note"`
	// Figures taken from it, of how many Places, from First to Last year. Typical hours
	// are 288 figures of a place: each hour of the day in each month.
	Figures int `json:"figures"`
	Places  int `json:"places"`
	First   int `json:"first_year"`
	Last    int `json:"last_year"`
}

// Contents is what a table of regions holds. Its JSON keys are only ever added to.
type Contents struct {
	Data    string         `json:"data"`
	Zones   map[string]int `json:"zones"`  // by kind
	Clouds  map[string]int `json:"clouds"` // cloud regions by provider
	Figures int            `json:"figures"`
	// Hours are the zones of which typical hours are known.
	Hours   []string  `json:"hourly_zones"`
	Sources []Holding `json:"sources"`
}

// ContentsOf counts what is in a table.
func ContentsOf(ctx context.Context, t *regions.Table) Contents {
	c := Contents{Data: t.Version(), Zones: map[string]int{}, Clouds: map[string]int{}, Hours: []string{}, Sources: []Holding{}}
	for _, h := range t.Holdings() {
		s := h.Source
		c.Figures += h.Figures
		c.Sources = append(c.Sources, Holding{ID: s.ID, Name: s.Name, Publisher: s.Publisher, Licence: s.Licence, URL: s.URL, Attribution: s.Attribution, Note: s.Note,
			Figures: h.Figures, Places: h.Places, First: h.First, Last: h.Last})
	}
	for z := range t.Zones() {
		c.Zones[string(z.Kind)]++
		if _, err := t.Forecast(ctx, regions.Query{Zone: z.Code}, time.Now().Add(time.Hour)); err == nil {
			c.Hours = append(c.Hours, z.Code)
		}
	}
	for r := range t.Clouds() {
		c.Clouds[r.Provider]++
	}
	return c
}

// Text shows the contents to a person.
func (c Contents) Text(out io.Writer) error {
	var p layout.Page
	p.Title("table " + c.Data)
	p.Row("values", "%s", format.Thousands(c.Figures))
	p.Row("zones", "%s", byName(c.Zones))
	p.Row("clouds", "%s", byName(c.Clouds))
	p.Row("hours", "typical hours of %s", strings.Join(c.Hours, ", "))
	p.Title(fmt.Sprintf("  %-18s %7s %7s  %-9s  %s", "source", "values", "zones", "years", "licence"))
	for _, s := range c.Sources {
		years := "" // of a list, which has no figures
		if s.First > 0 {
			years = fmt.Sprint(s.First)
		}
		if s.Last != s.First {
			years += fmt.Sprintf("-%d", s.Last)
		}
		p.Line(fmt.Sprintf("  %-18s %7s %7s  %-9s  %s", s.ID, format.Thousands(s.Figures), format.Thousands(s.Places), years, format.Clip(s.Licence, 31)))
		p.Line("    " + format.Clip(s.Name, 76))
	}
	p.Line("")
	p.Note("Typical hours are 288 values per zone. Addresses, attributions and notes of the sources: carbonctl regions data --json")
	_, err := p.WriteTo(out)
	return err
}

// byName shows how many there are of each, and in all.
func byName(n map[string]int) string {
	var parts []string
	sum := 0
	for _, k := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, n[k]))
		sum += n[k]
	}
	return fmt.Sprintf("%d: %s", sum, strings.Join(parts, ", "))
}
