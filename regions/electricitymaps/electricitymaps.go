// Package electricitymaps is a live provider of carbon intensities with
// forecasts: the API of Electricity Maps, versions 3 and 4. It needs a token; its
// data stay under the terms of that service and are not for passing on.
//
// Facts on the API are from its documentation, read in 2026.
package electricitymaps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetch"
)

// Config says how to reach the service. Token is needed.
type Config struct {
	Token string
	Base  string            // "": https://api.electricitymaps.com/v4; v3 is understood too
	HTTP  *http.Client      // nil: the default transport
	Cache string            // folder in which answers are kept, "" for none
	Zones map[string]string // their names of zones by our codes: "US-CA": "US-CAL-CISO"
	Table *regions.Table    // names and points of zones; nil: the built-in one
	Now   func() time.Time  // nil: time.Now
}

// Provider asks the service. It is a regions.Provider and a regions.Forecaster,
// safe for concurrent use.
type Provider struct {
	cfg     Config
	service *fetch.Service
}

// New returns a Provider; it asks nothing yet.
func New(cfg Config) (*Provider, error) {
	if cfg.Token == "" {
		return nil, errors.New("electricitymaps: no token")
	}
	base := strings.TrimSuffix(cmp.Or(cfg.Base, "https://api.electricitymaps.com/v4"), "/")
	return &Provider{cfg, fetch.New("electricitymaps", &fetch.Client{Base: base, HTTP: cfg.HTTP, Cache: cfg.Cache, Now: cfg.Now}, cfg.Table)}, nil
}

// maxAge is how old the newest value may be; the service says that it lags by
// an hour or two.
const maxAge = 6 * time.Hour

// Intensity is that of the hour at Query.Time: the newest for now, measured or
// estimated ones for the past, and forecasts for the time to come. The scope is
// lifecycle unless direct is asked for. Query.Year must be 0: the service has no
// yearly values here.
func (p *Provider) Intensity(ctx context.Context, q regions.Query) (regions.Intensity, error) {
	a, err := p.ask(q)
	if err != nil {
		return regions.Intensity{}, err
	}
	now := p.service.Time()
	switch at := q.Time; {
	case at.After(now):
		series, err := p.Forecast(ctx, q, at.Add(time.Nanosecond))
		if err != nil {
			return regions.Intensity{}, err
		}
		return fetch.Holding(series, at)
	case !at.IsZero() && now.Sub(at) > 24*time.Hour:
		a.query.Set("datetime", at.UTC().Format(time.RFC3339))
		in, err := p.one(ctx, a, "past")
		if err == nil && (at.Before(in.From) || !at.Before(in.To)) {
			err = fmt.Errorf("electricitymaps: %w for %s", fetch.ErrNoData, at.UTC().Format(time.RFC3339))
		}
		return in, err
	case !at.IsZero() && now.Sub(at) > time.Minute:
		series, err := p.series(ctx, a, "history", regions.Live)
		if err != nil {
			return regions.Intensity{}, err
		}
		return p.service.Holding(series, at)
	}
	in, err := p.one(ctx, a, "latest")
	if err == nil && now.Sub(in.To) > maxAge {
		return regions.Intensity{}, fmt.Errorf("electricitymaps: the newest value is of %s", in.From.Format(time.RFC3339))
	}
	return in, err
}

// Forecast gives what is expected from Query.Time, or now, on; at most 72 hours.
func (p *Provider) Forecast(ctx context.Context, q regions.Query, until time.Time) ([]regions.Intensity, error) {
	a, err := p.ask(q)
	if err != nil {
		return nil, err
	}
	from := p.service.At(q)
	hours := 72
	for _, h := range []int{48, 24, 6} {
		if until.Sub(p.service.Time()) <= time.Duration(h)*time.Hour {
			hours = h
		}
	}
	a.query.Set("horizonHours", strconv.Itoa(hours))
	series, err := p.series(ctx, a, "forecast", regions.Forecast)
	if err != nil {
		return nil, err
	}
	return fetch.Between(series, from, until)
}

// ask is what a query comes to: parameters, and what the answer must match.
type ask struct {
	query url.Values
	place regions.Place
	zone  string // as they name it, "" where they choose it by place
	scope regions.Scope
}

func (p *Provider) ask(q regions.Query) (a ask, err error) {
	a.scope = cmp.Or(q.Scope, regions.Lifecycle)
	if a.place, err = p.service.Locate(q, regions.Lifecycle, regions.Direct); err != nil {
		return a, err
	}
	// Without disableCallerLookup a zone that it doesn't know is answered with
	// that of the caller's address.
	a.query = url.Values{"emissionFactorType": {string(a.scope)}, "disableCallerLookup": {"true"}}
	code := a.place.Zone.Code
	theirs, mapped := p.cfg.Zones[code]
	point, isPoint := p.service.Table.Point(q.Zone)
	switch c := a.place.Cloud; {
	case mapped:
		a.zone = theirs
	case c != nil && (c.Provider == "aws" || c.Provider == "gcp" || c.Provider == "azure"):
		a.query.Set("dataCenterProvider", c.Provider)
		a.query.Set("dataCenterRegion", c.Region)
		return a, nil
	case a.place.Near != nil, a.place.Zone.Kind == regions.Subdivision && a.place.Zone.Country == "US" && isPoint:
		// Their zones of the United States are not its states.
		a.query.Set("lat", strconv.FormatFloat(point.Lat, 'f', 4, 64))
		a.query.Set("lon", strconv.FormatFloat(point.Lon, 'f', 4, 64))
		return a, nil
	case a.place.Zone.Kind == regions.Country || a.place.Zone.Kind == regions.Subdivision:
		a.zone = code
	default:
		return a, fmt.Errorf("electricitymaps: has no zone for %s (%s)", code, a.place.Zone.Name)
	}
	a.query.Set("zone", a.zone)
	return a, nil
}

func (p *Provider) request(a ask, what string) fetch.Request {
	return fetch.Request{
		Path: "/carbon-intensity/" + what, Query: a.query,
		Header: http.Header{"Auth-Token": {p.cfg.Token}}, Fresh: 5 * time.Minute,
	}
}

func (p *Provider) one(ctx context.Context, a ask, what string) (in regions.Intensity, err error) {
	err = p.service.Get(ctx, p.request(a, what), func(body []byte) error {
		var r row
		if err := fetch.JSON(body, &r); err != nil {
			return err
		}
		got, ok, err := a.intensity(r, header{Zone: r.Zone}, regions.Live)
		if err == nil && !ok {
			err = fetch.ErrNoData
		}
		in = got
		return err
	})
	return in, p.service.Err(err)
}

func (p *Provider) series(ctx context.Context, a ask, what string, kind regions.Kind) ([]regions.Intensity, error) {
	return p.service.Series(ctx, p.request(a, what), func(body []byte) ([]regions.Intensity, error) { return a.parse(body, kind) })
}
