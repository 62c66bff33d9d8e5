package serve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
)

// now is a Sunday's afternoon.
var now = time.Date(2026, 11, 22, 17, 30, 20, 0, time.UTC)

func offline() *Handler {
	return New(Config{Table: regions.Builtin(), Version: "test", Now: func() time.Time { return now }})
}

// get asks a handler and reads its JSON.
func get(t *testing.T, h http.Handler, path string) (code int, v any) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), w.Body.String())
	want := "application/json; charset=utf-8"
	if w.Code != http.StatusOK {
		want = "application/problem+json; charset=utf-8"
		assert.EqualValues(t, w.Code, v.(map[string]any)["status"])
	}
	assert.Equal(t, want, w.Header().Get("Content-Type"))
	assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	return w.Code, v
}

func object(t *testing.T, h http.Handler, path string) map[string]any {
	code, v := get(t, h, path)
	require.Equal(t, http.StatusOK, code, v)
	return v.(map[string]any)
}

func list(t *testing.T, h http.Handler, path string) (all []map[string]any) {
	code, v := get(t, h, path)
	require.Equal(t, http.StatusOK, code, v)
	for _, x := range v.([]any) {
		all = append(all, x.(map[string]any))
	}
	return all
}

func TestIntensityIsThatOfTheTable(t *testing.T) {
	h := offline()
	for _, q := range []regions.Query{
		{Zone: "FR"}, {Zone: "FR", Scope: regions.Direct}, {Zone: "aws:eu-west-1"}, {Zone: "48.85,2.35"}, {Zone: "FR", Year: 2020}, {Zone: "aws:us-west-2", Market: true},
	} {
		values := url.Values{"region": {q.Zone}, "scope": {string(q.Scope)}}
		if q.Year != 0 {
			values.Set("year", "2020")
		}
		if q.Market {
			values.Set("market", "true")
		}
		want, err := regions.Builtin().Intensity(t.Context(), q)
		require.NoError(t, err)
		got := object(t, h, "/v1/intensity?"+values.Encode())
		assert.Equal(t, float64(want.PerKWh), got["g_per_kwh"])
		assert.Equal(t, want.Zone, got["zone"])
		assert.Equal(t, want.Source, got["source"])
		assert.Equal(t, regions.Builtin().Version(), got["data"])
	}
}

func TestEmissions(t *testing.T) {
	got := object(t, offline(), "/v1/emissions?region=FR&energy=1.2kWh&pue=1.25")
	perKWh := got["intensity"].(map[string]any)["g_per_kwh"].(float64)
	assert.InEpsilon(t, 1.2*1.25*perKWh, got["emissions_g"], 1e-12)
	assert.Equal(t, 4_320_000.0, got["energy_joules"])
	got = object(t, offline(), "/v1/emissions?region=FR&energy=1kWh")
	assert.Equal(t, map[string]any{"value": 1.0, "of": "none", "source": "not given"}, got["pue"])
}

func TestForecast(t *testing.T) {
	got := object(t, offline(), "/v1/forecast?region=US-NY&hours=24&for=4h")
	series := got["series"].([]any)
	assert.Len(t, series, 25, "it begins within an hour")
	best := got["best"].(map[string]any)
	assert.Equal(t, "profile", best["kind"])
	assert.LessOrEqual(t, best["g_per_kwh"], best["now_g_per_kwh"])
	assert.Nil(t, object(t, offline(), "/v1/forecast?region=US-NY")["best"])
}

func TestByLocation(t *testing.T) {
	h := offline()
	got := list(t, h, "/emissions/bylocation?location=westeurope")
	assert.Equal(t, []map[string]any{{"location": "westeurope", "time": "2026-11-22T17:00:00Z", "rating": 253.56, "duration": "01:00:00"}}, got)
	got = list(t, h, "/emissions/bylocation?LOCATION=FR&Time=2026-11-22T10:20Z&toTime=2026-11-22T12:00:00Z")
	require.Len(t, got, 2)
	assert.Equal(t, "2026-11-22T10:00:00Z", got[0]["time"])
	assert.Equal(t, "2026-11-22T11:00:00Z", got[1]["time"])
	got = list(t, h, "/emissions/bylocations?location=FR&location=DE")
	require.Len(t, got, 2)
	assert.Equal(t, "DE", got[1]["location"])
	got = list(t, h, "/emissions/bylocations/best?location=DE&location=FR&location=PL")
	require.Len(t, got, 1)
	assert.Equal(t, "FR", got[0]["location"])
	one := object(t, h, "/emissions/average-carbon-intensity?location=FR&startTime=2026-11-22T10:20:00%2B01:00&endTime=2026-11-22T12:00:00+01:00")
	assert.InEpsilon(t, 41.44, one["carbonIntensity"], 1e-9)
	assert.Equal(t, "2026-11-22T09:20:00Z", one["startTime"])
	assert.Contains(t, object(t, h, "/locations"), "aws:eu-west-1")
}

// A figure is that of the year that was asked for, or of the nearest that there is.
func TestByLocationInAnotherYear(t *testing.T) {
	h := offline()
	of := func(query string) any {
		return list(t, h, "/emissions/bylocation?location=PL&time="+query)[0]["rating"]
	}
	assert.InDelta(t, 826, of("2015-06-01T00:00:00Z"), 0.5)
	assert.InDelta(t, 826, of("2015-06-01"), 0.5, "a date alone")
	assert.InDelta(t, 589, of("2025-06-01T00:00:00Z"), 0.5)
	assert.Equal(t, of("2025-06-01"), of("2036-01-01"), "the newest")
	turn := list(t, h, "/emissions/bylocation?location=PL&time=2015-12-31T23:00Z&toTime=2016-01-01T01:00Z")
	require.Len(t, turn, 2)
	assert.NotEqual(t, turn[0]["rating"], turn[1]["rating"], "hour by hour")
	one := object(t, h, "/emissions/average-carbon-intensity?location=PL&startTime=2015-06-01&endTime=2015-06-02")
	assert.InDelta(t, 826, one["carbonIntensity"], 0.5)
	best := list(t, h, "/emissions/bylocations/best?location=PL&location=FR&time=2015-06-01")
	require.Len(t, best, 1)
	assert.Equal(t, "FR", best[0]["location"])
}

// rising is a live service whose figure is the hour of the day.
type rising struct{ err error }

func (r rising) Intensity(_ context.Context, q regions.Query) (regions.Intensity, error) {
	at := q.Time
	if at.IsZero() {
		at = now
	}
	return regions.Intensity{Zone: q.Zone, Kind: regions.Live, Scope: regions.Lifecycle, PerKWh: regions.Grams(at.UTC().Hour()), Source: "live"}, r.err
}

func (r rising) Forecast(_ context.Context, q regions.Query, until time.Time) (all []regions.Intensity, err error) {
	for at := q.Time.Truncate(time.Hour); at.Before(until); at = at.Add(time.Hour) {
		all = append(all, regions.Intensity{Zone: q.Zone, Kind: regions.Forecast, PerKWh: regions.Grams(at.Hour()), From: at, To: at.Add(time.Hour), Source: "live"})
	}
	return all, r.err
}

func TestLive(t *testing.T) {
	live := rising{}
	h := New(Config{Table: regions.Builtin(), Live: live, Ahead: live, Now: func() time.Time { return now }})
	assert.Equal(t, "live", object(t, h, "/v1/intensity?region=FR")["kind"])
	assert.Equal(t, 17.0, object(t, h, "/v1/intensity?region=FR")["g_per_kwh"])
	assert.Equal(t, "annual-average", object(t, h, "/v1/intensity?region=FR&year=2024")["kind"], "a year is the table's")
	// 40 minutes at 10 g, an hour at 11 g, 20 minutes at 12 g.
	one := object(t, h, "/emissions/average-carbon-intensity?location=FR&startTime=2026-11-22T10:20:00Z&endTime=2026-11-22T12:20:00Z")
	assert.InEpsilon(t, (40*10+60*11+20*12)/120.0, one["carbonIntensity"], 1e-12)

	got := list(t, h, "/emissions/forecasts/current?location=FR&dataStartAt=2026-11-22T20:30:00Z&dataEndAt=2026-11-23T02:00:00Z&windowSize=120")
	require.Len(t, got, 1)
	data := got[0]["forecastData"].([]any)
	var values []float64
	for _, x := range data {
		values = append(values, x.(map[string]any)["value"].(float64))
	}
	// From half past to half past, two hours each.
	assert.InDeltaSlice(t, []float64{21, 22, (22*0.5 + 23 + 0*0.5) / 2, (23*0.5 + 0 + 1*0.5) / 2}, values, 1e-12)
	best := got[0]["optimalDataPoints"].([]any)
	require.Len(t, best, 1)
	assert.Equal(t, map[string]any{"location": "FR", "timestamp": "2026-11-22T23:30:00Z", "duration": 120.0, "value": 6.0}, best[0])
	got = list(t, h, "/emissions/forecasts/current?location=FR&windowSize=5&dataEndAt=2026-11-22T18:30:20Z")
	assert.Len(t, got[0]["forecastData"], 12, "one after the other")
}

// A service that fails gives way to the table, and that is said.
func TestLiveThatFails(t *testing.T) {
	live := rising{errors.New("it is down")}
	h := New(Config{Table: regions.Builtin(), Live: live, Ahead: live, Now: func() time.Time { return now }})
	got := object(t, h, "/v1/intensity?region=FR")
	assert.Equal(t, "annual-average", got["kind"])
	assert.Equal(t, "instead of a live value: it is down", got["instead"])
	series := object(t, h, "/v1/forecast?region=US-NY")["series"].([]any)
	assert.Contains(t, series[0].(map[string]any)["instead"], "instead of a live forecast: it is down; typical hours 2020-2022 of New York ISO")
	code, v := get(t, h, "/v1/forecast?region=JP")
	assert.Equal(t, http.StatusBadGateway, code, v)
}

func TestWrongQuestions(t *testing.T) {
	h := offline()
	for path, want := range map[string]struct {
		code   int
		detail string
	}{
		"/nope":                                                                                {404, "there is nothing at this path"},
		"/v1/intensity":                                                                        {400, "region is missing"},
		"/v1/intensity?region=":                                                                {400, "region is missing"},
		"/v1/intensity?region=FR&region=DE":                                                    {400, "region: given more than once"},
		"/v1/intensity?zone=FR":                                                                {400, `unknown parameter "zone": use region, scope`},
		"/v1/intensity?region=FR&x=%zz":                                                        {400, "the query is not well formed"},
		"/v1/intensity?region=FR;a":                                                            {400, "the query is not well formed"},
		"/v1/intensity?region=Germny":                                                          {404, `unknown region "Germny"; nearest: DE (Germany)`},
		"/v1/intensity?region=georgia":                                                         {400, "may be GE (Georgia) or US-GA"},
		"/v1/intensity?region=98,2":                                                            {400, "want a latitude"},
		"/v1/intensity?region=FR&scope=stack":                                                  {400, "use lifecycle or direct"},
		"/v1/intensity?region=FR&year=soon":                                                    {400, "not a whole number from 1900 to 2200"},
		"/v1/intensity?region=FR&year=1950":                                                    {404, "no lifecycle figure for 1950"},
		"/v1/intensity?region=FR&market=true":                                                  {400, "is not a cloud region"},
		"/v1/intensity?region=FR&market=maybe":                                                 {400, "use true or false"},
		"/v1/intensity?region=FR&time=now":                                                     {400, "invalid time"},
		"/v1/emissions?region=FR":                                                              {400, "energy is missing"},
		"/v1/emissions?region=FR&energy=5":                                                     {400, "invalid energy"},
		"/v1/emissions?region=FR&energy=-5kWh":                                                 {400, "invalid energy"},
		"/v1/forecast?region=JP":                                                               {501, "no typical hours for JP"},
		"/v1/forecast?region=US-NY&hours=9999":                                                 {400, "not a whole number from 1 to 168"},
		"/v1/forecast?region=US-NY&for=0s":                                                     {400, "use a time above 0"},
		"/v1/forecast?region=US-NY&for=99h":                                                    {400, "does not fit"},
		"/v1/emissions?region=FR&pue=NaN":                                                      {400, "energy is missing"},
		"/emissions/bylocation":                                                                {400, "location is missing"},
		"/emissions/bylocation?location=x-y-9":                                                 {404, "unknown region"},
		"/emissions/bylocation?location=cloud:":                                                {404, "unknown region"},
		"/emissions/bylocation?location=eu-west-1":                                             {400, "may be alibaba:eu-west-1 (London) or aws:eu-west-1 (Dublin)"},
		"/emissions/bylocation?location=FR&toTime=2020-01-01T00:00Z":                           {400, "toTime is before time"},
		"/emissions/bylocation?location=FR&toTime=2036-01-01T00:00Z":                           {400, "more than 20000 hours"},
		"/emissions/bylocations":                                                               {400, "location is missing"},
		"/emissions/bylocations?" + strings.Repeat("location=FR&", 51):                         {400, "more than 50 locations"},
		"/emissions/average-carbon-intensity?location=FR":                                      {400, "startTime is missing"},
		"/emissions/forecasts/current?location=JP":                                             {501, "no typical hours"},
		"/emissions/forecasts/current?location=US-NY&windowSize=1":                             {400, "not a whole number from 5"},
		"/emissions/forecasts/current?location=US-NY&windowSize=9000":                          {400, "does not fit"},
		"/emissions/forecasts/current?location=US-NY&dataEndAt=2020-01-01T00:00Z":              {400, "dataEndAt is not after dataStartAt"},
		"/emissions/forecasts/current?location=US-NY&dataEndAt=2030-01-01T00:00Z":              {400, "more than 168 hours"},
		"/v1/intensity?region=" + strings.Repeat("F", maxURL):                                  {414, "too long"},
		"/v1/emissions?region=FR&energy=1kWh&pue=0.5":                                          {400, "not a number from 1 to 10"},
		"/emissions/average-carbon-intensity?location=FR&startTime=2026-01-01T00:00Z&endTime=": {400, "endTime is missing"},
	} {
		code, v := get(t, h, path)
		assert.Equal(t, want.code, code, "%.60s: %v", path, v)
		assert.Contains(t, v.(map[string]any)["detail"], want.detail, "%.60s", path)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/intensity", strings.NewReader("x")))
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
}

// No question makes it fall over or speak anything but JSON.
func FuzzQuestion(f *testing.F) {
	f.Add("/v1/intensity", "region=FR&scope=direct")
	f.Add("/v1/emissions", "region=aws:eu-west-1&energy=1kWh&pue=1.1")
	f.Add("/v1/forecast", "region=US-NY&hours=3&for=2h")
	f.Add("/emissions/bylocations/best", "location=FR&location=US-NY&time=2026-11-22T10:00Z")
	f.Add("/emissions/forecasts/current", "location=US-NY&windowSize=7&dataStartAt=2026-11-22T10:00Z")
	f.Add("/emissions/average-carbon-intensity", "location=FR&startTime=2026-11-22T10:20:00Z&endTime=2026-11-22T10:20:00Z")
	h := offline()
	f.Fuzz(func(t *testing.T, path, query string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: "/" + strings.TrimPrefix(path, "/"), RawQuery: query}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusMovedPermanently || w.Code == http.StatusTemporaryRedirect || w.Code == http.StatusPermanentRedirect {
			return // ServeMux cleans a path
		}
		var v any
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Fatalf("%d: %v: %s", w.Code, err, w.Body)
		}
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
	})
}

func TestRunEndsInOrder(t *testing.T) {
	l, err := Listen(t.Context(), ":0")
	require.NoError(t, err)
	host, _, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", host, "no wider than asked for")
	ctx, stop := context.WithCancel(t.Context())
	begun, ended := make(chan bool), make(chan error, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-ctx.Done() // it answers after it was told to end
		_, _ = io.WriteString(w, "underway")
	})
	go func() { ended <- Run(ctx, l, h, time.Minute) }()
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answer <- string(b)
	}()
	<-begun
	stop()
	assert.Equal(t, "underway", <-answer)
	assert.NoError(t, <-ended)
	_, err = net.Dial("tcp", l.Addr().String())
	assert.Error(t, err)
}

func TestListen(t *testing.T) {
	for _, address := range []string{"", "9106", "127.0.0.1:port", "256.0.0.1:0"} {
		_, err := Listen(t.Context(), address)
		assert.Error(t, err, address)
	}
	l, err := Listen(t.Context(), "[::1]:0")
	if err == nil { // where there is IPv6
		require.NoError(t, l.Close())
	}
}

func BenchmarkIntensity(b *testing.B) {
	h := offline()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/intensity?region=aws:eu-west-1", nil))
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
