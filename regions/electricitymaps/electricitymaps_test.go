package electricitymaps

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetchtest"
)

const token = "s3cret-token"

var (
	_ regions.Provider   = (*Provider)(nil)
	_ regions.Forecaster = (*Provider)(nil)
)

func at(base string, client *http.Client) *Provider {
	p, err := New(Config{Token: token, Base: base, HTTP: client, Now: fetchtest.Clock, Zones: map[string]string{"US-CA": "US-CAL-CISO"}})
	if err != nil {
		panic(err)
	}
	p.service.Wait = fetchtest.Soon
	return p
}

const (
	latest = `{"zone":"FR","carbonIntensity":21.5,"datetime":"2026-01-05T10:00:00.000Z","updatedAt":"2026-01-05T10:05:00.000Z","emissionFactorType":"lifecycle","flowTraced":true,"isEstimated":true,"estimationMethod":"TIME_SLICER_AVERAGE","temporalGranularity":"hourly"}`
	// The same hours in the shape of version 3 and of version 4.
	history3  = `{"zone":"FR","history":[{"zone":"FR","carbonIntensity":30,"datetime":"2026-01-05T08:00:00.000Z"},{"zone":"FR","carbonIntensity":null,"datetime":"2026-01-05T09:00:00.000Z"}]}`
	history4  = `{"zone":"FR","temporalGranularity":"hourly","data":[{"carbonIntensity":30,"datetime":"2026-01-05T08:00:00.000Z"},{"datetime":"2026-01-05T09:00:00.000Z"}]}`
	forecast3 = `{"zone":"FR","forecast":[{"carbonIntensity":25,"datetime":"2026-01-05T11:00:00.000Z"},{"carbonIntensity":22,"datetime":"2026-01-05T10:00:00.000Z"},{"carbonIntensity":40,"datetime":"2026-01-05T12:00:00.000Z"}],"updatedAt":"2026-01-05T10:02:00.000Z"}`
	forecast4 = `{"zone":"FR","temporalGranularity":"15_minutes","emissionFactorType":"lifecycle","data":[{"carbonIntensity":22,"datetime":"2026-01-05T10:15:00.000Z"},{"carbonIntensity":25,"datetime":"2026-01-05T10:30:00.000Z"}]}`
)

func TestLatest(t *testing.T) {
	for _, version := range []string{"/v3", "/v4", "/v4/"} {
		s := fetchtest.Serve(t, map[string]string{version[:3] + "/carbon-intensity/latest": latest})
		in, err := at(s.URL+version, s.Client()).Intensity(context.Background(), regions.Query{Zone: "France"})
		require.NoError(t, err)
		assert.Equal(t, regions.Intensity{
			Zone: "FR", Name: "France", Kind: regions.Live, Scope: regions.Lifecycle, Basis: "consumption", PerKWh: 21.5,
			From: fetchtest.Now.Truncate(time.Hour), To: fetchtest.Now.Truncate(time.Hour).Add(time.Hour),
			Source: "Electricity Maps, zone FR, estimated by TIME_SLICER_AVERAGE", Licence: "terms of Electricity Maps",
		}, in)
		r := s.Requests()[0]
		assert.Equal(t, token, r.Header.Get("auth-token"))
		assert.Equal(t, url.Values{"zone": {"FR"}, "emissionFactorType": {"lifecycle"}, "disableCallerLookup": {"true"}}, r.URL.Query())
	}
}

func TestWhereItIsAsked(t *testing.T) {
	for zone, want := range map[string]string{
		"aws:eu-west-3":       "dataCenterProvider=aws&dataCenterRegion=eu-west-3",
		"gcp:europe-west9-a":  "dataCenterProvider=gcp&dataCenterRegion=europe-west9",
		"scaleway:fr-par":     "zone=FR",
		"48.85,2.35":          "lat=48.8500&lon=2.3500",
		"US-NY":               "lat=",
		"CA-QC":               "zone=CA-QC",
		"US-CA":               "zone=US-CAL-CISO",
		"EGRID-CAMX":          "",
		"EUROPE":              "",
		"":                    "",
		"atlantis":            "",
		"aws:eu-west-nowhere": "",
	} {
		a, err := at("https://example.org", nil).ask(regions.Query{Zone: zone, Scope: regions.Direct})
		if want == "" {
			assert.Error(t, err, zone)
			continue
		}
		require.NoError(t, err, zone)
		assert.Contains(t, a.query.Encode(), want)
		assert.Equal(t, "direct", a.query.Get("emissionFactorType"))
	}
	_, err := at("https://example.org", nil).ask(regions.Query{Zone: "FR", Year: 2024})
	assert.Error(t, err)
	_, err = New(Config{})
	assert.EqualError(t, err, "electricitymaps: no token")
}

func TestPastAndForecast(t *testing.T) {
	for i, answers := range []map[string]string{
		{"/carbon-intensity/history": history3, "/carbon-intensity/forecast": forecast3},
		{"/carbon-intensity/history": history4, "/carbon-intensity/forecast": forecast4, "/carbon-intensity/past": `{"zone":"FR","carbonIntensity":50,"datetime":"2025-12-01T00:00:00Z","emissionFactorType":"lifecycle"}`},
	} {
		s := fetchtest.Serve(t, answers)
		p := at(s.URL, s.Client())
		in, err := p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: fetchtest.Now.Add(-2 * time.Hour)})
		require.NoError(t, err)
		assert.Equal(t, regions.Grams(30), in.PerKWh)
		_, err = p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: fetchtest.Now.Add(-time.Hour)})
		assert.ErrorContains(t, err, "electricitymaps: the answer holds no data for 2026-01-05T09:20:00Z", "a null is no zero")
		series, err := p.Forecast(context.Background(), regions.Query{Zone: "FR"}, fetchtest.Now.Add(90*time.Minute))
		require.NoError(t, err)
		fetchtest.InOrder(t, series)
		require.Len(t, series, 2)
		assert.Equal(t, regions.Forecast, series[0].Kind)
		assert.Equal(t, regions.Grams(22), series[0].PerKWh)
		last := s.Requests()[len(s.Requests())-1]
		assert.Equal(t, "6", last.URL.Query().Get("horizonHours"))
		in, err = p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: series[1].From})
		require.NoError(t, err)
		assert.Equal(t, series[1], in)
		in, err = p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: time.Date(2025, 12, 1, 0, 30, 0, 0, time.UTC)})
		if i == 0 {
			assert.ErrorContains(t, err, "404")
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, regions.Grams(50), in.PerKWh)
		_, err = p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: time.Date(2025, 12, 2, 0, 30, 0, 0, time.UTC)})
		assert.ErrorContains(t, err, "no data for 2025-12-02")
		_, err = p.Forecast(context.Background(), regions.Query{Zone: "FR", Time: fetchtest.Now.Add(50 * time.Hour)}, fetchtest.Now.Add(60*time.Hour))
		assert.ErrorIs(t, err, regions.ErrNoForecast)
	}
}

func TestAnswersThatDoNotFit(t *testing.T) {
	for answer, want := range map[string]string{
		`{"zone":"DE","carbonIntensity":300,"datetime":"2026-01-05T10:00:00Z"}`:                                  `the answer is for zone "DE", not "FR"`,
		`{"carbonIntensity":300,"datetime":"2026-01-05T10:00:00Z"}`:                                              `the answer is for zone "", not "FR"`,
		`{"zone":"FR","carbonIntensity":20,"datetime":"2026-01-05T10:00:00Z","emissionFactorType":"direct"}`:     `counts "direct" emissions, not "lifecycle"`,
		`{"zone":"FR","carbonIntensity":20,"datetime":"2026-01-05T10:00:00Z","unit":"lb/MWh"}`:                   `the answer is in "lb/MWh"`,
		`{"zone":"FR","carbonIntensity":210000,"datetime":"2026-01-05T10:00:00Z"}`:                               "is out of range",
		`{"zone":"FR","carbonIntensity":-1,"datetime":"2026-01-05T10:00:00Z"}`:                                   "is out of range",
		`{"zone":"FR","carbonIntensity":20,"datetime":"10 o'clock"}`:                                             "want RFC 3339",
		`{"zone":"FR","carbonIntensity":20,"datetime":"2026-01-05T10:00:00Z","temporalGranularity":"fortnight"}`: `granularity "fortnight"`,
		`{"zone":"FR","carbonIntensity":null,"datetime":"2026-01-05T10:00:00Z"}`:                                 "the answer holds no data",
		`{"zone":"FR","carbonIntensity":20,"datetime":"2026-01-05T02:00:00Z"}`:                                   "the newest value is of 2026-01-05T02:00:00Z",
	} {
		s := fetchtest.Serve(t, map[string]string{"/carbon-intensity/latest": answer})
		_, err := at(s.URL, s.Client()).Intensity(context.Background(), regions.Query{Zone: "FR"})
		assert.ErrorContains(t, err, want)
	}
}

func TestBadAnswers(t *testing.T) {
	fetchtest.Bad(t, token, func(ctx context.Context, base string, client *http.Client) error {
		_, err := at(base, client).Intensity(ctx, regions.Query{Zone: "FR"})
		return err
	})
	fetchtest.Bad(t, token, func(ctx context.Context, base string, client *http.Client) error {
		_, err := at(base, client).Forecast(ctx, regions.Query{Zone: "FR"}, fetchtest.Now.Add(time.Hour))
		return err
	})
}

// Where the service fails, the table answers and says why.
func TestFallsBack(t *testing.T) {
	s := fetchtest.Serve(t, nil)
	in, err := regions.Else(at(s.URL, s.Client()), regions.Builtin()).Intensity(context.Background(), regions.Query{Zone: "FR"})
	require.NoError(t, err)
	assert.Equal(t, regions.AnnualAverage, in.Kind)
	assert.Contains(t, in.Instead, "instead of a live value: electricitymaps: ")
	assert.Contains(t, in.Instead, "status 404")
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{latest, history3, history4, forecast3, forecast4, "{}", "null"} {
		f.Add(s)
	}
	a, err := at("https://example.org", nil).ask(regions.Query{Zone: "FR"})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		series, err := a.parse([]byte(text), regions.Forecast)
		if err == nil {
			fetchtest.InOrder(t, series)
		}
	})
}
