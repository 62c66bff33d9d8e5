package integration

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counted says which key of the JSON of totals has the value of a series.
var counted = map[string]string{
	"carbonctl_ledger_runs_total":                   "runs",
	"carbonctl_ledger_run_seconds_total":            "duration_s",
	"carbonctl_ledger_energy_joules_total":          "energy_joules",
	"carbonctl_ledger_energy_measured_joules_total": "measured_joules",
	"carbonctl_ledger_energy_low_joules":            "energy_low_joules",
	"carbonctl_ledger_energy_high_joules":           "energy_high_joules",
	"carbonctl_ledger_emissions_grams_total":        "emissions_g",
	"carbonctl_ledger_emissions_low_grams":          "emissions_low_g",
	"carbonctl_ledger_emissions_high_grams":         "emissions_high_g",
}

// A group is what the JSON of totals says of one project and team.
type group struct {
	Key     map[string]string
	Amounts map[string]float64
}

// groups are the totals of a ledger as JSON.
func groups(d desk, ledger string) []group {
	var totals struct{ Groups []map[string]any }
	require.NoError(d, json.Unmarshal([]byte(d.run("carbonctl", "report", ledger, "--by", "project,label:team", "--json")), &totals))
	var all []group
	for _, g := range totals.Groups {
		key := map[string]string{}
		for k, v := range g["key"].(map[string]any) {
			key[strings.ReplaceAll(k, ":", "_")] = v.(string)
		}
		amounts := map[string]float64{}
		for _, k := range counted {
			amounts[k] = g[k].(float64)
		}
		all = append(all, group{key, amounts})
	}
	require.Len(d, all, 4)
	return all
}

// ledgerMetrics fills a ledger and gives its totals, as OpenMetrics and as they must
// arrive.
func ledgerMetrics(d desk) (text string, want []group) {
	for _, run := range [][2]string{{"vision", "blue"}, {"vision", "red"}, {hostile, "line\nend"}, {"", ""}, {"vision", "blue"}} {
		d.run("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "runs.csv", "--project", run[0], "--label", "team="+run[1], "--", "true")
	}
	d.run("carbonctl", "report", "runs.csv", "--by", "project,label:team", "--format", "openmetrics", "-o", "carbonctl.prom")
	d.run("carbonctl", "report", "runs.csv", "--by", "project,label:team", "--format", "prometheus", "-o", "carbonctl.txt")
	return d.read("carbonctl.prom"), groups(d, "runs.csv")
}

// TestPrometheusScrapes lets Prometheus scrape the metrics, and asks it for them.
func TestPrometheusScrapes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	text, want := ledgerMetrics(d)

	scraped := make(chan string, 3) // what Prometheus accepts, of its first scrapes
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case scraped <- r.Header.Get("Accept"):
		default:
		}
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		io.WriteString(w, text)
	}))
	defer target.Close()
	d.write("prometheus.yml", `
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: carbonctl
  static_configs: [{targets: ["`+strings.TrimPrefix(target.URL, "http://")+`"]}]
`)
	_, address := d.server(`msg="Listening on" address=(\S+)$`, "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0")

	// It scrapes one after the other: the third begins when the second is stored.
	for range 3 {
		select {
		case accept := <-scraped:
			assert.Contains(t, accept, "application/openmetrics-text")
		case <-time.After(patience):
			require.FailNow(t, "Prometheus doesn't scrape")
		}
	}

	var series []struct {
		Metric map[string]string
		Value  [2]any
	}
	ask(t, "http://"+address+"/api/v1/query?query="+url.QueryEscape(`{job="carbonctl",__name__=~"carbonctl_.*"}`), &series)
	assert.Len(t, series, len(want)*len(counted))
	for _, g := range want {
		for name, key := range counted {
			n := 0
			for _, s := range series {
				if s.Metric["__name__"] != name || s.Metric["project"] != g.Key["project"] || s.Metric["label_team"] != g.Key["label_team"] {
					continue
				}
				n++
				v, err := strconv.ParseFloat(s.Value[1].(string), 64)
				require.NoError(t, err)
				assert.Equal(t, g.Amounts[key], v, "%s of %q", name, g.Key)
			}
			assert.Equal(t, 1, n, "%s of %q", name, g.Key)
		}
	}

	// It has understood what each is, and in which unit.
	var about []struct{ Metric, Type, Unit, Help string }
	ask(t, "http://"+address+"/api/v1/targets/metadata?"+url.Values{"match_target": {`{job="carbonctl"}`}}.Encode(), &about)
	assert.Len(t, about, len(counted))
	for _, m := range about {
		kind, suffix := "gauge", ""
		if _, ok := counted[m.Metric+"_total"]; ok {
			kind, suffix = "counter", "_total"
		}
		assert.Contains(t, counted, m.Metric+suffix)
		assert.Equal(t, kind, m.Type, m.Metric)
		assert.NotEmpty(t, m.Help, m.Metric)
		if m.Metric != "carbonctl_ledger_runs" {
			assert.True(t, m.Unit != "" && strings.HasSuffix(m.Metric, "_"+m.Unit), "%s in %q", m.Metric, m.Unit)
		}
	}
}

// ask asks Prometheus for data.
func ask(t *testing.T, url string, data any) {
	r, err := http.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	answer := struct {
		Status string
		Data   json.RawMessage
	}{}
	require.NoError(t, json.Unmarshal(body, &answer), "%s", body)
	require.Equal(t, "success", answer.Status, "%s", body)
	var result struct{ Result json.RawMessage }
	if json.Unmarshal(answer.Data, &result) == nil && result.Result != nil {
		answer.Data = result.Result
	}
	require.NoError(t, json.Unmarshal(answer.Data, data), "%s", body)
}

// TestNodeExporterReadsTheFile is the textfile collector that docs/metrics.md names:
// it reads the older format, in which a counter's samples are named as it is.
func TestNodeExporterReadsTheFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, want := ledgerMetrics(d)
	_, address := d.server(`msg="Listening on" address=(\S+)$`, "prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory="+d.dir, "--web.listen-address=127.0.0.1:0")
	r, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Contains(t, string(body), "node_textfile_scrape_error 0\n")
	for name, key := range counted {
		lines := regexp.MustCompile(`(?m)^`+name+`\{.*\} (\S+)$`).FindAllStringSubmatch(string(body), -1)
		var got, all []float64
		for _, l := range lines {
			v, err := strconv.ParseFloat(l[1], 64)
			require.NoError(t, err)
			got = append(got, v)
		}
		for _, g := range want {
			all = append(all, g.Amounts[key])
		}
		assert.ElementsMatch(t, all, got, name)
	}
}

// TestPromtool checks the metrics. It reads the older format: of the newer one it misses
// the help of counters, whose samples are not what "# HELP carbonctl_ledger_runs" is about.
func TestPromtool(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	text, _ := ledgerMetrics(d)
	out, messages, code := d.try(d.read("carbonctl.txt"), "promtool", "check", "metrics")
	assert.Zero(t, code)
	assert.Empty(t, out+messages)
	out, messages, _ = d.try(text, "promtool", "check", "metrics")
	var want []string
	for name := range counted {
		if strings.HasSuffix(name, "_total") {
			want = append(want, name+" no help text")
		}
	}
	assert.ElementsMatch(t, want, strings.Split(strings.TrimSpace(messages), "\n"), out)
}
