package plain

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
)

const series = `{"zone": "Deutschland", "scope": "lifecycle", "source": "Our grid desk", "licence": "internal", "data": [
 {"from": "2026-12-01T02:00:00+01:00", "g_per_kwh": 298},
 {"from": "2026-12-01T00:00:00Z", "to": "2026-12-01T01:00:00Z", "g_per_kwh": 312.5},
 {"from": "2026-12-01T02:00:00Z", "g_per_kwh": 250},
 {"from": "2026-12-01T04:00:00Z", "g_per_kwh": 400}
]}`

var midnight = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

func file(t *testing.T, text string) *Provider {
	t.Helper()
	name := filepath.Join(t.TempDir(), "forecast.json")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	p, err := New(Config{From: name, Now: func() time.Time { return midnight.Add(90 * time.Minute) }})
	require.NoError(t, err)
	return p
}

func TestFile(t *testing.T) {
	p := file(t, series)
	in, err := p.Intensity(t.Context(), regions.Query{Zone: "aws:eu-central-1"})
	require.NoError(t, err)
	assert.Equal(t, regions.Intensity{
		Zone: "DE", Name: "Germany", Provider: "aws", CloudRegion: "eu-central-1", Kind: regions.Forecast, Scope: regions.Lifecycle,
		Source: "Our grid desk", Licence: "internal", PerKWh: 298, From: midnight.Add(time.Hour), To: midnight.Add(2 * time.Hour),
	}, in)
	ahead, err := p.Forecast(t.Context(), regions.Query{Zone: "DE"}, midnight.Add(48*time.Hour))
	require.NoError(t, err)
	require.Len(t, ahead, 3)
	assert.Equal(t, midnight.Add(6*time.Hour), ahead[2].To, "the last holds as long as the one before")
	slot, err := regions.Window(ahead, time.Hour, midnight.Add(90*time.Minute), midnight.Add(6*time.Hour))
	require.NoError(t, err)
	assert.Equal(t, midnight.Add(2*time.Hour), slot.From)

	assert.Equal(t, regions.Lifecycle, p.Scope())

	// It is read anew: whoever writes it decides.
	require.NoError(t, os.WriteFile(p.file, []byte(strings.Replace(series, "298", "17", 1)), 0o644))
	in, err = p.Intensity(t.Context(), regions.Query{Zone: "DE"})
	require.NoError(t, err)
	assert.Equal(t, regions.Grams(17), in.PerKWh)

	for q, want := range map[regions.Query]string{
		{Zone: "FR"}:                                        "covers DE (Germany) only, not FR (France)",
		{Zone: "DE", Scope: regions.Direct}:                 "has no figures of scope direct, only lifecycle",
		{Zone: "DE", Year: 2025}:                            "has neither yearly nor market-based figures",
		{Zone: "DE", Time: midnight.Add(-time.Minute)}:      "the answer holds no data for 2026-11-30T23:59:00Z",
		{Zone: "DE", Time: midnight.Add(100 * time.Minute)}: "",
	} {
		_, err := p.Intensity(t.Context(), q)
		if want == "" {
			assert.NoError(t, err)
			continue
		}
		assert.ErrorContains(t, err, want)
		assert.True(t, strings.HasPrefix(err.Error(), "file: "), err.Error())
	}
	_, err = p.Forecast(t.Context(), regions.Query{Zone: "DE", Time: midnight.Add(7 * time.Hour)}, midnight.Add(8*time.Hour))
	assert.ErrorIs(t, err, regions.ErrNoForecast)
}

func TestScopeOfWhatCannotBeRead(t *testing.T) {
	assert.Equal(t, regions.Scope(""), file(t, "{").Scope())
	assert.Equal(t, regions.Direct, file(t, strings.Replace(series, "lifecycle", "direct", 1)).Scope())
}

func TestMarginal(t *testing.T) {
	in, err := file(t, strings.Replace(series, `"data"`, `"marginal": true, "kind": "live", "data"`, 1)).Intensity(t.Context(), regions.Query{Zone: "DE"})
	require.NoError(t, err)
	assert.True(t, in.Marginal)
	assert.Equal(t, regions.Live, in.Kind)
}

// What is wrong is an error that says where, never a number.
func TestBadFiles(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"no JSON":        {`{"zone"`, `zone`, "unexpected JSON"},
		"no zone":        {"Deutschland", " ", "no zone given"},
		"unknown zone":   {"Deutschland", "Atlantis", `unknown region "Atlantis"`},
		"no scope":       {"lifecycle", "", `scope "": want lifecycle or direct`},
		"no source":      {"Our grid desk", "", "no source given"},
		"kind":           {`"licence": "internal"`, `"kind": "guess"`, `kind "guess": want live or forecast`},
		"no data":        {series[strings.Index(series, "[")+1 : strings.Index(series, "\n]")], "", "holds no data"},
		"no figure":      {"298", "null", "data[0]: no g_per_kwh"},
		"negative":       {"298", "-1", "data[0]: intensity -1 g/kWh is out of range"},
		"kilograms":      {"298", "0.298", "data[0]: 0.298 g/kWh is below any grid's: if it is in kg/kWh, use 298"},
		"no offset":      {"02:00:00+01:00", "02:00:00", `data[0]: time "2026-12-01T02:00:00": want RFC 3339`},
		"ends before":    {`"to": "2026-12-01T01:00:00Z"`, `"to": "2026-11-30T01:00:00Z"`, "data[1]: ends 2026-11-30T01:00:00Z, before it begins"},
		"twice":          {"2026-12-01T02:00:00Z", "2026-12-01T01:00:00Z", "two figures for 2026-12-01T01:00:00Z"},
		"overlap":        {`"to": "2026-12-01T01:00:00Z"`, `"to": "2026-12-01T01:30:00Z"`, "two figures for 2026-12-01T01:00:00Z"},
		"another's unit": {"298", "298000", "out of range"},
	} {
		text := strings.Replace(series, c.old, c.new, 1)
		require.NotEqual(t, series, text, name)
		_, err := file(t, text).Intensity(t.Context(), regions.Query{Zone: "DE"})
		assert.ErrorContains(t, err, c.want, name)
	}
	p, err := New(Config{From: filepath.Join(t.TempDir(), "none.json")})
	require.NoError(t, err)
	_, err = p.Intensity(t.Context(), regions.Query{Zone: "DE"})
	assert.ErrorIs(t, err, os.ErrNotExist)
	for _, from := range []string{"", "https://"} {
		_, err := New(Config{From: from})
		assert.ErrorContains(t, err, "file: ")
	}
}

func TestAddress(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/series/de.json?day=1", r.URL.String())
		_, _ = w.Write([]byte(series))
	}))
	defer s.Close()
	p, err := New(Config{From: s.URL + "/series/de.json?day=1", HTTP: s.Client(), Now: func() time.Time { return midnight }})
	require.NoError(t, err)
	in, err := p.Intensity(context.Background(), regions.Query{Zone: "DE"})
	require.NoError(t, err)
	assert.Equal(t, regions.Grams(312.5), in.PerKWh)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(series))
	p, err := New(Config{From: "unread.json"})
	require.NoError(f, err)
	place, err := regions.Builtin().Place("DE")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text []byte) {
		series, err := p.parse(text, place, "")
		if err != nil {
			return
		}
		for i, in := range series {
			require.True(t, in.From.Before(in.To))
			require.GreaterOrEqual(t, float64(in.PerKWh), 0.0)
			require.True(t, i == 0 || !in.From.Before(series[i-1].To))
		}
	})
}
