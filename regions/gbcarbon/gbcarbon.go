// Package gbcarbon is a live provider for Great Britain with forecasts: the
// Carbon Intensity API of the National Energy System Operator. It needs no token;
// its data are under CC BY 4.0.
//
// A figure is what plants emit for a kWh that is used, imports counted, not what
// their fuel and construction do: Direct. Northern Ireland, which is on another
// grid, is not in it. Facts on the API are from its documentation, read in 2026.
package gbcarbon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetch"
)

// Config says how to reach the service. The zero Config asks for all of Great
// Britain.
type Config struct {
	Postcode string           // outward part, as "RG10": the region around it, forecasts alone
	Base     string           // "": https://api.carbonintensity.org.uk
	HTTP     *http.Client     // nil: the default transport
	Cache    string           // folder in which answers are kept, "" for none
	Table    *regions.Table   // names of zones; nil: the built-in one
	Now      func() time.Time // nil: time.Now
}

// Provider asks the service. It is a regions.Provider and a regions.Forecaster,
// safe for concurrent use.
type Provider struct {
	cfg     Config
	service *fetch.Service
}

var outward = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Z]{1,2}[0-9][0-9A-Z]?$`) })

// New returns a Provider; it asks nothing yet.
func New(cfg Config) (*Provider, error) {
	if cfg.Postcode != "" && !outward().MatchString(cfg.Postcode) {
		return nil, fmt.Errorf("gbcarbon: postcode %.10q: want the outward part, as RG10", cfg.Postcode)
	}
	base := cmp.Or(cfg.Base, "https://api.carbonintensity.org.uk")
	return &Provider{cfg, fetch.New("gbcarbon", &fetch.Client{Base: base, HTTP: cfg.HTTP, Cache: cfg.Cache, Now: cfg.Now}, cfg.Table)}, nil
}

const (
	slot  = 30 * time.Minute
	minus = "2006-01-02T15:04Z" // a time as the service writes it
)

// Intensity is that of the half hour at Query.Time, or now: measured where it is
// known (Live), else as forecast.
func (p *Provider) Intensity(ctx context.Context, q regions.Query) (regions.Intensity, error) {
	at := p.service.At(q)
	begin := at.UTC().Truncate(slot)
	series, err := p.series(ctx, q, begin, begin.Add(slot))
	if err != nil {
		return regions.Intensity{}, err
	}
	return p.service.Holding(series, at)
}

// Forecast gives what is expected from Query.Time, or now, on; at most 48 hours.
func (p *Provider) Forecast(ctx context.Context, q regions.Query, until time.Time) ([]regions.Intensity, error) {
	from := p.service.At(q)
	series, err := p.series(ctx, q, from.UTC().Truncate(slot), time.Time{})
	if err != nil {
		return nil, err
	}
	return fetch.Between(series, from, until)
}

// series asks for the slots from one time to another, 48 hours for zero.
func (p *Provider) series(ctx context.Context, q regions.Query, from, to time.Time) ([]regions.Intensity, error) {
	place, err := p.check(q)
	if err != nil {
		return nil, err
	}
	end := "fw48h"
	if !to.IsZero() {
		end = to.Format(minus)
	}
	// Asked from the very end of a slot the service may begin with that one; a
	// minute in it can't. What is not needed is left out below.
	path := "/intensity/" + from.Add(time.Minute).Format(minus) + "/" + end
	if p.cfg.Postcode != "" {
		path = "/regional" + path + "/postcode/" + url.PathEscape(p.cfg.Postcode)
	}
	return p.service.Series(ctx, fetch.Request{Path: path, Fresh: slot}, func(body []byte) ([]regions.Intensity, error) {
		return p.parse(body, place)
	})
}

// Scope implements regions.Scoped.
func (*Provider) Scope() regions.Scope { return regions.Direct }

func (p *Provider) check(q regions.Query) (place regions.Place, err error) {
	place, err = p.service.Locate(q, regions.Direct)
	if err == nil && place.Zone.Code != "GB" {
		err = fmt.Errorf("gbcarbon: covers Great Britain only, not %s (%s)", place.Zone.Code, place.Zone.Name)
	}
	return place, err
}

// answer has a list of slots or, for a region, the region with its slots: as an
// object or the only one of a list.
type answer struct {
	Data json.RawMessage `json:"data"`
}

type region struct {
	Name string     `json:"shortname"`
	Data []halfHour `json:"data"`
}

type halfHour struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Intensity *struct {
		Forecast *float64 `json:"forecast"`
		Actual   *float64 `json:"actual"`
	} `json:"intensity"`
}

func (p *Provider) parse(body []byte, place regions.Place) ([]regions.Intensity, error) {
	var a answer
	if err := fetch.JSON(body, &a); err != nil {
		return nil, err
	}
	slots, name, err := slotsOf(a.Data, p.cfg.Postcode != "")
	if err != nil {
		return nil, err
	}
	var series []regions.Intensity
	for _, s := range slots {
		in, ok, err := s.intensity()
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		in.Source += name
		series = append(series, fetch.Of(place, in))
	}
	return fetch.Order(series)
}

func slotsOf(data json.RawMessage, regional bool) (slots []halfHour, name string, err error) {
	if len(data) == 0 || string(data) == "null" {
		return nil, "", fetch.ErrNoData
	}
	if !regional {
		return slots, "", fetch.JSON(data, &slots)
	}
	var one region
	if data[0] == '[' {
		var list []region
		if err := fetch.JSON(data, &list); err != nil {
			return nil, "", err
		}
		if len(list) != 1 {
			return nil, "", fmt.Errorf("the answer has %d regions", len(list))
		}
		one = list[0]
	} else if err := fetch.JSON(data, &one); err != nil {
		return nil, "", err
	}
	if r := []rune(one.Name); len(r) > 40 {
		one.Name = string(r[:40])
	}
	return one.Data, ", " + one.Name, nil
}

// intensity reads a slot; ok is false for one without a figure.
func (s halfHour) intensity() (in regions.Intensity, ok bool, err error) {
	if s.Intensity == nil {
		return in, false, nil
	}
	in = regions.Intensity{
		Kind: regions.Live, Scope: regions.Direct, Basis: "consumption",
		Licence: "CC-BY-4.0", Source: "NESO, Carbon Intensity API",
	}
	v := s.Intensity.Actual
	if v == nil {
		v, in.Kind = s.Intensity.Forecast, regions.Forecast
	}
	if in.PerKWh, ok, err = fetch.Grams(v); err != nil || !ok {
		return in, false, err
	}
	var toErr error
	in.From, err = fetch.Stamp(s.From)
	in.To, toErr = fetch.Stamp(s.To)
	if err = errors.Join(err, toErr); err != nil {
		return in, false, errors.New("a slot has no time")
	}
	if d := in.To.Sub(in.From); d <= 0 || d > 2*time.Hour {
		return in, false, fmt.Errorf("a slot holds for %v", d)
	}
	return in, true, nil
}
