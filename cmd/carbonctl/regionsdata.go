package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
)

// holding is a publication and what the table has of it.
type holding struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Publisher   string `json:"publisher"`
	Licence     string `json:"licence"`
	URL         string `json:"url"`
	Attribution string `json:"attribution"`
	Note        string `json:"note"`
	// Figures taken from it, of how many Places, from First to Last year.
	Figures int `json:"figures"`
	Places  int `json:"places"`
	First   int `json:"first_year"`
	Last    int `json:"last_year"`
	// Hours: it gives typical hours, not yearly figures.
	Hours []string `json:"hours_of,omitempty"`
}

// add counts a figure of a place; those of one place come together.
func (s *holding) add(year int, another bool) {
	s.Figures++
	if another {
		s.Places++
	}
	if s.First == 0 || year < s.First {
		s.First = year
	}
	s.Last = max(s.Last, year)
}

// contents is what "regions data" answers.
type contents struct {
	Data    string         `json:"data"`
	Zones   map[string]int `json:"zones"`  // by kind
	Clouds  map[string]int `json:"clouds"` // cloud regions by provider
	Figures int            `json:"figures"`
	// Hours are the zones of which typical hours are known.
	Hours   []string  `json:"hourly_zones"`
	Sources []holding `json:"sources"`
}

func (a *app) regionsData() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Show what the tables hold, their dates, sources and licences",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := table(cmd.Flags())
			if err != nil {
				return err
			}
			c, err := contentsOf(cmd.Context(), t)
			if err != nil {
				return err
			}
			if asJSON {
				return output.JSON(a.out, c)
			}
			a.printContents(c)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	tableFlag(cmd.Flags())
	return cmd
}

func contentsOf(ctx context.Context, t *regions.Table) (contents, error) {
	c := contents{Data: t.Version(), Zones: map[string]int{}, Clouds: map[string]int{}, Hours: []string{}, Sources: []holding{}}
	at := map[string]int{} // of a source by what its figures carry: name and licence
	for _, s := range t.Sources() {
		at[s.Name+"\n"+s.Licence] = len(c.Sources)
		c.Sources = append(c.Sources, holding{ID: s.ID, Name: s.Name, Publisher: s.Publisher, Licence: s.Licence, URL: s.URL, Attribution: s.Attribution, Note: s.Note})
	}
	of := func(name, licence string) *holding { return &c.Sources[at[name+"\n"+licence]] }
	now := time.Now()
	for z := range t.Zones() {
		c.Zones[string(z.Kind)]++
		all, err := t.Series(z.Code)
		if err != nil {
			return c, err
		}
		seen := map[*holding]bool{}
		for _, in := range all {
			s := of(in.Source, in.Licence)
			s.add(in.Year, !seen[s])
			seen[s] = true
			c.Figures++
		}
		hours, err := t.Forecast(ctx, regions.Query{Zone: z.Code}, now.Add(time.Hour))
		if errors.Is(err, regions.ErrNoForecast) {
			continue
		}
		if err != nil {
			return c, err
		}
		c.Hours = append(c.Hours, z.Code)
		for i := range c.Sources {
			if strings.HasSuffix(hours[0].Source, "; hours: "+c.Sources[i].Name) {
				c.Sources[i].Hours = append(c.Sources[i].Hours, z.Code)
			}
		}
	}
	for r := range t.Clouds() {
		c.Clouds[r.Provider]++
		seen := map[*holding]bool{}
		for _, f := range r.Figures() {
			s := of(f.Source, f.Licence)
			s.add(f.Year, !seen[s])
			seen[s] = true
			c.Figures++
		}
	}
	return c, nil
}

func (a *app) printContents(c contents) {
	var p report.Page
	p.Title("table " + c.Data)
	p.Row("figures", "%d", c.Figures)
	p.Row("zones", "%s", counts(c.Zones))
	p.Row("clouds", "%s", counts(c.Clouds))
	p.Row("hours", "typical hours of %s", strings.Join(c.Hours, ", "))
	p.Title(fmt.Sprintf("  %-18s %7s %7s  %-9s  %s", "source", "figures", "places", "years", "licence"))
	for _, s := range c.Sources {
		years, figures, places := "", "-", "-"
		switch {
		case s.Figures > 0:
			years, figures, places = fmt.Sprint(s.First), fmt.Sprint(s.Figures), fmt.Sprint(s.Places)
			if s.Last != s.First {
				years += fmt.Sprintf("-%d", s.Last)
			}
		case len(s.Hours) > 0:
			years = "hours"
		default:
			years = "means" // of a provider or the industry
		}
		p.Line(fmt.Sprintf("  %-18s %7s %7s  %-9s  %s", s.ID, figures, places, years, short(s.Licence, 31)))
		p.Line("    " + short(s.Name, 76))
	}
	p.Line("")
	p.Note("Hours are typical ones by month, means are of a whole provider or of the industry. Each source's address, the words that its licence asks for, and what to know of it: carbonctl regions data --json")
	_, _ = p.WriteTo(a.out)
}

// counts shows how many there are of each, and in all.
func counts(n map[string]int) string {
	var parts []string
	sum := 0
	for _, k := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, n[k]))
		sum += n[k]
	}
	return fmt.Sprintf("%d: %s", sum, strings.Join(parts, ", "))
}
