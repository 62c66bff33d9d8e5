package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// place is one region of an estimate, with the electricity that it has there.
type place struct {
	plan.Grid
	site regions.Site
	data string // version of the table
}

func checkPUE(flags *pflag.FlagSet, pue float64) error {
	if (flags.Changed("pue") || pue != 0) && !(pue >= 1 && pue <= footprint.MaxPUE) {
		return fmt.Errorf("pue: must be from 1 to %d, not %v", footprint.MaxPUE, pue)
	}
	return nil
}

// grids are the places that were named, or the one that is set, or the world; one for an
// intensity of the user's own.
func (e *estimating) grids(flags *pflag.FlagSet) ([]place, error) {
	if in := e.file.Intensity; in != nil {
		if _, err := config.ParseIntensity(fmt.Sprint(*in), nil); err != nil {
			return nil, fmt.Errorf("intensity: %w", err)
		}
		return []place{{Grid: plan.Grid{PerKWh: *in, Source: "given"}}}, nil
	}
	c, err := only(flags, config.RegionsFile)
	if err != nil {
		return nil, err
	}
	e.table = c.Table
	q, err := figureQuery(flags)
	if err != nil {
		return nil, err
	}
	names := e.file.Region
	switch {
	case len(names) == 0:
		names = []string{c.Region}
	case slices.Contains(names, ""):
		return nil, errors.New("region: empty name")
	}
	var all []place
	for _, name := range names {
		q.Zone = name
		site, err := c.Table.Site(q)
		if err != nil {
			return nil, err
		}
		p := place{site: site, data: c.Table.Version()}
		in := site.Intensity
		p.Grid = plan.Grid{PerKWh: float64(in.PerKWh), Name: site.Zone.Name, Source: in.Source}
		if in.Year != 0 {
			p.Source += ", " + strconv.Itoa(in.Year)
		}
		if name == "" {
			p.Source += "; no region given: the world mean"
		}
		// A room of one's own has no PUE that anybody published; Green Algorithms takes the
		// mean of the industry for it.
		if site.Cloud != nil {
			p.Name = site.Cloud.String()
		}
		if site.Cloud != nil || e.file.Method == plan.GreenAlgorithms {
			p.Grid.PUE, p.PUESource = site.PUE.Value, fmt.Sprintf("%s, %s", site.PUE.Of, site.PUE.Source)
		}
		all = append(all, p)
	}
	return all, nil
}

// estimates makes the estimate in the first place, and ranks the others.
func (e *estimating) estimates(places []place) (screen.Estimated, error) {
	shown := screen.Estimated{Grid: places[0].Grid}
	var sums []plan.Estimate
	for i, ask := range e.file.Work {
		one, err := ask.Estimate(e.file.Method, places[0].Grid, e.file.PUE)
		if err != nil && len(e.file.Work) > 1 {
			err = fmt.Errorf("work %d: %w", i+1, err)
		}
		if err != nil {
			return shown, err
		}
		name := ask.Name
		if name == "" {
			name = fmt.Sprintf("work %d", i+1)
		}
		sums = append(sums, one)
		job := screen.EstimatedJob{Name: name, Estimate: one}
		for _, p := range places {
			if len(places) < 2 || one.Published == nil {
				break
			}
			there, err := ask.Estimate(e.file.Method, p.Grid, e.file.PUE)
			if err != nil {
				return shown, err
			}
			job.Pages = append(job.Pages, screen.RegionPage{Region: p.Name, Published: *there.Published})
		}
		shown.Jobs = append(shown.Jobs, job)
	}
	shown.Sum = plan.Sum(sums)
	var err error
	shown.Regions, err = e.ranked(shown.Sum, places)
	return shown, err
}

// ranked compares the places that were named; nil for one.
func (e *estimating) ranked(sum plan.Estimate, places []place) (*report.Ranking, error) {
	if len(places) < 2 {
		return nil, nil
	}
	var sites []regions.Site
	for _, p := range places[1:] {
		sites = append(sites, p.site)
	}
	pue := regions.PUE{Value: sum.PUE, Of: places[0].site.PUE.Of}
	switch {
	case e.file.PUE != 0 || e.file.Method == plan.MLCO2:
		pue.Of = runs.Given
	case e.like != "":
		pue.Of = runs.Recorded
	case places[0].PUE == 0:
		pue.Of = "none"
	}
	list, err := runs.Compare(sum.Computing.Expected, pue, places[0].site, sites)
	if err != nil {
		return nil, err
	}
	return &report.Ranking{Estimated: &sum.Computing, Of: "estimated", Places: list, All: len(list), Data: places[0].data}, nil
}
