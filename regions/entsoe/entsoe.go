// Package entsoe is a live provider for Europe: what plants of each kind generate,
// from the Transparency Platform of the transmission operators (ENTSO-E), times
// our factor for each kind. It needs a token. It has no forecast: the platform forecasts
// total generation (A71), wind and sun (A69), and what the other plants would be is not said.
//
// A figure is one of generation within the country: imports are not in it. Facts
// on the API are from its documentation, read in 2026.
package entsoe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetch"
)

// Config says how to reach the service. Token is needed.
type Config struct {
	Token string
	Base  string           // "": https://web-api.tp.entsoe.eu/api
	HTTP  *http.Client     // nil: the default transport
	Cache string           // folder in which answers are kept, "" for none
	Table *regions.Table   // names of zones; nil: the built-in one
	Now   func() time.Time // nil: time.Now
}

// Provider asks the service. It is a regions.Provider, safe for concurrent use.
type Provider struct {
	cfg     Config
	service *fetch.Service
}

// New returns a Provider; it asks nothing yet.
func New(cfg Config) (*Provider, error) {
	if cfg.Token == "" {
		return nil, errors.New("entsoe: no token")
	}
	base := cmp.Or(cfg.Base, "https://web-api.tp.entsoe.eu/api")
	return &Provider{cfg, fetch.New("entsoe", &fetch.Client{Base: base, HTTP: cfg.HTTP, Cache: cfg.Cache, Now: cfg.Now}, cfg.Table)}, nil
}

const (
	// lookBack is how far we look for the newest figures, which come an hour or
	// more late.
	lookBack = 6 * time.Hour
	minute   = "200601021504" // a time as the service wants it
)

// Intensity is that of the slot (a quarter of an hour to an hour) at Query.Time
// or, for now, of the newest one that all kinds of plant have reported for.
func (p *Provider) Intensity(ctx context.Context, q regions.Query) (in regions.Intensity, err error) {
	place, domain, err := p.check(q)
	if err != nil {
		return in, err
	}
	now := p.service.Time().UTC()
	past := !q.Time.IsZero() && now.Sub(q.Time) > 15*time.Minute
	from, to := now.Truncate(time.Hour).Add(-lookBack), now.Truncate(time.Hour).Add(time.Hour)
	switch {
	case q.Time.After(now.Add(15 * time.Minute)):
		return in, fmt.Errorf("entsoe: %w for %s", regions.ErrNoForecast, q.Time.UTC().Format(time.RFC3339))
	case past:
		from = q.Time.UTC().Truncate(time.Hour)
		to = from.Add(time.Hour)
	}
	scope := cmp.Or(q.Scope, regions.Lifecycle)
	query := url.Values{
		"documentType": {"A75"}, "processType": {"A16"}, "in_Domain": {domain}, // actual generation by kind, realised
		"periodStart": {from.Format(minute)}, "periodEnd": {to.Format(minute)},
	}
	request := fetch.Request{Query: query, Secret: url.Values{"securityToken": {p.cfg.Token}}, Fresh: 15 * time.Minute}
	series, err := p.service.Series(ctx, request, func(body []byte) ([]regions.Intensity, error) {
		return parse(body, domain, scope)
	})
	if err != nil {
		return in, err
	}
	in = series[len(series)-1]
	if past {
		if in, err = p.service.Holding(series, q.Time); err != nil {
			return regions.Intensity{}, err
		}
	}
	return fetch.Of(place, in), nil
}

func (p *Provider) check(q regions.Query) (place regions.Place, domain string, err error) {
	if place, err = p.service.Locate(q, regions.Lifecycle, regions.Direct); err != nil {
		return place, "", err
	}
	domain, ok := domains[place.Zone.Code]
	if !ok {
		return place, "", fmt.Errorf("entsoe: has no figures for %s (%s)", place.Zone.Code, place.Zone.Name)
	}
	return place, domain, nil
}

// domains are the codes (EIC) of countries and, for Ireland, of its market, as
// ENTSO-E's list of codes has them (2026).
var domains = map[string]string{
	"AT": "10YAT-APG------L", "BA": "10YBA-JPCC-----D", "BE": "10YBE----------2", "BG": "10YCA-BULGARIA-R",
	"CH": "10YCH-SWISSGRIDZ", "CZ": "10YCZ-CEPS-----N", "DE": "10Y1001A1001A83F", "DK": "10Y1001A1001A65H",
	"EE": "10Y1001A1001A39I", "ES": "10YES-REE------0", "FI": "10YFI-1--------U", "FR": "10YFR-RTE------C",
	"GR": "10YGR-HTSO-----Y", "HR": "10YHR-HEP------M", "HU": "10YHU-MAVIR----U", "IE": "10Y1001A1001A59C",
	"IT": "10YIT-GRTN-----B", "LT": "10YLT-1001A0008Q", "LU": "10YLU-CEGEDEL-NQ", "LV": "10YLV-1001A00074",
	"ME": "10YCS-CG-TSO---S", "MK": "10YMK-MEPSO----8", "NL": "10YNL----------L", "NO": "10YNO-0--------C",
	"PL": "10YPL-AREA-----S", "PT": "10YPT-REN------W", "RO": "10YRO-TEL------P", "RS": "10YCS-SERBIATSOV",
	"SE": "10YSE-1--------K", "SI": "10YSI-ELES-----O", "SK": "10YSK-SEPS-----K",
}
