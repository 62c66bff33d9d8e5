package serve

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/timespec"
	"github.com/carbonctl/carbonctl/regions"
)

// params are the parameters of a question. Each may stand once; those that were
// not asked for are refused, so that a misspelt one is not passed over.
type params struct {
	values url.Values
	err    error
}

// read takes the parameters that are known, whatever their case. Those that end
// in "…" may stand several times.
func read(r *http.Request, known ...string) *params {
	values, err := url.ParseQuery(r.URL.RawQuery)
	p := &params{values: url.Values{}}
	if err != nil {
		p.fail("the query is not well formed")
	}
	for key, v := range values {
		i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(strings.TrimSuffix(k, "…"), key) })
		if i < 0 {
			p.fail("unknown parameter %.40q: use %s", key, strings.ReplaceAll(strings.Join(known, ", "), "…", ""))
			continue
		}
		name, many := strings.CutSuffix(known[i], "…")
		if p.values[name] = append(p.values[name], v...); !many && len(p.values[name]) > 1 {
			p.fail("%s: given more than once", name)
		}
	}
	return p
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = badRequest{fmt.Errorf(format, args...)}
	}
}

func (p *params) text(key string) string { return p.values.Get(key) }

func (p *params) needed(key string) string {
	v := strings.TrimSpace(p.values.Get(key))
	if v == "" {
		p.fail("%s is missing", key)
	}
	return v
}

func (p *params) whole(key string, otherwise, least, most int) int {
	v := p.values.Get(key)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		p.fail("%s: %.40q is not a whole number from %d to %d", key, v, least, most)
	}
	return n
}

// time reads a parameter as stamp does. Blanks are a plus sign that was not escaped.
func (p *params) time(key string, otherwise time.Time) time.Time {
	v := strings.ReplaceAll(strings.TrimSpace(p.values.Get(key)), " ", "+")
	if v == "" {
		return otherwise
	}
	t, err := stamp(v)
	if err != nil {
		p.fail("%s: %w", key, err)
		return otherwise
	}
	return t
}

// stamp reads a time as the Carbon Aware SDK takes it: a zone and the time of the day may be
// missing, and are UTC and midnight then.
func stamp(v string) (time.Time, error) {
	t, err := timespec.Stamp(v)
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if utc, other := time.Parse(layout, v); other == nil {
			t, err = utc, nil
		}
	}
	return t.UTC(), err
}

// query reads what chooses between the figures of a place.
func (p *params) query() regions.Query {
	q := regions.Query{Zone: p.needed("region"), Scope: regions.Scope(p.text("scope")), Year: p.whole("year", 0, 1900, 2200)}
	if q.Scope != "" && q.Scope != regions.Lifecycle && q.Scope != regions.Direct {
		p.fail("scope: invalid scope %.40q: use lifecycle or direct", p.text("scope"))
	}
	switch v := p.text("market"); v {
	case "", "false":
	case "true":
		q.Market = true
	default:
		p.fail("market: invalid value %.40q: use true or false", v)
	}
	q.Time = p.time("time", time.Time{})
	return q
}

// ask gives an intensity: that of the live service or, where there is none, a
// year is asked for or it fails, that of the table.
func (s *server) ask(r *http.Request, q regions.Query) (regions.Intensity, error) {
	if _, err := s.Table.Place(q.Zone); err != nil {
		return regions.Intensity{}, wrong(err)
	}
	if s.Live == nil || q.Year != 0 || q.Market {
		in, err := s.Table.Intensity(r.Context(), q)
		return in, wrong(err)
	}
	return regions.Else(s.Live, s.Table).Intensity(r.Context(), q)
}

// wrong marks an error of the table that has no type: it is of the question, such
// as a point that is none.
func wrong(err error) error {
	if err == nil || errors.Is(err, regions.ErrNoForecast) {
		return err
	}
	if code := status(err); code == http.StatusBadGateway {
		return badRequest{err}
	}
	return err
}

func (s *server) intensity(r *http.Request) (any, error) {
	p := read(r, "region", "scope", "year", "market", "time")
	q := p.query()
	if p.err != nil {
		return nil, p.err
	}
	in, err := s.ask(r, q)
	if err != nil {
		return nil, err
	}
	return struct {
		regions.Intensity
		Data string `json:"data"`
	}{in, s.Table.Version()}, nil
}

// emitted is the answer to how much an amount of energy emits.
type emitted struct {
	Energy    energy.Energy     `json:"energy_joules"`
	PUE       regions.PUE       `json:"pue"`
	Emissions regions.Grams     `json:"emissions_g"`
	Intensity regions.Intensity `json:"intensity"`
	Data      string            `json:"data"`
}

func (s *server) emissions(r *http.Request) (any, error) {
	p := read(r, "region", "scope", "year", "market", "time", "energy", "pue")
	q := p.query()
	e, err := footprint.ParseEnergy(p.needed("energy"))
	if err != nil {
		p.fail("energy: %w", err)
	}
	pue := regions.PUE{} // given, or below what is published of the place
	if v := p.text("pue"); v != "" {
		x, err := strconv.ParseFloat(v, 64)
		if err != nil || !(x >= 1 && x <= 10) {
			p.fail("pue: %.40q is not a number from 1 to 10", v)
		}
		pue = regions.PUE{Value: x, Of: "given", Source: "given"}
	}
	if p.err != nil {
		return nil, p.err
	}
	in, err := s.ask(r, q)
	if err != nil {
		return nil, err
	}
	if pue.Of == "" {
		pue = s.pue(in)
	}
	return emitted{e, pue, regions.Grams(e.KilowattHours()*pue.Value) * in.PerKWh, in, s.Table.Version()}, nil
}

// pue is what the provider of a cloud region publishes of it, or of all its data
// centres; elsewhere none is known, which counts as 1.
func (s *server) pue(in regions.Intensity) regions.PUE {
	if in.Provider != "" && in.CloudRegion != "" {
		if site, err := s.Table.Site(regions.Query{Zone: in.Provider + ":" + in.CloudRegion}); err == nil && (site.PUE.Of == "region" || site.PUE.Of == "provider") {
			return site.PUE
		}
	}
	return regions.PUE{Value: 1, Of: "none", Source: "not given"}
}

func (s *server) forecast(r *http.Request) (any, error) {
	p := read(r, "region", "scope", "time", "hours", "for")
	q := p.query()
	hours := p.whole("hours", 24, 1, maxHours)
	if q.Time.IsZero() {
		q.Time = s.Now().UTC()
	}
	length := time.Duration(0)
	if v := p.text("for"); v != "" {
		var err error
		if length, err = time.ParseDuration(v); err != nil || length <= 0 {
			p.fail("for: invalid duration %.40q: use a time above 0, such as 4h", v)
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	until := q.Time.Add(time.Duration(hours) * time.Hour)
	series, err := s.comes(r, q, until)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Series []regions.Intensity `json:"series"`
		Best   *slot               `json:"best"`
		Data   string              `json:"data"`
	}{series, nil, s.Table.Version()}
	if length > 0 {
		w, err := regions.Window(series, length, q.Time, until)
		if err != nil {
			return nil, badRequest{err}
		}
		answer.Best = &slot{w.From, w.To, w.PerKWh, w.Now, w.Saving(), w.Kind}
	}
	return answer, nil
}

// slot is the greenest one of a forecast.
type slot struct {
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	PerKWh regions.Grams `json:"g_per_kwh"`
	Now    regions.Grams `json:"now_g_per_kwh"`
	Saving float64       `json:"saving"`
	Kind   regions.Kind  `json:"kind"`
}

// comes gives a forecast: that of the live service, else the table's typical
// hours, whose Instead then says why.
func (s *server) comes(r *http.Request, q regions.Query, until time.Time) ([]regions.Intensity, error) {
	if _, err := s.Table.Place(q.Zone); err != nil {
		return nil, wrong(err)
	}
	series, err := regions.ElseForecast(s.Ahead, s.Table).Forecast(r.Context(), q, until)
	if err != nil && s.Ahead != nil {
		return nil, serviceError{err} // whatever the table lacks
	}
	return series, wrong(err)
}
