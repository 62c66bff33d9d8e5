package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
)

func post(t *testing.T, h http.Handler, path, body string) (code int, v any) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), w.Body.String())
	return w.Code, v
}

const averages, forecasts = "/emissions/average-carbon-intensity/batch", "/emissions/forecasts/batch"

// Without a windowSize a span that is shorter than an hour is one window, as the SDK's data
// points of five minutes fit into it.
func TestAShortSpanIsOneWindow(t *testing.T) {
	h := offline()
	const span = `"location":"uksouth","dataStartAt":"2022-06-01T12:10:00Z","dataEndAt":"2022-06-01T12:20:00Z"`
	code, v := post(t, h, forecasts, `[{"requestedAt":"2022-06-01T12:01:00Z",`+span+`}]`)
	require.Equal(t, http.StatusOK, code, v)
	one := v.([]any)[0].(map[string]any)
	assert.EqualValues(t, 10, one["windowSize"])
	require.Len(t, one["forecastData"], 1)
	assert.Equal(t, "2022-06-01T12:10:00Z", one["forecastData"].([]any)[0].(map[string]any)["timestamp"])
	code, v = post(t, h, forecasts, `[{"requestedAt":"2022-06-01T12:01:00Z",`+span+`},{"requestedAt":"2022-06-01T12:01:00Z","windowSize":30,`+span+`}]`)
	assert.Equal(t, http.StatusBadRequest, code)
	assert.Contains(t, v.(map[string]any)["detail"], "query 2: windowSize: ")
}

// The queries that the SDK's documents show, but for a name of a region that there is none of.
func TestTheQueriesOfTheSDKsDocuments(t *testing.T) {
	h := offline()
	spring := list(t, h, "/emissions/bylocation?location=eastus&time=2022-01-01&toTime=2022-05-17")
	assert.Len(t, spring, 136*24)
	assert.Equal(t, "2022-01-01T00:00:00Z", spring[0]["time"])
	assert.Equal(t, "2022-05-16T23:00:00Z", spring[len(spring)-1]["time"])
	assert.Len(t, list(t, h, "/emissions/bylocations?locations=eastus&locations=westus&time=2022-01-01&toTime=2022-05-17"), 2*136*24)
	assert.Len(t, list(t, h, "/emissions/bylocations/best?locations=eastus&locations=westus&time=2022-01-01&toTime=2022-05-17"), 136*24)
	one := object(t, h, "/emissions/average-carbon-intensity?location=eastus&startTime=2022-07-19T14:00:00Z&endTime=2022-07-19T18:00:00Z")
	assert.Greater(t, one["carbonIntensity"], 100.0)

	code, v := post(t, h, averages, `[{"location": "eastus", "startTime": "2022-05-01T14:00:00", "endTime": "2022-05-01T18:00:00"},
		{"location": "eastus", "startTime": "2022-06-01T14:00:00", "endTime": "2022-06-01T18:00:00"},
		{"location": "eastus", "startTime": "2022-07-01T14:00:00", "endTime": "2022-07-01T18:00:00"}]`)
	require.Equal(t, http.StatusOK, code, v)
	require.Len(t, v, 3)
	assert.Equal(t, map[string]any{"location": "eastus", "startTime": "2022-06-01T14:00:00Z", "endTime": "2022-06-01T18:00:00Z", "carbonIntensity": one["carbonIntensity"]}, v.([]any)[1])

	// Its second question has an hour of one digit.
	code, v = post(t, h, forecasts, `[{"location": "eastus", "dataStartAt": "2022-06-01T14:00:00Z", "dataEndAt": "2022-06-01T18:00:00Z", "windowSize": 30, "requestedAt": "2022-06-01T12:01:00Z"},
		{"location": "westus", "dataStartAt": "2022-06-13T08:00:00Z", "dataEndAt": "2022-06-13T10:00:00Z", "windowSize": 30, "requestedAt": "2022-06-13T6:05:00Z"}]`)
	require.Equal(t, http.StatusOK, code, v)
	require.Len(t, v, 2)
	second := v.([]any)[1].(map[string]any)
	assert.Equal(t, "2022-06-13T06:05:00Z", second["requestedAt"])
	assert.Equal(t, 30.0, second["windowSize"])
	assert.Len(t, second["forecastData"], 4, "windows of half an hour in two hours")
	assert.NotEmpty(t, second["optimalDataPoints"])
}

func TestLocationsAreThoseOfTheSDK(t *testing.T) {
	h := offline()
	all := object(t, h, "/locations")
	east := all["eastus"].(map[string]any)
	assert.Equal(t, "eastus", east["Name"])
	assert.NotZero(t, east["Latitude"])
	assert.Equal(t, east["Latitude"], east["latitude"])
	assert.Contains(t, all, "aws:eu-west-1", "two providers have the name, on two grids")
	assert.NotContains(t, all, "eu-west-1")
	for name := range all {
		code, v := get(t, h, "/emissions/bylocation?location="+name)
		assert.Equal(t, http.StatusOK, code, "%s: %v", name, v)
	}
}

func TestWrongBatches(t *testing.T) {
	h := offline()
	for _, path := range []string{averages, forecasts} {
		for body, want := range map[string]string{
			"":                  "not a JSON list of queries",
			"{}":                "not a JSON list of queries",
			"[]":                "the list is empty",
			"[{}]":              "query 1: location is missing",
			`[{"location": 5}]`: "not a JSON list of queries",
			`[{"location": "eastus", "requestedAt": "never", "startTime": "never"}]`:                                      "invalid time",
			"[" + strings.Repeat("{},", maxBatch) + "{}]":                                                                 fmt.Sprintf("the maximum is %d", maxBatch),
			"[" + strings.Repeat(" ", maxBatchBody) + "]":                                                                 "larger than",
			`[{"location": "atlantis", "requestedAt": "2022-06-01", "startTime": "2022-06-01", "endTime": "2022-06-02"}]`: "unknown region",
		} {
			code, v := post(t, h, path, body)
			assert.Contains(t, []int{http.StatusBadRequest, http.StatusNotFound}, code, "%s %.40s", path, body)
			assert.Contains(t, v.(map[string]any)["detail"], want, "%s %.40s", path, body)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader("[]")))
		assert.Equal(t, http.StatusUnsupportedMediaType, w.Code)
		code, _ := get(t, h, path)
		assert.Equal(t, http.StatusMethodNotAllowed, code)
	}
	code, v := post(t, h, averages, `[{"location": "eastus", "startTime": "2022-05-01", "endTime": "2022-05-02"}, {"location": "westus", "startTime": "2022-05-01", "endTime": "2022-05-02"}]`)
	assert.Equal(t, http.StatusBadRequest, code)
	assert.Contains(t, v.(map[string]any)["detail"], "one list is of one location")
	code, v = post(t, h, averages, `[`+strings.Repeat(`{"location": "eastus", "startTime": "2022-01-01", "endTime": "2023-01-01"},`, 2)+`{"location": "eastus", "startTime": "2022-01-01", "endTime": "2023-06-01"}]`)
	assert.Equal(t, http.StatusBadRequest, code, v)
	assert.Contains(t, v.(map[string]any)["detail"], "more than 20000 hours in total")
}

// counting is a live service that knows what it was asked.
type counting struct {
	asked atomic.Int32
	holds time.Duration // of an answer; 0: it does not tell
}

func (c *counting) Intensity(_ context.Context, q regions.Query) (regions.Intensity, error) {
	c.asked.Add(1)
	in := regions.Intensity{Zone: q.Zone, Kind: regions.Live, Scope: regions.Lifecycle, PerKWh: 7}
	if c.holds > 0 {
		in.From = q.Time.Truncate(c.holds)
		in.To = in.From.Add(c.holds)
	}
	return in, nil
}

func TestWhatALiveServiceIsAskedIsBounded(t *testing.T) {
	for _, path := range []string{
		"/emissions/bylocation?location=FR&time=2022-01-01&toTime=2022-05-17",
		"/emissions/bylocations?" + strings.Repeat("location=FR&", 50) + "time=2022-01-01&toTime=2022-01-02",
		"/emissions/average-carbon-intensity?location=FR&startTime=2022-01-01&endTime=2022-05-17",
	} {
		live := &counting{}
		code, v := get(t, New(Config{Table: regions.Builtin(), Live: live}), path)
		assert.Equal(t, http.StatusBadRequest, code)
		assert.Contains(t, v.(map[string]any)["detail"], "asked more than 100 times")
		assert.EqualValues(t, maxAsked, live.asked.Load())
	}
	live := &counting{holds: 48 * time.Hour}
	assert.Len(t, list(t, New(Config{Table: regions.Builtin(), Live: live}), "/emissions/bylocation?location=FR&time=2022-01-01&toTime=2022-05-17"), 136*24)
	assert.LessOrEqual(t, live.asked.Load(), int32(69), "an answer that holds for two days is asked for once")
}

func TestTheDocumentationOfTheAPI(t *testing.T) {
	h := offline()
	w := ask(h, here+"/v1/")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), "/v1/intensity?region=FR")
	assert.Contains(t, w.Header().Get("Content-Type"), "text/html")
	assert.Equal(t, "carbonctl", object(t, h, "/v1/")["name"])
	w = ask(h, here+"/")
	assert.Equal(t, http.StatusSeeOther, w.Code, "without a ledger it is all that there is")
	assert.Equal(t, "/v1/", w.Header().Get("Location"))
	for _, p := range paths {
		name, _, _ := strings.Cut(p.text, "?")
		r := httptest.NewRequest(p.method, name, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.NotEqual(t, http.StatusMethodNotAllowed, w.Code, name)
		if w.Code == http.StatusNotFound {
			assert.NotContains(t, w.Body.String(), "nothing at this path", name)
		}
	}
}
