// Package rte is a live provider for France: éCO2mix of the transmission operator
// RTE, from the Open Data Réseaux Énergies platform. It needs no token; its data
// are under the Licence Ouverte 2.0 (Etalab). It has no forecast.
//
// A figure is what plants in metropolitan France emit for a kWh that they
// generate, each quarter of an hour: Direct. Facts on the API are from its
// documentation, read in 2026.
package rte

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetch"
)

// Config says how to reach the service. The zero Config will do.
type Config struct {
	Base  string           // "": https://odre.opendatasoft.com/api/explore/v2.1
	HTTP  *http.Client     // nil: the default transport
	Cache string           // folder in which answers are kept, "" for none
	Table *regions.Table   // names of zones; nil: the built-in one
	Now   func() time.Time // nil: time.Now
}

// Provider asks the service. It is a regions.Provider, safe for concurrent use.
type Provider struct {
	service *fetch.Service
}

// New returns a Provider; it asks nothing yet.
func New(cfg Config) *Provider {
	base := cmp.Or(cfg.Base, "https://odre.opendatasoft.com/api/explore/v2.1")
	return &Provider{fetch.New("rte", &fetch.Client{Base: base, HTTP: cfg.HTTP, Cache: cfg.Cache, Now: cfg.Now}, cfg.Table)}
}

const (
	quarter = 15 * time.Minute
	// maxAge is how old the newest figure may be; they come some minutes late.
	maxAge = 2 * time.Hour
)

// Intensity is the newest figure or, for a Query.Time in the past, that of its
// quarter of an hour. The data set reaches back about a month.
func (p *Provider) Intensity(ctx context.Context, q regions.Query) (in regions.Intensity, err error) {
	place, err := p.check(q)
	if err != nil {
		return in, err
	}
	now := p.service.Time()
	query := url.Values{"select": {"date_heure,taux_co2"}, "order_by": {"date_heure desc"}, "limit": {"1"}}
	// Quarters to come stand in the data set already, without figures.
	where := "taux_co2 is not null"
	past := !q.Time.IsZero() && now.Sub(q.Time) > quarter
	switch {
	case q.Time.After(now.Add(quarter)):
		return in, fmt.Errorf("rte: %w for %s", regions.ErrNoForecast, q.Time.UTC().Format(time.RFC3339))
	case past:
		begin := q.Time.UTC().Truncate(quarter)
		where += fmt.Sprintf(" and date_heure >= date'%s' and date_heure < date'%s'", begin.Format(time.RFC3339), begin.Add(quarter).Format(time.RFC3339))
	}
	query.Set("where", where)
	err = p.service.Get(ctx, fetch.Request{Path: "/catalog/datasets/eco2mix-national-tr/records", Query: query, Fresh: 5 * time.Minute}, func(body []byte) error {
		in, err = parse(body, place)
		return err
	})
	switch {
	case err != nil:
	case past:
		in, err = fetch.Holding([]regions.Intensity{in}, q.Time)
	case now.Sub(in.To) > maxAge || in.From.After(now.Add(quarter)):
		err = fmt.Errorf("the newest value is of %s", in.From.Format(time.RFC3339))
	}
	if err != nil {
		return regions.Intensity{}, p.service.Err(err)
	}
	return in, nil
}

// Scope implements regions.Scoped.
func (*Provider) Scope() regions.Scope { return regions.Direct }

func (p *Provider) check(q regions.Query) (place regions.Place, err error) {
	place, err = p.service.Locate(q, regions.Direct)
	if err == nil && place.Zone.Code != "FR" {
		err = fmt.Errorf("rte: covers France only, not %s (%s)", place.Zone.Code, place.Zone.Name)
	}
	return place, err
}

type fields struct {
	Time string   `json:"date_heure"`
	Rate *float64 `json:"taux_co2"`
}

// parse reads an answer of one row, in the shape of version 2.1 or 2.0.
func parse(body []byte, place regions.Place) (in regions.Intensity, err error) {
	var a struct {
		Results []fields `json:"results"`
		Records []struct {
			Record struct {
				Fields fields `json:"fields"`
			} `json:"record"`
		} `json:"records"`
	}
	if err := fetch.JSON(body, &a); err != nil {
		return in, err
	}
	for _, r := range a.Records {
		a.Results = append(a.Results, r.Record.Fields)
	}
	if len(a.Results) == 0 {
		return in, fetch.ErrNoData
	}
	v, ok, err := fetch.Grams(a.Results[0].Rate)
	switch {
	case err != nil:
		return in, err
	case !ok:
		return in, fetch.ErrNoData
	}
	from, err := fetch.Stamp(a.Results[0].Time)
	if err != nil {
		return in, err
	}
	return fetch.Of(place, regions.Intensity{
		Kind: regions.Live, Scope: regions.Direct, Basis: "generation",
		From: from, To: from.Add(quarter), PerKWh: v,
		Licence: "etalab-2.0", Source: "RTE, éCO2mix (ODRÉ)",
	}), nil
}
