// Package carbonaware is a live provider with forecasts: the web API of a Carbon
// Aware SDK of the Green Software Foundation, which someone runs for you.
//
// What a figure counts is decided by the source that the SDK is set up with, and
// the API doesn't tell: say so in Config. Facts on the API are from its
// documentation, read in 2026.
package carbonaware

import (
	"context"
	"encoding/json"
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

// Config says how to reach the service, and what its figures are. Base is
// needed.
type Config struct {
	Base string // "https://carbon.example.org"
	// Scope that its source counts, "" if not known; Marginal if it is WattTime.
	Scope    regions.Scope
	Marginal bool
	// Locations are its names of places by ours: "aws:eu-west-1", "FR". The
	// others are asked for by the name of the cloud region, else by the zone's code.
	Locations map[string]string
	HTTP      *http.Client     // nil: the default transport
	Cache     string           // folder in which answers are kept, "" for none
	Table     *regions.Table   // names of zones; nil: the built-in one
	Now       func() time.Time // nil: time.Now
}

// Provider asks the service. It is a regions.Provider and a regions.Forecaster,
// safe for concurrent use.
type Provider struct {
	cfg     Config
	service *fetch.Service
}

// New returns a Provider; it asks nothing yet.
func New(cfg Config) (*Provider, error) {
	if cfg.Base == "" {
		return nil, errors.New("carbonaware: no base address")
	}
	return &Provider{cfg, fetch.New("carbonaware", &fetch.Client{Base: cfg.Base, HTTP: cfg.HTTP, Cache: cfg.Cache, Now: cfg.Now}, cfg.Table)}, nil
}

// window is the minutes of a forecast's points that we ask for.
const window = 5

// Intensity is that at Query.Time, or now.
func (p *Provider) Intensity(ctx context.Context, q regions.Query) (regions.Intensity, error) {
	place, location, err := p.locate(q)
	if err != nil {
		return regions.Intensity{}, err
	}
	at := p.service.At(q)
	minute := at.UTC().Truncate(time.Minute)
	query := url.Values{"location": {location}, "time": {minute.Format(time.RFC3339)}, "toTime": {minute.Add(time.Minute).Format(time.RFC3339)}}
	request := fetch.Request{Path: "/emissions/bylocation", Query: query, Fresh: 5 * time.Minute}
	series, err := p.service.Series(ctx, request, func(body []byte) ([]regions.Intensity, error) { return p.parseEmissions(body, place, location) })
	if err != nil {
		return regions.Intensity{}, err
	}
	return p.service.Holding(series, at)
}

// Forecast gives what is expected from Query.Time, or now, on.
func (p *Provider) Forecast(ctx context.Context, q regions.Query, until time.Time) ([]regions.Intensity, error) {
	place, location, err := p.locate(q)
	if err != nil {
		return nil, err
	}
	from := p.service.At(q)
	query := url.Values{
		"location": {location}, "windowSize": {strconv.Itoa(window)},
		"dataStartAt": {from.UTC().Truncate(time.Minute).Format(time.RFC3339)}, "dataEndAt": {until.UTC().Format(time.RFC3339)},
	}
	request := fetch.Request{Path: "/emissions/forecasts/current", Query: query, Fresh: 5 * time.Minute}
	series, err := p.service.Series(ctx, request, func(body []byte) ([]regions.Intensity, error) { return p.parseForecast(body, place, location) })
	if err != nil {
		return nil, err
	}
	return fetch.Between(series, from, until)
}

// Scope implements regions.Scoped.
func (p *Provider) Scope() regions.Scope { return p.cfg.Scope }

func (p *Provider) locate(q regions.Query) (place regions.Place, location string, err error) {
	if place, err = p.service.Locate(q, p.cfg.Scope); err != nil {
		return place, "", err
	}
	name := place.Zone.Code
	if place.Cloud != nil {
		if theirs, ok := p.cfg.Locations[place.Cloud.String()]; ok {
			return place, theirs, nil
		}
		return place, place.Cloud.Region, nil
	}
	if theirs, ok := p.cfg.Locations[name]; ok {
		return place, theirs, nil
	}
	return place, name, nil
}

func (p *Provider) intensity(value *float64, at string, length time.Duration, kind regions.Kind, place regions.Place) (in regions.Intensity, ok bool, err error) {
	v, ok, err := fetch.Grams(value)
	if err != nil || !ok {
		return in, false, err
	}
	from, err := fetch.Stamp(at)
	if err != nil {
		return in, false, err
	}
	if length <= 0 || length > 48*time.Hour {
		return in, false, fmt.Errorf("a figure holds for %v", length)
	}
	return fetch.Of(place, regions.Intensity{
		Kind: kind, Scope: p.cfg.Scope, Marginal: p.cfg.Marginal,
		From: from, To: from.Add(length), PerKWh: v, Source: "Carbon Aware SDK",
	}), true, nil
}

// matches tells whether an answer is of the place that was asked for.
func matches(got, asked string) error {
	if !strings.EqualFold(got, asked) {
		return fmt.Errorf("the answer is for %.40q, not %q", got, asked)
	}
	return nil
}

func (p *Provider) parseEmissions(body []byte, place regions.Place, location string) ([]regions.Intensity, error) {
	var rows []struct {
		Location string   `json:"location"`
		Time     string   `json:"time"`
		Rating   *float64 `json:"rating"`
		Duration string   `json:"duration"` // "08:00:00"
	}
	if err := fetch.JSON(body, &rows); err != nil {
		return nil, err
	}
	var series []regions.Intensity
	for _, r := range rows {
		if err := matches(r.Location, location); err != nil {
			return nil, err
		}
		length, err := duration(r.Duration)
		if err != nil {
			return nil, err
		}
		in, ok, err := p.intensity(r.Rating, r.Time, length, regions.Live, place)
		if err != nil {
			return nil, err
		}
		if ok {
			series = append(series, in)
		}
	}
	return fetch.Order(series)
}

// duration reads "[d.]hh:mm:ss", as .NET writes it.
func duration(s string) (time.Duration, error) {
	days, clock, ok := strings.Cut(s, ".")
	if !ok || strings.Contains(days, ":") {
		days, clock = "0", s
	}
	d, err := strconv.ParseUint(days, 10, 8)
	t, clockErr := time.Parse("15:04:05", clock)
	if err != nil || clockErr != nil {
		return 0, fmt.Errorf("duration %.20q: want hours, minutes and seconds", s)
	}
	return time.Duration(d)*24*time.Hour + t.Sub(t.Truncate(24*time.Hour)), nil
}

func (p *Provider) parseForecast(body []byte, place regions.Place, location string) ([]regions.Intensity, error) {
	// A list of forecasts, one a place; some versions answer with the only one.
	if text := strings.TrimSpace(string(body)); strings.HasPrefix(text, "{") {
		body = json.RawMessage("[" + text + "]")
	}
	var forecasts []struct {
		Location string `json:"location"`
		Data     []struct {
			Location string   `json:"location"`
			Time     string   `json:"timestamp"`
			Minutes  float64  `json:"duration"`
			Value    *float64 `json:"value"`
		} `json:"forecastData"`
	}
	if err := fetch.JSON(body, &forecasts); err != nil {
		return nil, err
	}
	var series []regions.Intensity
	for _, f := range forecasts {
		if err := matches(f.Location, location); err != nil {
			return nil, err
		}
		for _, point := range f.Data {
			in, ok, err := p.intensity(point.Value, point.Time, time.Duration(min(point.Minutes, 1e6)*float64(time.Minute)), regions.Forecast, place)
			if err != nil {
				return nil, err
			}
			if ok {
				series = append(series, in)
			}
		}
	}
	return fetch.Order(series)
}
