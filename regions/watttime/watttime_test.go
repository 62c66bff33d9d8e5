package watttime

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetchtest"
)

const password = "s3cret-word"

var _ regions.Forecaster = (*Provider)(nil)

func at(base string, client *http.Client) *Provider {
	p, err := New(Config{User: "we", Password: password, Base: base, HTTP: client, Now: fetchtest.Clock})
	if err != nil {
		panic(err)
	}
	p.service.Wait = fetchtest.Soon
	return p
}

func answer(units, signal, region string, points ...string) string {
	return `{"data":[` + strings.Join(points, ",") + `],"meta":{"region":"` + region + `","signal_type":"` + signal + `","units":"` + units +
		`","data_point_period_seconds":300,"generated_at":"2026-01-05T10:20:00+00:00","model":{"date":"2025-06-01"},"warnings":[]}}`
}

var forecast = answer(units, signal, "CAISO_NORTH",
	`{"point_time":"2026-01-05T10:20:00+00:00","value":1000}`, `{"point_time":"2026-01-05T10:25:00+00:00","value":null}`, `{"point_time":"2026-01-05T10:30:00+00:00","value":500}`)

// service logs in who knows the password, with tokens that it takes n times.
func service(t *testing.T, takes int, forecast string) (*fetchtest.Service, *atomic.Int32) {
	var logins, left atomic.Int32
	return fetchtest.Handle(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			if r.Header.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("we:"+password)) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			left.Store(int32(takes))
			_, _ = fmt.Fprintf(w, `{"token":"jwt-%d"}`, logins.Add(1))
			return
		}
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer jwt-%d", logins.Load()) || left.Add(-1) < 0 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/v3/region-from-loc":
			_, _ = io.WriteString(w, `{"region":"CAISO_NORTH","region_full_name":"California","signal_type":"co2_moer"}`)
		case "/v3/forecast":
			_, _ = io.WriteString(w, forecast)
		default:
			http.NotFound(w, r)
		}
	}), &logins
}

func TestMarginal(t *testing.T) {
	s, logins := service(t, 100, forecast)
	p := at(s.URL, s.Client())
	in, err := p.Marginal(context.Background(), regions.Query{Zone: "gcp:us-west2"})
	require.NoError(t, err)
	assert.True(t, in.Marginal)
	assert.InDelta(t, 453.59237, float64(in.PerKWh), 1e-9)
	assert.Equal(t, fetchtest.Now, in.From)
	assert.Equal(t, fetchtest.Now.Add(5*time.Minute), in.To)
	assert.Equal(t, "US-CA", in.Zone)
	assert.Equal(t, "us-west2", in.CloudRegion)
	assert.Equal(t, "WattTime, marginal rate of CAISO_NORTH", in.Source)
	place := s.Requests()[1].URL.Query()
	assert.Equal(t, "34.0500 -118.2400", place.Get("latitude")+" "+place.Get("longitude"))
	series, err := p.Forecast(context.Background(), regions.Query{Zone: "gcp:us-west2"}, fetchtest.Now.Add(2*time.Hour))
	require.NoError(t, err)
	fetchtest.InOrder(t, series)
	require.Len(t, series, 2, "a null is a gap")
	last := s.Requests()[len(s.Requests())-1].URL.Query()
	assert.Equal(t, "3", last.Get("horizon_hours"))
	assert.EqualValues(t, 1, logins.Load(), "one login for all")
	_, isProvider := any(p).(regions.Provider)
	assert.False(t, isProvider, "a marginal figure must not get where averages are added up")
	_, err = p.Marginal(context.Background(), regions.Query{Zone: "gcp:us-west2", Time: fetchtest.Now.Add(6 * time.Minute)})
	assert.ErrorIs(t, err, regions.ErrNoForecast)
}

func TestTokens(t *testing.T) {
	s, logins := service(t, 1, forecast)
	p := at(s.URL, s.Client())
	_, err := p.Marginal(context.Background(), regions.Query{Zone: "US-CA"})
	require.NoError(t, err, "a token that is over is renewed")
	assert.EqualValues(t, 2, logins.Load())
	s, logins = service(t, 0, forecast)
	p = at(s.URL, s.Client())
	p.cfg.Region = "CAISO_NORTH"
	_, err = p.Marginal(context.Background(), regions.Query{Zone: "US-CA"})
	assert.ErrorContains(t, err, "status 401")
	assert.EqualValues(t, 2, logins.Load(), "once")
	p.cfg.Password = "wrong"
	p.token = ""
	_, err = p.Marginal(context.Background(), regions.Query{Zone: "US-CA"})
	assert.ErrorContains(t, err, "/login: status 401")
	_, err = New(Config{User: "we"})
	assert.EqualError(t, err, "watttime: no user or no password")
}

func TestWhatDoesNotFit(t *testing.T) {
	point := `{"point_time":"2026-01-05T10:20:00+00:00","value":1000}`
	for text, want := range map[string]string{
		answer("g_co2_per_kwh", signal, "CAISO_NORTH", point):                                                     `in "g_co2_per_kwh", not co2_moer in lbs_co2_per_mwh`,
		answer(units, "health_damage", "CAISO_NORTH", point):                                                      `the answer is "health_damage"`,
		answer(units, signal, "PJM_DC", point):                                                                    `for region "PJM_DC", not "CAISO_NORTH"`,
		answer(units, signal, "CAISO_NORTH"):                                                                      "no data",
		answer(units, signal, "CAISO_NORTH", `{"point_time":"2026-01-05T10:20:00+00:00","value":-5}`):             "is out of range",
		answer(units, signal, "CAISO_NORTH", `{"point_time":"soon","value":5}`):                                   "want RFC 3339",
		answer(units, signal, "CAISO_NORTH", point, point):                                                        "two figures",
		strings.Replace(answer(units, signal, "CAISO_NORTH", point), "_seconds\":300", "_seconds\":0", 1):         "points are 0 s apart",
		strings.Replace(answer(units, signal, "CAISO_NORTH", point), "_seconds\":300", "_seconds\":1e300", 1):     "points are 1e+300 s apart",
		answer(units, signal, "CAISO_NORTH", `{"point_time":"2026-01-05T10:20:00+00:00","value":"one thousand"}`): "unexpected JSON format",
	} {
		s, _ := service(t, 100, text)
		_, err := at(s.URL, s.Client()).Marginal(context.Background(), regions.Query{Zone: "US-CA"})
		assert.ErrorContains(t, err, want)
	}
	for want, q := range map[string]regions.Query{
		`has no figures of scope "lifecycle", only direct`: {Zone: "US-CA", Scope: regions.Lifecycle},
		"no point is known of WORLD":                       {Zone: "WORLD"},
		"unknown region":                                   {Zone: "nowhere"},
	} {
		_, err := at("https://example.org", nil).Marginal(context.Background(), q)
		assert.ErrorContains(t, err, want)
	}
}

func TestBadAnswers(t *testing.T) {
	fetchtest.Bad(t, password, func(ctx context.Context, base string, client *http.Client) error {
		_, err := at(base, client).Marginal(ctx, regions.Query{Zone: "US-CA"})
		return err
	})
	// Logged in, and then.
	fetchtest.Bad(t, "jwt", func(ctx context.Context, base string, client *http.Client) error {
		p := at(base, client)
		p.token, p.until, p.cfg.Region = "jwt", fetchtest.Now.Add(time.Hour), "CAISO_NORTH"
		_, err := p.Marginal(ctx, regions.Query{Zone: "US-CA"})
		return err
	})
}

func FuzzParse(f *testing.F) {
	f.Add(forecast)
	f.Add("{}")
	place, err := regions.Builtin().Place("US-CA")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		if series, err := parse([]byte(text), place, "CAISO_NORTH"); err == nil {
			fetchtest.InOrder(t, series)
			assert.True(t, series[0].Marginal)
		}
	})
}
