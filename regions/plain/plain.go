// Package plain is a live provider for any series of intensities that somebody publishes:
// a small JSON file, on disk or on the web. It is read anew at each question, so that
// whatever writes the file decides what holds.
//
//	{
//	  "zone": "DE", "scope": "lifecycle", "kind": "forecast",
//	  "source": "Our grid desk", "licence": "internal",
//	  "data": [
//	    {"from": "2026-12-01T00:00:00Z", "to": "2026-12-01T01:00:00Z", "g_per_kwh": 312.5},
//	    {"from": "2026-12-01T01:00:00Z", "g_per_kwh": 298}
//	  ]
//	}
//
// zone, scope, source and data are needed. kind is "live" or "forecast" (the default),
// licence may be left out. Times are RFC 3339 with their offset. Without "to" a figure
// holds until the next begins, the last as long as the one before it (an hour if there is
// none). What lies between two is not known. "marginal": true marks figures of what one
// more kWh emits: they rank hours, and are never emissions.
package plain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetch"
)

// Config says where the series is.
type Config struct {
	// From is the path of a file, or an address that begins with https:// or http://.
	From  string
	HTTP  *http.Client     // nil: the default transport
	Cache string           // folder in which answers of an address are kept for a minute, "" for none
	Table *regions.Table   // names of zones; nil: the built-in one
	Now   func() time.Time // nil: time.Now
}

// Provider reads the series. It is a regions.Provider and a regions.Forecaster, safe for
// concurrent use.
type Provider struct {
	service *fetch.Service
	file    string     // "" for an address
	query   url.Values // of the address
}

// New returns a Provider; it reads nothing yet. The error is of a place that is none.
func New(cfg Config) (*Provider, error) {
	client := &fetch.Client{HTTP: cfg.HTTP, Cache: cfg.Cache, Now: cfg.Now}
	p := &Provider{service: fetch.New("file", client, cfg.Table)}
	switch {
	case cfg.From == "":
		return nil, errors.New("file: no path or address given, such as file:forecast.json")
	case strings.HasPrefix(cfg.From, "https://"), strings.HasPrefix(cfg.From, "http://"):
		u, err := url.Parse(cfg.From)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("file: invalid address %.60q", cfg.From)
		}
		p.query, u.RawQuery = u.Query(), ""
		client.Base = u.String()
	default:
		p.file = cfg.From
	}
	return p, nil
}

// maxFile is more than a year of quarters of an hour takes.
const maxFile = 8 << 20

// fresh is how long an answer of an address stands.
const fresh = time.Minute

// Intensity is the figure that holds at the time of the query. One that is marginal has
// Marginal set.
func (p *Provider) Intensity(ctx context.Context, q regions.Query) (regions.Intensity, error) {
	series, err := p.read(ctx, q)
	if err != nil {
		return regions.Intensity{}, err
	}
	return p.service.Holding(series, p.service.At(q))
}

// Forecast is what the series has from the time of the query until another.
func (p *Provider) Forecast(ctx context.Context, q regions.Query, until time.Time) ([]regions.Intensity, error) {
	series, err := p.read(ctx, q)
	if err != nil {
		return nil, err
	}
	series, err = fetch.Between(series, p.service.At(q), until)
	return series, p.service.Err(err)
}

// read gives the series, where it is of the place and scope of a query.
func (p *Provider) read(ctx context.Context, q regions.Query) (series []regions.Intensity, err error) {
	place, err := p.service.Locate(q, regions.Lifecycle, regions.Direct)
	if err != nil {
		return nil, err
	}
	parse := func(text []byte) (err error) {
		series, err = p.parse(text, place, q.Scope)
		return err
	}
	if p.file == "" {
		err = p.service.Get(ctx, fetch.Request{Query: p.query, Fresh: fresh}, parse)
		return series, p.service.Err(err)
	}
	text, err := readFile(p.file)
	if err == nil {
		if err = parse(text); err != nil {
			err = fmt.Errorf("%s: %w", p.file, err)
		}
	}
	return series, p.service.Err(err)
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: more than %d bytes", name, maxFile)
	}
	return text, err
}

// document is the JSON, times as they are written.
type document struct {
	Zone     string        `json:"zone"`
	Scope    regions.Scope `json:"scope"`
	Kind     regions.Kind  `json:"kind"`
	Source   string        `json:"source"`
	Licence  string        `json:"licence"`
	Marginal bool          `json:"marginal"`
	Data     []struct {
		From   string   `json:"from"`
		To     string   `json:"to"`
		PerKWh *float64 `json:"g_per_kwh"`
	} `json:"data"`
}

func (p *Provider) parse(text []byte, place regions.Place, scope regions.Scope) ([]regions.Intensity, error) {
	var d document
	if err := fetch.JSON(text, &d); err != nil {
		return nil, err
	}
	d.Kind = cmp.Or(d.Kind, regions.Forecast)
	of, err := p.service.Table.Place(d.Zone)
	switch {
	case strings.TrimSpace(d.Zone) == "":
		return nil, errors.New("no zone given")
	case err != nil:
		return nil, err
	case of.Zone.Code != place.Zone.Code:
		return nil, fmt.Errorf("covers %s (%s) only, not %s (%s)", of.Zone.Code, of.Zone.Name, place.Zone.Code, place.Zone.Name)
	case d.Scope != regions.Lifecycle && d.Scope != regions.Direct:
		return nil, fmt.Errorf("scope %.20q: want %s or %s", d.Scope, regions.Lifecycle, regions.Direct)
	case scope != "" && scope != d.Scope:
		return nil, fmt.Errorf("has no figures of scope %s, only %s", scope, d.Scope)
	case d.Kind != regions.Forecast && d.Kind != regions.Live:
		return nil, fmt.Errorf("kind %.20q: want %s or %s", d.Kind, regions.Live, regions.Forecast)
	case strings.TrimSpace(d.Source) == "":
		return nil, errors.New("no source given")
	}
	series, err := d.series()
	if err != nil {
		return nil, err
	}
	for i, in := range series {
		in.Kind, in.Scope, in.Source, in.Licence, in.Marginal = d.Kind, d.Scope, d.Source, d.Licence, d.Marginal
		series[i] = fetch.Of(place, in)
	}
	return series, nil
}

// series gives the figures in order of time.
func (d *document) series() ([]regions.Intensity, error) {
	var series []regions.Intensity
	for i, row := range d.Data {
		at := func(err error) error { return fmt.Errorf("data[%d]: %w", i, err) }
		v, ok, err := fetch.Grams(row.PerKWh)
		if err == nil && !ok {
			err = errors.New("no g_per_kwh")
		}
		if err == nil {
			err = regions.Plausible(v)
		}
		if err != nil {
			return nil, at(err)
		}
		in := regions.Intensity{PerKWh: v}
		if in.From, err = fetch.Stamp(row.From); err != nil {
			return nil, at(err)
		}
		if row.To != "" {
			if in.To, err = fetch.Stamp(row.To); err != nil {
				return nil, at(err)
			}
			if !in.From.Before(in.To) {
				return nil, at(fmt.Errorf("ends %s, before it begins", row.To))
			}
		}
		series = append(series, in)
	}
	slices.SortStableFunc(series, func(a, b regions.Intensity) int { return a.From.Compare(b.From) })
	for i := range series {
		switch in := &series[i]; {
		case !in.To.IsZero():
		case i+1 < len(series):
			in.To = series[i+1].From
		case i > 0:
			in.To = in.From.Add(in.From.Sub(series[i-1].From))
		default:
			in.To = in.From.Add(time.Hour)
		}
		if in := series[i]; !in.From.Before(in.To) {
			return nil, fmt.Errorf("two figures for %s", in.From.Format(time.RFC3339))
		}
	}
	return fetch.Order(series)
}

// Scope implements regions.Scoped: that of the file as it is now, "" of an address.
func (p *Provider) Scope() regions.Scope {
	var d document
	if text, err := readFile(p.file); err != nil || fetch.JSON(text, &d) != nil {
		return ""
	}
	return d.Scope
}
