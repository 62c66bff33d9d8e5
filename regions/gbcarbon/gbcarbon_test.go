package gbcarbon

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

func at(t testing.TB, base string, client *http.Client, postcode string) *Provider {
	p, err := New(Config{Base: base, HTTP: client, Now: fetchtest.Clock, Postcode: postcode})
	require.NoError(t, err)
	p.service.Wait = fetchtest.Soon
	return p
}

const (
	measured = `{"data":[{"from":"2026-01-05T10:00Z","to":"2026-01-05T10:30Z","intensity":{"forecast":140,"actual":137,"index":"moderate"}}]}`
	expected = `{"data":[{"from":"2026-01-05T10:00Z","to":"2026-01-05T10:30Z","intensity":{"forecast":140,"actual":null,"index":"moderate"}},
		{"from":"2026-01-05T10:30Z","to":"2026-01-05T11:00Z","intensity":{"forecast":120,"actual":null,"index":"moderate"}},
		{"from":"2026-01-05T11:00Z","to":"2026-01-05T11:30Z","intensity":{"forecast":null,"actual":null,"index":null}},
		{"from":"2026-01-05T11:30Z","to":"2026-01-05T12:00Z","intensity":{"forecast":90,"actual":null,"index":"low"}}]}`
	regional = `{"regionid":12,"dnoregion":"SSE South","shortname":"South England","postcode":"RG10","data":[{"from":"2026-01-05T10:00Z","to":"2026-01-05T10:30Z","intensity":{"forecast":210,"index":"high"},"generationmix":[{"fuel":"gas","perc":60.1}]}]}`
)

func TestIntensity(t *testing.T) {
	ctx := context.Background()
	s := fetchtest.Serve(t, map[string]string{"/intensity/2026-01-05T10:01Z/2026-01-05T10:30Z": measured})
	in, err := at(t, s.URL, s.Client(), "").Intensity(ctx, regions.Query{Zone: "UK"})
	require.NoError(t, err)
	begin := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	assert.Equal(t, regions.Intensity{
		Zone: "GB", Name: "United Kingdom", Kind: regions.Live, Scope: regions.Direct, Basis: "consumption", PerKWh: 137,
		From: begin, To: begin.Add(slot), Source: "NESO, Carbon Intensity API", Licence: "CC-BY-4.0",
	}, in)
	in, err = at(t, s.URL, s.Client(), "").Intensity(ctx, regions.Query{Zone: "aws:eu-west-2", Scope: regions.Direct})
	require.NoError(t, err)
	assert.Equal(t, "eu-west-2", in.CloudRegion)

	s = fetchtest.Serve(t, map[string]string{"/intensity/2026-01-05T10:01Z/2026-01-05T10:30Z": expected})
	in, err = at(t, s.URL, s.Client(), "").Intensity(ctx, regions.Query{Zone: "GB"})
	require.NoError(t, err)
	assert.Equal(t, regions.Forecast, in.Kind, "not measured yet, and said so")
	assert.Equal(t, regions.Grams(140), in.PerKWh)
}

func TestForecast(t *testing.T) {
	s := fetchtest.Serve(t, map[string]string{"/intensity/2026-01-05T10:01Z/fw48h": expected})
	p := at(t, s.URL, s.Client(), "")
	series, err := p.Forecast(context.Background(), regions.Query{Zone: "GB"}, fetchtest.Now.Add(24*time.Hour))
	require.NoError(t, err)
	fetchtest.InOrder(t, series)
	require.Len(t, series, 3, "a null is a gap")
	_, err = regions.Window(series, time.Hour, fetchtest.Now, fetchtest.Now.Add(90*time.Minute))
	assert.ErrorIs(t, err, regions.ErrShort)
	_, err = p.Forecast(context.Background(), regions.Query{Zone: "GB"}, fetchtest.Now.Add(-24*time.Hour))
	assert.ErrorIs(t, err, regions.ErrNoForecast)
}

// The regional answer is a list in one place of the service and an object in
// another.
func TestRegional(t *testing.T) {
	for _, data := range []string{regional, "[" + regional + "]"} {
		s := fetchtest.Serve(t, map[string]string{"/regional/intensity/2026-01-05T10:01Z/2026-01-05T10:30Z/postcode/RG10": `{"data":` + data + `}`})
		in, err := at(t, s.URL, s.Client(), "RG10").Intensity(context.Background(), regions.Query{Zone: "GB"})
		require.NoError(t, err)
		assert.Equal(t, regions.Grams(210), in.PerKWh)
		assert.Equal(t, "NESO, Carbon Intensity API, South England", in.Source)
	}
	s := fetchtest.Serve(t, map[string]string{"/regional/intensity/2026-01-05T10:01Z/2026-01-05T10:30Z/postcode/RG10": `{"data":[` + regional + "," + regional + `]}`})
	_, err := at(t, s.URL, s.Client(), "RG10").Intensity(context.Background(), regions.Query{Zone: "GB"})
	assert.ErrorContains(t, err, "the answer has 2 regions")
	for _, bad := range []string{"RG10 9", "../x", "rg10", "RG10/../.."} {
		_, err := New(Config{Postcode: bad})
		assert.ErrorContains(t, err, "want the outward part")
	}
}

func TestQueriesThatDoNotFit(t *testing.T) {
	p := at(t, "https://example.org", nil, "")
	for want, q := range map[string]regions.Query{
		"covers Great Britain only, not FR (France)":       {Zone: "FR"},
		"not WORLD (World)":                                {Zone: "world"},
		`has no figures of scope "lifecycle", only direct`: {Zone: "GB", Scope: regions.Lifecycle},
		"has neither yearly nor market-based figures":      {Zone: "GB", Year: 2024},
		`unknown region "GBX"`:                             {Zone: "GBX"},
	} {
		_, err := p.Intensity(context.Background(), q)
		assert.ErrorContains(t, err, want)
	}
}

func TestAnswersThatDoNotFit(t *testing.T) {
	row := func(from, to, intensity string) string {
		return `{"data":[{"from":"` + from + `","to":"` + to + `","intensity":` + intensity + `}]}`
	}
	for answer, want := range map[string]string{
		row("2026-01-05T10:00Z", "2026-01-05T10:30Z", `{"forecast":-3}`):             "is out of range",
		row("2026-01-05T10:00Z", "2026-01-05T10:30Z", `{"forecast":140000}`):         "is out of range",
		row("2026-01-05T10:00Z", "2026-01-05T10:30Z", `{"forecast":"140"}`):          "unexpected JSON format",
		row("2026-01-05T10:00Z", "2026-01-05T10:30Z", `{}`):                          "no data",
		row("2026-01-05T10:00Z", "2026-01-05T10:30Z", `null`):                        "no data",
		row("2026-01-05T10:30Z", "2026-01-05T10:00Z", `{"forecast":140}`):            "a slot holds for -30m0s",
		row("", "", `{"forecast":140}`):                                              "a slot has no time",
		row("2026-01-05T09:00Z", "2026-01-05T09:30Z", `{"forecast":140}`):            "no data for 2026-01-05T10:20:00Z",
		`{"data":[` + row1 + "," + row1 + `]}`:                                       "two figures for",
		`{"error":{"code":"400 Bad Request","message":"Please enter a valid date"}}`: "no data",
	} {
		s := fetchtest.Serve(t, map[string]string{"/intensity/2026-01-05T10:01Z/2026-01-05T10:30Z": answer})
		_, err := at(t, s.URL, s.Client(), "").Intensity(context.Background(), regions.Query{Zone: "GB"})
		assert.ErrorContains(t, err, want, answer)
	}
}

const row1 = `{"from":"2026-01-05T10:00Z","to":"2026-01-05T10:30Z","intensity":{"forecast":140}}`

func TestBadAnswers(t *testing.T) {
	for _, postcode := range []string{"", "RG10"} {
		fetchtest.Bad(t, "", func(ctx context.Context, base string, client *http.Client) error {
			_, err := at(t, base, client, postcode).Intensity(ctx, regions.Query{Zone: "GB"})
			return err
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{measured, expected, `{"data":` + regional + `}`, `{"data":[` + regional + `]}`, "{}"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	place, err := regions.Builtin().Place("GB")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string, regional bool) {
		p := &Provider{}
		if regional {
			p.cfg.Postcode = "RG10"
		}
		if series, err := p.parse([]byte(text), place); err == nil {
			fetchtest.InOrder(t, series)
		}
	})
}
