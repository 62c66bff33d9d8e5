package serve

import (
	"encoding/json"
	"net/http"
)

// A path is one question that the API answers, for the list at /v1/.
type path struct{ method, text, about string }

// paths are what there is.
var paths = []path{
	{"GET", "/v1/intensity?region=FR[&scope=lifecycle|direct][&year=2024][&market=true][&time=…]", "Grams of CO2e per kWh of a region, with kind, scope, year, source and licence."},
	{"GET", "/v1/emissions?region=FR&energy=1.2kWh[&pue=1.2][&scope=…][&year=…]", "What an amount of energy emits there: energy × PUE × intensity."},
	{"GET", "/v1/forecast?region=US-NY[&hours=24][&for=4h]", "The hours to come, and the greenest stretch of a length among them. Without a forecast of a live service these are typical hours."},
	{"GET", "/emissions/bylocation?location=FR[&time=…][&toTime=…]", "Carbon Aware SDK: ratings of a location, hour by hour."},
	{"GET", "/emissions/bylocations?location=FR&location=DE[&time=…][&toTime=…]", "Carbon Aware SDK: the same of several; locations= is taken too."},
	{"GET", "/emissions/bylocations/best?location=FR&location=DE[&time=…][&toTime=…]", "Carbon Aware SDK: the least of these."},
	{"GET", "/emissions/average-carbon-intensity?location=FR&startTime=…&endTime=…", "Carbon Aware SDK: the mean over a stretch of time."},
	{"POST", "/emissions/average-carbon-intensity/batch", "Carbon Aware SDK: the same for a list of times of one location."},
	{"GET", "/emissions/forecasts/current?location=US-NY[&dataStartAt=…][&dataEndAt=…][&windowSize=30]", "Carbon Aware SDK: the hours to come and the best windows."},
	{"POST", "/emissions/forecasts/batch", "Carbon Aware SDK: forecasts of past times, by typical hours."},
	{"GET", "/locations", "Carbon Aware SDK: the cloud regions, each a location."},
	{"GET", "/healthz", "Whether the server answers; /health is the same."},
}

var docsPage = parts(`<title>Intensity API · carbonctl</title>`, `<h1>Intensity API</h1>
<p>Carbon intensity and emissions as JSON, by the built-in tables and, where the server was started with <code>--live</code>, a live service. No token is needed. carbonctl {{.Version}}, tables {{.Data}}.</p>
<p class="soft">A region is an ISO code (FR, US-CA), a name, a cloud region (aws:eu-west-1) or a point (48.85,2.35). Times are RFC 3339; without a zone they are UTC. Errors are <code>application/problem+json</code>.</p>
{{range .Paths}}<h2><code>{{.Method}} {{.Text}}</code></h2><p>{{.About}}</p>
{{end}}<p class="soft">Limits: {{.Points}} hours of all locations in one answer, {{.Asked}} questions to a live service for it, {{.Locations}} locations, {{.Batch}} questions in a list, {{.Hours}} hours of a forecast.</p>`)

// documentation lists the API: as a page for a browser, else as JSON.
func (s *server) documentation(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if wantsPage(r) {
		type shown struct{ Method, Text, About string }
		var all []shown
		for _, p := range paths {
			all = append(all, shown{p.method, p.text, p.about})
		}
		writePage(w, http.StatusOK, docsPage, map[string]any{
			"Version": s.Version, "Data": s.Table.Version(), "Paths": all, "Points": thousands(maxPoints), "Asked": maxAsked,
			"Locations": maxLocations, "Batch": maxBatch, "Hours": maxHours,
		})
		return
	}
	var list []string
	for _, p := range paths {
		if p.method == http.MethodGet {
			list = append(list, p.text)
		} else {
			list = append(list, p.method+" "+p.text)
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(map[string]any{"name": "carbonctl", "version": s.Version, "data": s.Table.Version(), "paths": list}) // who has gone needs no answer
}
