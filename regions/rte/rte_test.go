package rte

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetchtest"
)

var _ regions.Provider = (*Provider)(nil)

const path = "/catalog/datasets/eco2mix-national-tr/records"

func at(base string, client *http.Client) *Provider {
	p := New(Config{Base: base, HTTP: client, Now: fetchtest.Clock})
	p.service.Wait = fetchtest.Soon
	return p
}

const (
	version1 = `{"total_count":4,"results":[{"date_heure":"2026-01-05T11:15:00+01:00","taux_co2":21}]}`
	version0 = `{"total_count":4,"records":[{"record":{"fields":{"date_heure":"2026-01-05T10:15:00+00:00","taux_co2":21}}}]}`
)

func TestIntensity(t *testing.T) {
	for _, answer := range []string{version1, version0} {
		s := fetchtest.Serve(t, map[string]string{path: answer})
		p := at(s.URL, s.Client())
		in, err := p.Intensity(context.Background(), regions.Query{Zone: "France"})
		require.NoError(t, err)
		begin := time.Date(2026, 1, 5, 10, 15, 0, 0, time.UTC)
		want := regions.Intensity{
			Zone: "FR", Name: "France", Kind: regions.Live, Scope: regions.Direct, Basis: "generation", PerKWh: 21,
			From: begin, To: begin.Add(quarter), Source: "RTE, éCO2mix (ODRÉ)", Licence: "etalab-2.0",
		}
		assert.Equal(t, want, in)
		q := s.Requests()[0].URL.Query()
		assert.Equal(t, "taux_co2 is not null", q.Get("where"))
		assert.Equal(t, "1", q.Get("limit"))
		in, err = p.Intensity(context.Background(), regions.Query{Zone: "scaleway:fr-par-2"})
		require.NoError(t, err)
		assert.Equal(t, "fr-par", in.CloudRegion)
	}
}

func TestPast(t *testing.T) {
	s := fetchtest.Serve(t, map[string]string{path: `{"results":[{"date_heure":"2026-01-04T08:30:00+00:00","taux_co2":33.5}]}`})
	p := at(s.URL, s.Client())
	in, err := p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: time.Date(2026, 1, 4, 8, 44, 0, 0, time.UTC)})
	require.NoError(t, err)
	assert.Equal(t, regions.Grams(33.5), in.PerKWh)
	assert.Equal(t, "taux_co2 is not null and date_heure >= date'2026-01-04T08:30:00Z' and date_heure < date'2026-01-04T08:45:00Z'", s.Requests()[0].URL.Query().Get("where"))
	_, err = p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: time.Date(2026, 1, 3, 8, 44, 0, 0, time.UTC)})
	assert.ErrorContains(t, err, "no data for 2026-01-03T08:44:00Z")
	_, err = p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: fetchtest.Now.Add(time.Hour)})
	assert.ErrorIs(t, err, regions.ErrNoForecast)
}

func TestWhatDoesNotFit(t *testing.T) {
	for want, q := range map[string]regions.Query{
		"covers France only, not DE (Germany)":             {Zone: "DE"},
		`has no figures of scope "lifecycle", only direct`: {Zone: "FR", Scope: regions.Lifecycle},
		"has neither yearly nor market-based figures":      {Zone: "FR", Market: true},
		`unknown region "Frnace"`:                          {Zone: "Frnace"},
	} {
		_, err := at("https://example.org", nil).Intensity(context.Background(), q)
		assert.ErrorContains(t, err, want)
	}
	for answer, want := range map[string]string{
		`{"results":[{"date_heure":"2026-01-05T10:15:00+00:00","taux_co2":null}]}`: "no data",
		`{"results":[]}`: "no data",
		`{"results":[{"date_heure":"2026-01-05T10:15:00+00:00","taux_co2":-2}]}`:    "is out of range",
		`{"results":[{"date_heure":"2026-01-05T10:15:00+00:00","taux_co2":21000}]}`: "is out of range",
		`{"results":[{"date_heure":"2026-01-05T10:15:00+00:00","taux_co2":"21"}]}`:  "unexpected JSON format",
		`{"results":[{"date_heure":null,"taux_co2":21}]}`:                           "want RFC 3339",
		`{"results":[{"date_heure":"2026-01-05T06:15:00+00:00","taux_co2":21}]}`:    "rte: the newest value is of 2026-01-05T06:15:00Z",
		`{"results":[{"date_heure":"2026-01-06T06:15:00+00:00","taux_co2":21}]}`:    "the newest value is of 2026-01-06",
	} {
		s := fetchtest.Serve(t, map[string]string{path: answer})
		_, err := at(s.URL, s.Client()).Intensity(context.Background(), regions.Query{Zone: "FR"})
		assert.ErrorContains(t, err, want)
	}
}

func TestBadAnswers(t *testing.T) {
	fetchtest.Bad(t, "", func(ctx context.Context, base string, client *http.Client) error {
		_, err := at(base, client).Intensity(ctx, regions.Query{Zone: "FR"})
		return err
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{version1, version0, "{}", `{"results":[null]}`} {
		f.Add(s)
	}
	place, err := regions.Builtin().Place("FR")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		if in, err := parse([]byte(text), place); err == nil {
			fetchtest.InOrder(t, []regions.Intensity{in})
		}
	})
}
