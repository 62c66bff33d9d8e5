package integration

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// totalsOf asks carbonctl for the runs of a store.
func totalsOf(d desk, address string, args ...string) (totals map[string]any, notes string) {
	out, notes, code := d.try("", "carbonctl", append([]string{"report", "prometheus:http://" + address, "--from", "-1h", "--json"}, args...)...)
	require.Zero(d, code, notes)
	var all map[string]any
	require.NoError(d, json.Unmarshal([]byte(out), &all), out)
	totals = all["total"].(map[string]any)
	totals["groups"] = all["groups"]
	return totals, notes
}

// prometheus starts a Prometheus that scrapes a target each second.
func (d desk) prometheus(options string, targets ...string) (address string) {
	d.write("prometheus.yml", `
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: carbonctl
  `+options+`
  static_configs: [{targets: ["`+strings.Join(targets, `","`)+`"]}]
`)
	_, address = d.server(`msg="Listening on" address=(\S+)$`, "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0")
	return address
}

// eventually asks Prometheus until a query has a value that is good.
func eventually(t *testing.T, address, query string, good func(float64) bool) float64 {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(200 * time.Millisecond) {
		address := "http://" + address + "/api/v1/query?" + url.Values{"query": {query}}.Encode()
		if r, err := http.Get(address); err != nil || r.Body.Close() != nil || r.StatusCode == http.StatusServiceUnavailable {
			continue // it is not ready yet
		}
		var series []struct{ Value [2]any }
		ask(t, address, &series)
		if len(series) > 0 {
			v, err := strconv.ParseFloat(series[0].Value[1].(string), 64)
			require.NoError(t, err)
			if good(v) {
				return v
			}
		}
	}
	require.FailNow(t, "Prometheus has no such value", query)
	return 0
}

// TestPrometheusScrapesARun lets Prometheus scrape a run as it goes on, and adds up what it
// has seen.
func TestPrometheusScrapesARun(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	wrap, address := d.server(`metrics on http://(\S+)/metrics$`, "carbonctl", "wrap", "--metrics", ":0", "--region", "FR", "--project", "vision", "--label", "team=blue", "--ledger", "none", "--json-file", "run.json", "--",
		"sh", "-c", "while ! test -e stop; do sleep 0.1; done")
	store := d.prometheus("scheme: http", address)
	eventually(t, store, `count_over_time(carbonctl_run_seconds_total{job="carbonctl"}[1h])`, func(v float64) bool { return v >= 4 })

	exposition := d.run("curl", "--silent", "--show-error", "--noproxy", "*", "http://"+address+"/metrics")
	out, messages, code := d.try(exposition, "promtool", "check", "metrics")
	assert.Zero(t, code, out+messages)
	assert.Empty(t, out+messages)
	assert.Positive(t, eventually(t, store, `sum(rate(carbonctl_energy_joules_total[1m]))`, func(v float64) bool { return v > 0 }), "watts")

	d.write("stop", "")
	require.NoError(t, wrap.Wait())
	r := d.report("run.json")
	last := eventually(t, store, `sum(last_over_time(carbonctl_energy_joules_total[1h]))`, func(v float64) bool { return v > 0 })
	totals, notes := totalsOf(d, store, "--step", "1s", "--by", "project,label:team,region,month")
	assert.InDelta(t, last, totals["energy_joules"], 1e-5, "the last value that was scraped, to the microjoule of each component")
	assert.LessOrEqual(t, totals["energy_joules"], r.Energy.Joules())
	assert.Greater(t, totals["energy_joules"], r.Energy.Joules()/4, "most of it was scraped")
	assert.Nil(t, totals["energy_high_joules"], "nothing bounds what was not")
	group := totals["groups"].([]any)[0].(map[string]any)["key"].(map[string]any)
	assert.Equal(t, []any{"vision", "blue", "FR", r.StartedAt.Format("2006-01")}, []any{group["project"], group["label:team"], group["region"], group["month"]})
	assert.Contains(t, notes, "lower bounds: the end of 1 run was not scraped")

	// Hosts without a run, by a list and by what is up.
	d.write("hosts", r.Host.Name+"\n# of the old cluster\nnode-7\n")
	_, notes = totalsOf(d, store, "--hosts", "hosts")
	assert.Contains(t, notes, "1 of 2 hosts have no run: node-7\n")
}

// amounts reads the samples of a family from a text.
func amounts(t *testing.T, text, family string) (sum float64, n int) {
	for _, l := range regexp.MustCompile(`(?m)^`+family+`(?:\{.*\})? (\S+)$`).FindAllStringSubmatch(text, -1) {
		v, err := strconv.ParseFloat(l[1], 64)
		require.NoError(t, err)
		sum, n = sum+v, n+1
	}
	return sum, n
}

// TestPushgatewayKeepsRuns pushes runs to a real gateway, one of them late, and lets
// Prometheus scrape it: every figure is that of its report.
func TestPushgatewayKeepsRuns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	// A gateway that is not there yet: the next run delivers. Its port is one that was free.
	port := freePort(t)
	wrap := func(n string) float64 {
		_, notes, code := d.try("", "carbonctl", "wrap", "-q", "--flush-wait", "20s", "--region", "FR", "--project", hostile, "--pushgateway", "http://127.0.0.1:"+port, "--json-file", n, "--", "sleep", "0.3")
		require.Zero(t, code, notes)
		return d.report(n).Energy.Joules()
	}
	_, notes, code := d.try("", "carbonctl", "wrap", "-q", "--region", "FR", "--project", hostile, "--pushgateway", "http://127.0.0.1:"+port, "--json-file", "1.json", "--", "sleep", "0.3")
	require.Zero(t, code)
	assert.Contains(t, notes, "pushgateway: not delivered")
	d.server(`msg="Listening on" address=(\S+)$`, "prometheus-pushgateway", "--web.listen-address=127.0.0.1:"+port, "--persistence.file="+d.at("gateway"))
	sum := d.report("1.json").Energy.Joules() + wrap("2.json") + wrap("3.json")

	var text string
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(100 * time.Millisecond) {
		text = d.run("curl", "--silent", "--show-error", "--noproxy", "*", "http://127.0.0.1:"+port+"/metrics")
		if strings.Count(text, "carbonctl_run_info{") == 3 {
			break
		}
	}
	got, n := amounts(t, text, "carbonctl_energy_joules_total")
	assert.GreaterOrEqual(t, n, 3)
	assert.InDelta(t, sum, got, 1e-9*sum)
	failures, groups := amounts(t, text, "push_failure_time_seconds")
	assert.Equal(t, 3, groups)
	assert.Zero(t, failures)

	store := d.prometheus("honor_labels: true", "127.0.0.1:"+port)
	eventually(t, store, `count(count_over_time(carbonctl_run_info[1h]) > 1)`, func(v float64) bool { return v == 3 })
	totals, notes := totalsOf(d, store)
	assert.InDelta(t, 3, totals["runs"], 0)
	assert.InDelta(t, sum, totals["energy_joules"], 1e-5)
	assert.NotNil(t, totals["energy_high_joules"], "they have ended")
	assert.NotContains(t, notes, "lower bounds")
}

// TestNodeExporterReadsRuns has two runs in one folder of textfiles, one of them underway.
func TestNodeExporterReadsRuns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	require.NoError(t, os.Mkdir(d.at("textfiles"), 0o755))
	for _, name := range []string{"a", "b"} {
		d.run("carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "none", "--textfile", "textfiles/"+name+".prom", "--json-file", name+".json", "--", "sleep", "0.3")
		out, messages, code := d.try(d.read("textfiles/"+name+".prom"), "promtool", "check", "metrics")
		assert.Zero(t, code, out+messages)
	}
	_, address := d.server(`msg="Listening on" address=(\S+)$`, "prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory="+d.at("textfiles"), "--web.listen-address=127.0.0.1:0")
	text := d.run("curl", "--silent", "--show-error", "--noproxy", "*", "http://"+address+"/metrics")
	assert.Contains(t, text, "node_textfile_scrape_error 0\n")
	for _, name := range []string{"a", "b"} {
		got, n := amounts(t, text, `carbonctl_energy_joules_total\{[^}]*textfile="`+name+`"\}`)
		assert.Positive(t, n)
		assert.InDelta(t, d.report(name+".json").Energy.Joules(), got, 1e-9)
	}
	store := d.prometheus("scheme: http", address)
	eventually(t, store, `count(count_over_time(carbonctl_run_info[1h]) > 1)`, func(v float64) bool { return v == 2 })
	totals, _ := totalsOf(d, store)
	assert.InDelta(t, d.report("a.json").Energy.Joules()+d.report("b.json").Energy.Joules(), totals["energy_joules"], 1e-5)
}

// TestVictoriaMetricsIsAStoreToo scrapes with another engine.
func TestVictoriaMetricsIsAStoreToo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	port, gateway := freePort(t), freePort(t)
	d.server(`msg="Listening on" address=(\S+)$`, "prometheus-pushgateway", "--web.listen-address=127.0.0.1:"+gateway, "--persistence.file="+d.at("gateway"))
	d.write("scrape.yml", `
global: {scrape_interval: 1s}
scrape_configs:
- job_name: pushgateway
  honor_labels: true
  static_configs: [{targets: ["127.0.0.1:`+gateway+`"]}]
`)
	d.server(`starting http server at (http\S+)`, "victoria-metrics", "-storageDataPath=data", "-httpListenAddr=127.0.0.1:"+port, "-promscrape.config=scrape.yml", "-search.latencyOffset=1ms", "-search.disableCache")
	var sum float64
	for _, n := range []string{"1.json", "2.json"} {
		d.run("carbonctl", "wrap", "-q", "--region", "FR", "--flush-wait", "20s", "--pushgateway", "http://127.0.0.1:"+gateway, "--json-file", n, "--", "sleep", "0.3")
		sum += d.report(n).Energy.Joules()
	}
	eventually(t, "127.0.0.1:"+port, `count(count_over_time(carbonctl_run_info[1h]) > 1)`, func(v float64) bool { return v == 2 })
	// It gives the value before for the latest steps, which may be of no run.
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(time.Second) {
		if out, _, _ := d.try("", "carbonctl", "report", "prometheus:http://127.0.0.1:"+port, "--from", "-1h", "--json"); strings.Contains(out, `"runs": 2,`) {
			break
		}
	}
	totals, _ := totalsOf(d, "127.0.0.1:"+port)
	assert.InDelta(t, sum, totals["energy_joules"], 1e-5)
	assert.InDelta(t, 2, totals["runs"], 0)
}
