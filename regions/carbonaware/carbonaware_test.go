package carbonaware

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

var (
	_ regions.Provider   = (*Provider)(nil)
	_ regions.Forecaster = (*Provider)(nil)
)

func at(base string, client *http.Client) *Provider {
	p, err := New(Config{Base: base, HTTP: client, Now: fetchtest.Clock, Locations: map[string]string{"aws:eu-west-1": "northeurope", "FR": "francecentral"}})
	if err != nil {
		panic(err)
	}
	p.service.Wait = fetchtest.Soon
	return p
}

const (
	emissions = `[{"location":"eastus","time":"2026-01-05T08:00:00+00:00","rating":70,"duration":"08:00:00"}]`
	forecast  = `[{"requestedAt":"2026-01-05T10:20:00+00:00","generatedAt":"2026-01-05T10:15:00+00:00","location":"eastus","dataStartAt":"2026-01-05T10:20:00Z","windowSize":5,
		"optimalDataPoints":[{"location":"eastus","timestamp":"2026-01-05T10:25:00Z","duration":5,"value":300.4}],
		"forecastData":[{"location":"eastus","timestamp":"2026-01-05T10:20:00Z","duration":5,"value":400.4},{"location":"eastus","timestamp":"2026-01-05T10:25:00Z","duration":5,"value":300.4}]}]`
)

func TestIntensity(t *testing.T) {
	s := fetchtest.Serve(t, map[string]string{"/emissions/bylocation": emissions})
	in, err := at(s.URL, s.Client()).Intensity(context.Background(), regions.Query{Zone: "azure:eastus"})
	require.NoError(t, err)
	begin := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	assert.Equal(t, regions.Intensity{
		Zone: "US-VA", Name: "Virginia", Provider: "azure", CloudRegion: "eastus", Kind: regions.Live, PerKWh: 70,
		From: begin, To: begin.Add(8 * time.Hour), Source: "Carbon Aware SDK",
	}, in, "no scope is made up")
	q := s.Requests()[0].URL.Query()
	assert.Equal(t, "eastus", q.Get("location"))
	assert.Equal(t, "2026-01-05T10:20:00Z", q.Get("time"))
	_, err = at(s.URL, s.Client()).Intensity(context.Background(), regions.Query{Zone: "azure:eastus", Time: begin.Add(9 * time.Hour)})
	assert.ErrorContains(t, err, "no data for 2026-01-05T17:00:00Z")
	// An SDK over marginal data is marked, and is not taken for an average.
	p := at(s.URL, s.Client())
	p.cfg.Marginal = true
	in, err = regions.Else(p, regions.Builtin()).Intensity(context.Background(), regions.Query{Zone: "azure:eastus"})
	require.NoError(t, err)
	assert.False(t, in.Marginal)
	assert.Contains(t, in.Instead, "marginal")
}

func TestForecast(t *testing.T) {
	for _, answer := range []string{forecast, forecast[1 : len(forecast)-1]} {
		s := fetchtest.Serve(t, map[string]string{"/emissions/forecasts/current": answer})
		series, err := at(s.URL, s.Client()).Forecast(context.Background(), regions.Query{Zone: "azure:eastus"}, fetchtest.Now.Add(time.Hour))
		require.NoError(t, err)
		fetchtest.InOrder(t, series)
		slot, err := regions.Window(series, 5*time.Minute, fetchtest.Now, fetchtest.Now.Add(10*time.Minute))
		require.NoError(t, err)
		assert.Equal(t, regions.Grams(300.4), slot.PerKWh)
	}
}

func TestLocations(t *testing.T) {
	for zone, want := range map[string]string{"aws:eu-west-1a": "northeurope", "France": "francecentral", "DE": "DE", "azure:westeurope": "westeurope"} {
		_, location, err := at("https://example.org", nil).locate(regions.Query{Zone: zone})
		require.NoError(t, err)
		assert.Equal(t, want, location)
	}
	for want, q := range map[string]regions.Query{
		`has no figures of scope "direct", only those of an unknown scope`: {Zone: "FR", Scope: regions.Direct},
		"has neither yearly nor market-based figures":                      {Zone: "FR", Year: 2024},
		"unknown region": {Zone: "nowhere"},
	} {
		_, err := at("https://example.org", nil).Intensity(context.Background(), q)
		assert.ErrorContains(t, err, want)
	}
	_, err := New(Config{})
	assert.EqualError(t, err, "carbonaware: no base address")
}

func TestWhatDoesNotFit(t *testing.T) {
	row := func(s string) string { return `[{"location":"eastus",` + s + `}]` }
	for answer, want := range map[string]string{
		`[{"location":"westus","time":"2026-01-05T08:00:00Z","rating":70,"duration":"08:00:00"}]`: `the answer is for "westus", not "eastus"`,
		row(`"time":"2026-01-05T08:00:00Z","rating":-70,"duration":"08:00:00"`):                   "is out of range",
		row(`"time":"2026-01-05T08:00:00Z","rating":700000,"duration":"08:00:00"`):                "is out of range",
		row(`"time":"2026-01-05T08:00:00Z","rating":null,"duration":"08:00:00"`):                  "no data",
		row(`"time":"2026-01-05T08:00:00Z","rating":70,"duration":"for ever"`):                    `duration "for ever"`,
		row(`"time":"2026-01-05T08:00:00Z","rating":70,"duration":"00:00:00"`):                    "a figure holds for 0s",
		row(`"time":"now","rating":70,"duration":"08:00:00"`):                                     "want RFC 3339",
		row(`"time":"2026-01-05T08:00:00Z","rating":"70","duration":"08:00:00"`):                  "unexpected JSON format",
	} {
		s := fetchtest.Serve(t, map[string]string{"/emissions/bylocation": answer})
		_, err := at(s.URL, s.Client()).Intensity(context.Background(), regions.Query{Zone: "azure:eastus"})
		assert.ErrorContains(t, err, want)
	}
	d, err := duration("1.02:03:04")
	require.NoError(t, err)
	assert.Equal(t, 26*time.Hour+3*time.Minute+4*time.Second, d)
}

func TestBadAnswers(t *testing.T) {
	fetchtest.Bad(t, "", func(ctx context.Context, base string, client *http.Client) error {
		_, err := at(base, client).Intensity(ctx, regions.Query{Zone: "azure:eastus"})
		return err
	})
	fetchtest.Bad(t, "", func(ctx context.Context, base string, client *http.Client) error {
		_, err := at(base, client).Forecast(ctx, regions.Query{Zone: "azure:eastus"}, fetchtest.Now.Add(time.Hour))
		return err
	})
}

func FuzzParse(f *testing.F) {
	f.Add(emissions)
	f.Add(forecast)
	f.Add(`{"location":"eastus","forecastData":[null]}`)
	place, err := regions.Builtin().Place("azure:eastus")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		p := &Provider{}
		if series, err := p.parseEmissions([]byte(text), place, "eastus"); err == nil {
			fetchtest.InOrder(t, series)
		}
		if series, err := p.parseForecast([]byte(text), place, "eastus"); err == nil {
			fetchtest.InOrder(t, series)
		}
	})
}
