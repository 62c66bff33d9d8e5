package integration

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/google/uuid"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/export/metrics"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// The load of TestFleet. docs/fleet.md has the figures of the full one:
//
//	go test -count=1 -v -timeout 60m -run TestFleet -fleet-hosts 1000 -fleet-time 2h .
var (
	fleetHosts = flag.Int("fleet-hosts", 20, "hosts that TestFleet plays, of 8 GPUs each")
	fleetTime  = flag.Duration("fleet-time", 30*time.Minute, "how long they run: two runs each, one after the other")
)

const (
	fleetScrape = 15 * time.Second
	fleetBatch  = 20 // scrapes of a series in one request
)

// A node is a host of the fleet, and what a scrape of it gives. All counters grow evenly.
type node struct {
	series []prompb.TimeSeries
	growth []float64 // a second, 0: it is always as it is
	value  []float64
}

// power of the parts of a host, in watts.
func power(host, gpu int) float64 { return float64(200 + (host*7+gpu*13)%400) }

// runOn is the report of a run after a second.
func runOn(host int, start time.Time) footprint.Report {
	id := uuid.UUID{}
	binary.BigEndian.PutUint64(id[:8], uint64(start.UnixMilli())<<16|0x7000|uint64(host>>8))
	id[8], id[15], id[14] = 0x80, byte(host), byte(host>>8)
	r := footprint.Report{
		RunID: id.String(), Project: fmt.Sprint("project-", host%20), Labels: map[string]string{"team": fmt.Sprint("team-", host%5)}, Status: footprint.Running,
		StartedAt: start, EndedAt: start.Add(time.Second), DurationS: 1, Coverage: 1, PUE: footprint.PUE{Value: 1.2},
		Host: footprint.Host{Name: fmt.Sprint("node-", host), Machine: fmt.Sprintf("%032x", host)}, Region: footprint.Region{Zone: []string{"FR", "DE", "US-CA"}[host%3]},
		Intensity: footprint.Intensity{PerKWh: 41, Kind: "annual-average", Scope: "lifecycle", Source: "Ember", Parts: []footprint.Part{{}}},
		Versions:  footprint.Versions{Tool: "1.0", Data: "2026.3"}, Charge: footprint.ChargeMachine,
	}
	add := func(kind energy.Kind, id string, basis energy.Basis, watts float64) {
		e := energy.Joules(watts)
		r.Components = append(r.Components, footprint.Line{Kind: kind, ID: id, Basis: basis, Source: "test", Status: "ok", Energy: &e, Charged: e, Emissions: new(regions.Grams(0.001))})
		r.Energy = r.Energy.Plus(e)
	}
	add(energy.CPU, "package-0", energy.Measured, 150)
	add(energy.Memory, "memory", energy.Modelled, 20)
	for g := range 8 {
		add(energy.GPU, fmt.Sprintf("GPU-%08x-%d", host, g), energy.Measured, power(host, g))
	}
	high := r.Energy
	r.EnergyLow, r.EnergyHigh = r.Energy, &high
	r.Emissions, r.EmissionsLow = 0.01, 0.01
	return r
}

// newNode makes the series of a run on a host.
func newNode(t *testing.T, host int, start time.Time) node {
	var text bytes.Buffer
	require.NoError(t, metrics.Write(&text, runOn(host, start)))
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(&text)
	require.NoError(t, err)
	var n node
	target := []prompb.Label{{Name: "instance", Value: fmt.Sprintf("node-%d:9105", host)}, {Name: "job", Value: "carbonctl"}}
	for name, f := range families {
		for _, m := range f.Metric {
			labels := append([]prompb.Label{{Name: "__name__", Value: name}}, target...)
			for _, l := range m.Label {
				labels = append(labels, prompb.Label{Name: l.GetName(), Value: l.GetValue()})
			}
			labels = slices.DeleteFunc(labels, func(l prompb.Label) bool { return l.Value == "" })
			slices.SortFunc(labels, func(a, b prompb.Label) int { return strings.Compare(a.Name, b.Name) })
			n.series = append(n.series, prompb.TimeSeries{Labels: labels})
			v, grows := m.GetGauge().GetValue(), 0.0
			if m.Counter != nil {
				v = m.GetCounter().GetValue()
			}
			if m.Counter != nil || strings.HasPrefix(name, "carbonctl_energy_") || strings.HasPrefix(name, "carbonctl_emissions_") {
				v, grows = 0, v
			}
			n.growth, n.value = append(n.growth, grows), append(n.value, v)
		}
	}
	n.series = append(n.series, prompb.TimeSeries{Labels: append([]prompb.Label{{Name: "__name__", Value: "up"}}, target...)})
	n.growth, n.value = append(n.growth, 0), append(n.value, 1)
	return n
}

// play writes the fleet into a store by remote write, as if it had been scraped, and tells
// how many series and samples there are, and the joules of the last scrapes.
func play(t *testing.T, url string, end time.Time) (series, samples int, joules float64) {
	begin := end.Add(-*fleetTime).Truncate(fleetScrape)
	half := (*fleetTime / 2).Truncate(fleetScrape)
	for _, start := range []time.Time{begin, begin.Add(half)} {
		var nodes []node
		for h := range *fleetHosts {
			nodes = append(nodes, newNode(t, h, start))
			series += len(nodes[h].series)
		}
		scrapes := int(half/fleetScrape) - 1
		for i := 0; i < scrapes; i += fleetBatch {
			for from := 0; from < len(nodes); from += 25 { // of some 1,000 series each
				var req prompb.WriteRequest
				for h, n := range nodes[from:min(from+25, len(nodes))] {
					for k, s := range n.series {
						s.Samples = nil
						for j := i; j < min(i+fleetBatch, scrapes); j++ {
							// Each host is scraped at a second of its own.
							past := time.Duration(j)*fleetScrape + time.Duration((from+h)%15)*time.Second + time.Second
							s.Samples = append(s.Samples, prompb.Sample{Timestamp: start.Add(past).UnixMilli(), Value: n.value[k] + n.growth[k]*past.Seconds()})
						}
						samples += len(s.Samples)
						req.Timeseries = append(req.Timeseries, s)
					}
				}
				write(t, url, &req)
			}
		}
		for h := range nodes {
			past := float64(scrapes-1)*fleetScrape.Seconds() + float64(h%15) + 1
			joules += 170 * past
			for g := range 8 {
				joules += power(h, g) * past
			}
		}
	}
	return series, samples, joules
}

func write(t *testing.T, url string, req *prompb.WriteRequest) {
	b, err := req.Marshal()
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/v1/write", bytes.NewReader(snappy.Encode(nil, b)))
	require.NoError(t, err)
	for k, v := range map[string]string{"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"} {
		r.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Less(t, res.StatusCode, 300, res.Status)
}

// resident is the memory of a process in MB.
func resident(t *testing.T, pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	require.NoError(t, err)
	return kb / 1024
}

func size(t *testing.T, dir string) (bytes int64) {
	require.NoError(t, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if info, infoErr := e.Info(); err == nil && infoErr == nil && !e.IsDir() {
			bytes += info.Size()
		}
		return nil
	}))
	return bytes
}

// TestFleet plays hosts of 8 GPUs into real stores, and adds up what they used.
func TestFleet(t *testing.T) {
	for _, s := range []struct {
		name  string
		start func(d desk) (pid int, address string)
		flush string
	}{
		{"Prometheus", func(d desk) (int, string) {
			d.write("prometheus.yml", "global: {scrape_interval: 15s}\n")
			c, address := d.server(`msg="Listening on" address=(\S+)$`, "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0", "--web.enable-remote-write-receiver", "--web.enable-admin-api")
			eventually(d.T, address, "vector(1)", func(v float64) bool { return v == 1 })
			return c.Process.Pid, address
		}, "/api/v1/admin/tsdb/snapshot"},
		{"VictoriaMetrics", func(d desk) (int, string) {
			port := freePort(d.T)
			c, _ := d.server(`starting http server at (http\S+)`, "victoria-metrics", "-storageDataPath=data", "-httpListenAddr=127.0.0.1:"+port, "-search.latencyOffset=1ms", "-search.disableCache")
			eventually(d.T, "127.0.0.1:"+port, "vector(1)", func(v float64) bool { return v == 1 })
			return c.Process.Pid, "127.0.0.1:" + port
		}, "/internal/force_flush"},
	} {
		t.Run(s.name, func(t *testing.T) {
			d := newDesk(t)
			if *fleetHosts > 100 {
				d.patience = 30 * time.Minute
			}
			pid, address := s.start(d)
			end := time.Now().Add(-2 * time.Minute)
			begun := time.Now()
			series, samples, joules := play(t, "http://"+address, end)
			t.Logf("%s: %d hosts, %v: %d series, %d samples written in %v; %.0f MB resident", s.name, *fleetHosts, *fleetTime, series, samples, time.Since(begun).Round(time.Second/10), resident(t, pid))
			r, err := http.Post("http://"+address+s.flush, "", nil)
			require.NoError(t, err)
			require.NoError(t, r.Body.Close())
			dir := d.at("data")
			if snapshots, _ := filepath.Glob(d.at("data/snapshots/*")); len(snapshots) == 1 {
				dir = snapshots[0] // compacted, without the write-ahead log
			}
			t.Logf("%s: %.2f bytes a sample on disk", s.name, float64(size(t, dir))/float64(samples))

			from := "--from=" + end.Add(-*fleetTime-time.Minute).UTC().Format(time.RFC3339)
			c := d.command("carbonctl", "report", "prometheus:http://"+address, from, "--by", "project,label:team,region,month", "--json")
			var out, notes bytes.Buffer
			c.Stdout, c.Stderr = &out, &notes
			begun = time.Now()
			require.NoError(t, c.Run(), notes.String())
			t.Logf("%s: carbonctl report took %v, of which %v its own, and %d MB", s.name, time.Since(begun).Round(time.Second/100),
				(c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Round(time.Second/100), maxRSS(c.ProcessState)>>10)
			begun = time.Now()
			d.run("carbonctl", "report", "prometheus:http://"+address, from, "--step", "5m")
			t.Logf("%s: carbonctl report --step 5m took %v", s.name, time.Since(begun).Round(time.Second/100))
			t.Log(strings.TrimSpace(notes.String()))
			var totals struct {
				Total  struct{ Runs int }
				Groups []json.RawMessage
			}
			require.NoError(t, json.Unmarshal(out.Bytes(), &totals))
			assert.Equal(t, 2**fleetHosts, totals.Total.Runs)
			assert.Len(t, totals.Groups, min(60, *fleetHosts))
			var sum struct {
				Total struct {
					Energy float64 `json:"energy_joules"`
				}
			}
			require.NoError(t, json.Unmarshal(out.Bytes(), &sum))
			assert.InDelta(t, joules, sum.Total.Energy, 1e-9*joules, "each joule that was scraped, and none else")

			for _, query := range []string{
				`sum by (project) (sum without (component, device, basis) (rate(carbonctl_energy_joules_total[5m])) * on (job, instance) group_left (project) carbonctl_run_info)`,
				`count(carbonctl_component_up)`,
			} {
				begun = time.Now()
				r, err := http.Get("http://" + address + "/api/v1/query?time=" + strconv.FormatInt(end.Add(-2*time.Minute).Unix(), 10) + "&query=" + strings.NewReplacer(" ", "+", "*", "%2A").Replace(query))
				require.NoError(t, err)
				require.NoError(t, r.Body.Close())
				require.Equal(t, http.StatusOK, r.StatusCode)
				t.Logf("%s: %v for %.60s", s.name, time.Since(begun).Round(time.Millisecond), query)
			}
		})
	}
}
