package entsoe

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetchtest"
)

const (
	token  = "s3cret-token"
	france = "10YFR-RTE------C"
)

var _ regions.Provider = (*Provider)(nil)

func at(base string, client *http.Client) *Provider {
	p, err := New(Config{Token: token, Base: base + "/api", HTTP: client, Now: fetchtest.Clock})
	if err != nil {
		panic(err)
	}
	p.service.Wait = fetchtest.Soon
	return p
}

// points writes a period of an hour's slots from 8 o'clock, "" leaving one out.
func points(quantities ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<Period><timeInterval><start>2026-01-05T08:00Z</start><end>2026-01-05T%02d:00Z</end></timeInterval><resolution>PT60M</resolution>", 8+len(quantities))
	for i, q := range quantities {
		if q != "" {
			fmt.Fprintf(&b, "<Point><position>%d</position><quantity>%s</quantity></Point>", i+1, q)
		}
	}
	return b.String() + "</Period>"
}

func kind(psr, period string) string {
	return `<TimeSeries><inBiddingZone_Domain.mRID codingScheme="A01">` + france + `</inBiddingZone_Domain.mRID><quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>A03</curveType><MktPSRType><psrType>` + psr + `</psrType></MktPSRType>` + period + `</TimeSeries>`
}

func marketDocument(series ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><GL_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"><type>A75</type>` + strings.Join(series, "") + `</GL_MarketDocument>`
}

// Nuclear 40 GW and, from 9, 30; gas 4 GW; hydro that has not reported for 10;
// pumped storage, which doesn't count, and what it draws.
var generation = marketDocument(
	kind("B14", points("40000", "30000", "")),
	kind("B04", points("4000", "", "5000")),
	kind("B12", points("6000", "6000")),
	kind("B10", points("900", "900")),
	strings.ReplaceAll(kind("B10", points("1", "1")), "inBidding", "outBidding"),
)

const acknowledgement = `<?xml version="1.0"?><Acknowledgement_MarketDocument xmlns="urn:x"><Reason><code>999</code><text>No matching data found</text></Reason></Acknowledgement_MarketDocument>`

func TestIntensity(t *testing.T) {
	s := fetchtest.Serve(t, map[string]string{"/api": generation})
	p := at(s.URL, s.Client())
	in, err := p.Intensity(context.Background(), regions.Query{Zone: "France"})
	require.NoError(t, err)
	nine := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	assert.InDelta(t, (30000*12+4000*490+6000*24)/40000.0, float64(in.PerKWh), 1e-9)
	in.PerKWh = 0
	assert.Equal(t, regions.Intensity{
		Zone: "FR", Name: "France", Kind: regions.Live, Scope: regions.Lifecycle, Basis: "generation", From: nine, To: nine.Add(time.Hour),
		Licence: "terms of the ENTSO-E Transparency Platform", Source: "ENTSO-E, generation by kind of plant, times IPCC factors",
	}, in)
	q := s.Requests()[0].URL.Query()
	assert.Equal(t, token, q.Get("securityToken"))
	assert.Equal(t, "A75 A16 "+france+" 202601050400 202601051100", strings.Join([]string{q.Get("documentType"), q.Get("processType"), q.Get("in_Domain"), q.Get("periodStart"), q.Get("periodEnd")}, " "))

	in, err = p.Intensity(context.Background(), regions.Query{Zone: "FR", Scope: regions.Direct, Time: nine.Add(-time.Minute)})
	require.NoError(t, err)
	assert.InDelta(t, 4000*404/50000.0, float64(in.PerKWh), 1e-9)
	_, err = p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: nine.Add(-3 * time.Hour)})
	assert.ErrorContains(t, err, "no data for 2026-01-05T06:00:00Z")
	_, err = p.Intensity(context.Background(), regions.Query{Zone: "FR", Time: fetchtest.Now.Add(time.Hour)})
	assert.ErrorIs(t, err, regions.ErrNoForecast)
}

func TestWhatDoesNotFit(t *testing.T) {
	for text, want := range map[string]string{
		acknowledgement:  "no data",
		marketDocument(): "no data",
		"<html></html>":  `the answer is a "html"`,
		"PK\x03\x04":     "the answer is an archive",
		strings.ReplaceAll(marketDocument(kind("B14", points("1"))), france, "10YBE----------2"):                      `the answer is for "10YBE----------2"`,
		strings.ReplaceAll(marketDocument(kind("B14", points("1"))), "MAW", "KWT"):                                    `the answer is in "KWT"`,
		marketDocument(kind("B14", points("-1"))):                                                                     "-1 MW are generated",
		marketDocument(kind("B14", points("NaN"))):                                                                    "NaN MW are generated",
		marketDocument(kind("B14", points("", "1"))):                                                                  "NaN MW are generated",
		marketDocument(kind("B14", points("1e9"))):                                                                    "MW are generated",
		marketDocument(kind("B14", points())):                                                                         "invalid period",
		strings.ReplaceAll(marketDocument(kind("B14", points("1"))), "PT60M", "P1Y"):                                  "invalid period",
		strings.ReplaceAll(marketDocument(kind("B14", points("1"))), ">1</position>", ">2</position>"):                "NaN MW",
		strings.ReplaceAll(marketDocument(kind("B14", points("1", "2"))), ">2</position>", ">7</position>"):           "out of order",
		marketDocument(kind("B14", points("1", "2")), strings.ReplaceAll(kind("B04", points("1")), "PT60M", "PT30M")): "different times",
		marketDocument(kind("B20", points("30")), kind("B14", points("70"))):                                          "of 30 MW the kind of plant is not known, of 70 it is",
		marketDocument(kind("B10", points("30"))):                                                                     "of 0 MW the kind",
	} {
		s := fetchtest.Serve(t, map[string]string{"/api": text})
		_, err := at(s.URL, s.Client()).Intensity(context.Background(), regions.Query{Zone: "FR"})
		assert.ErrorContains(t, err, want, text)
	}
	for want, q := range map[string]regions.Query{
		"has no figures for JP (Japan)":                             {Zone: "JP"},
		"has neither yearly nor market-based figures":               {Zone: "FR", Year: 2024},
		`has no figures of scope "both", only lifecycle and direct`: {Zone: "FR", Scope: "both"},
		"unknown region": {Zone: "nowhere"},
	} {
		_, err := at("https://example.org", nil).Intensity(context.Background(), q)
		assert.ErrorContains(t, err, want)
	}
	_, err := New(Config{})
	assert.EqualError(t, err, "entsoe: no token")
	for code := range domains {
		z, err := regions.Builtin().Zone(code)
		require.NoError(t, err)
		assert.Equal(t, code, z.Code)
		assert.Len(t, domains[code], 16)
	}
	assert.Len(t, domains, 31)
}

func TestBadAnswers(t *testing.T) {
	fetchtest.Bad(t, token, func(ctx context.Context, base string, client *http.Client) error {
		_, err := at(base, client).Intensity(ctx, regions.Query{Zone: "FR"})
		return err
	})
}

func FuzzParse(f *testing.F) {
	f.Add(generation)
	f.Add(acknowledgement)
	f.Add(marketDocument(kind("B14", points("1", "", "3"))))
	f.Fuzz(func(t *testing.T, text string) {
		if series, err := parse([]byte(text), france, regions.Lifecycle); err == nil {
			fetchtest.InOrder(t, series)
		}
	})
}
