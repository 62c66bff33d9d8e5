// Package watttime knows what one more kWh would emit, now and in the hours to
// come: the marginal operating emissions rate of WattTime, version 3 of its API.
// It needs an account; its data stay under the terms of that service.
//
// A marginal figure answers "when?", not "how much?": it ranks hours, and is
// never added up to emissions. So a Provider of this package is on purpose no
// regions.Provider, and all that it returns is marked Marginal. Facts on the API
// are from its documentation, read in 2026.
package watttime

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetch"
)

// Config says how to reach the service. User and Password are needed.
type Config struct {
	User, Password string
	Region         string           // their name, as CAISO_NORTH; "": asked for by place
	Base           string           // "": https://api.watttime.org
	HTTP           *http.Client     // nil: the default transport
	Cache          string           // folder in which answers are kept, "" for none
	Table          *regions.Table   // names and points of zones; nil: the built-in one
	Now            func() time.Time // nil: time.Now
}

// Provider asks the service. It is safe for concurrent use.
type Provider struct {
	cfg     Config
	service *fetch.Service

	mu    sync.Mutex
	token string
	until time.Time // the token is good
}

// New returns a Provider; it asks nothing yet.
func New(cfg Config) (*Provider, error) {
	if cfg.User == "" || cfg.Password == "" {
		return nil, errors.New("watttime: no user or no password")
	}
	base := cmp.Or(cfg.Base, "https://api.watttime.org")
	return &Provider{cfg: cfg, service: fetch.New("watttime", &fetch.Client{Base: base, HTTP: cfg.HTTP, Cache: cfg.Cache, Now: cfg.Now}, cfg.Table)}, nil
}

const (
	signal = "co2_moer"
	units  = "lbs_co2_per_mwh"
	// gramsPerPound is that of the international avoirdupois pound (1959); a
	// pound a MWh is as many grams a kWh over 1000.
	gramsPerPound = 453.59237
	// tokenLife is some minutes less than the half hour of their documentation.
	tokenLife = 25 * time.Minute
)

// Marginal is what one more kWh would emit at Query.Time, or now.
func (p *Provider) Marginal(ctx context.Context, q regions.Query) (regions.Intensity, error) {
	at := p.service.At(q)
	series, err := p.Forecast(ctx, q, at.Add(time.Nanosecond))
	if err != nil {
		return regions.Intensity{}, err
	}
	return p.service.Holding(series, at)
}

// Forecast gives what one more kWh would emit from Query.Time, or now, on; at
// most 72 hours.
func (p *Provider) Forecast(ctx context.Context, q regions.Query, until time.Time) ([]regions.Intensity, error) {
	place, err := p.service.Locate(q, regions.Direct)
	if err != nil {
		return nil, err
	}
	region, err := p.region(ctx, q.Zone, place)
	if err != nil {
		return nil, p.service.Err(err)
	}
	from := p.service.At(q)
	hours := min(max(int(until.Sub(p.service.Time())/time.Hour)+1, 1), 72)
	var series []regions.Intensity
	err = p.get(ctx, "/v3/forecast", url.Values{"region": {region}, "signal_type": {signal}, "horizon_hours": {strconv.Itoa(hours)}}, 5*time.Minute, func(body []byte) error {
		series, err = parse(body, place, region)
		return err
	})
	if err != nil {
		return nil, p.service.Err(err)
	}
	return fetch.Between(series, from, until)
}

// region is their name of the place.
func (p *Provider) region(ctx context.Context, zone string, place regions.Place) (region string, err error) {
	if p.cfg.Region != "" {
		return p.cfg.Region, nil
	}
	at, ok := p.service.Table.Point(zone)
	if !ok {
		return "", fmt.Errorf("no point is known of %s (%s)", place.Zone.Code, place.Zone.Name)
	}
	query := url.Values{
		"latitude": {strconv.FormatFloat(at.Lat, 'f', 4, 64)}, "longitude": {strconv.FormatFloat(at.Lon, 'f', 4, 64)}, "signal_type": {signal},
	}
	err = p.get(ctx, "/v3/region-from-loc", query, 24*time.Hour, func(body []byte) error {
		var a struct {
			Region string `json:"region"`
			Signal string `json:"signal_type"`
		}
		if err := fetch.JSON(body, &a); err != nil {
			return err
		}
		if a.Region == "" || len(a.Region) > 60 || a.Signal != "" && a.Signal != signal {
			return errors.New("the answer names no region")
		}
		region = a.Region
		return nil
	})
	return region, err
}

// get asks with a token, and once more with a new one where it is refused.
func (p *Provider) get(ctx context.Context, path string, query url.Values, fresh time.Duration, read func([]byte) error) error {
	for again := false; ; again = true {
		token, err := p.login(ctx, again)
		if err != nil {
			return err
		}
		err = p.service.Get(ctx, fetch.Request{Path: path, Query: query, Header: http.Header{"Authorization": {"Bearer " + token}}, Fresh: fresh}, read)
		var status *fetch.StatusError
		if again || !errors.As(err, &status) || status.Status != http.StatusUnauthorized {
			return err
		}
	}
}

// login gives the token, a new one if the old is over or has been refused.
func (p *Provider) login(ctx context.Context, refused bool) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.service.Time()
	if !refused && p.token != "" && now.Before(p.until) {
		return p.token, nil
	}
	basic := base64.StdEncoding.EncodeToString([]byte(p.cfg.User + ":" + p.cfg.Password))
	err := p.service.Get(ctx, fetch.Request{
		Path: "/login", Header: http.Header{"Authorization": {"Basic " + basic}}, Hide: []string{p.cfg.Password, p.token},
	}, func(body []byte) error {
		var a struct {
			Token string `json:"token"`
		}
		if err := fetch.JSON(body, &a); err != nil {
			return err
		}
		if a.Token == "" || strings.ContainsFunc(a.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return errors.New("the answer holds no token")
		}
		p.token, p.until = a.Token, now.Add(tokenLife)
		return nil
	})
	return p.token, err
}

func parse(body []byte, place regions.Place, region string) ([]regions.Intensity, error) {
	var a struct {
		Data []struct {
			Time  string   `json:"point_time"`
			Value *float64 `json:"value"`
		} `json:"data"`
		Meta struct {
			Region  string  `json:"region"`
			Signal  string  `json:"signal_type"`
			Units   string  `json:"units"`
			Seconds float64 `json:"data_point_period_seconds"`
		} `json:"meta"`
	}
	if err := fetch.JSON(body, &a); err != nil {
		return nil, err
	}
	switch {
	case len(a.Data) == 0:
		return nil, fetch.ErrNoData
	case a.Meta.Units != units || a.Meta.Signal != signal:
		return nil, fmt.Errorf("the answer is %.30q in %.30q, not %s in %s", a.Meta.Signal, a.Meta.Units, signal, units)
	case a.Meta.Region != region:
		return nil, fmt.Errorf("the answer is for region %.30q, not %q", a.Meta.Region, region)
	case !(a.Meta.Seconds >= 60 && a.Meta.Seconds <= 86400):
		return nil, fmt.Errorf("the answer's points are %v s apart", a.Meta.Seconds)
	}
	step := time.Duration(a.Meta.Seconds * float64(time.Second))
	var series []regions.Intensity
	for _, point := range a.Data {
		if point.Value != nil {
			*point.Value *= gramsPerPound / 1000
		}
		v, ok, err := fetch.Grams(point.Value)
		if err != nil {
			return nil, err
		}
		from, err := fetch.Stamp(point.Time)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		series = append(series, fetch.Of(place, regions.Intensity{
			Kind: regions.Forecast, Scope: regions.Direct, Marginal: true,
			From: from, To: from.Add(step), PerKWh: v,
			Licence: "terms of WattTime", Source: "WattTime, marginal rate of " + region,
		}))
	}
	return fetch.Order(series)
}
