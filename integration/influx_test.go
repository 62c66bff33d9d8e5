package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
)

// epochs is a command with three of them.
const epochs = "for i in 1 2 3; do echo Epoch $i/3; sleep 0.2; done"

// tracked runs the command with more flags, and gives its report.
func (d desk) tracked(flags ...string) footprint.Report {
	d.Helper()
	args := append([]string{"wrap", "-q", "--region", "FR", "--epochs", "3", "--json-file", "run.json", "--flush-wait", "20s"}, flags...)
	d.run("carbonctl", append(args, "--", "sh", "-c", epochs)...)
	r := d.report("run.json")
	require.Len(d, r.Epochs, 3)
	return r
}

// hostileLabels are those that a protocol of lines takes amiss.
var hostileLabels = []string{"--project", "a b,c=d\\", "--label", "team=two\nlines \"quoted\"", "--label", "x=é, ü=1"}

// TestTheLinesOfInflux reads what the command sends with InfluxData's own decoder.
func TestTheLinesOfInflux(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var lines []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		lines = append(lines, string(b))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	r := d.tracked(append(slices.Clone(hostileLabels), "--influx", server.URL+"/?db=x")...)
	got := map[string][]map[string]float64{}
	dec := lineprotocol.NewDecoderWithBytes([]byte(strings.Join(lines, "")))
	for dec.Next() {
		m, err := dec.Measurement()
		require.NoError(t, err)
		tags := map[string]string{}
		for {
			k, v, err := dec.NextTag()
			require.NoError(t, err)
			if k == nil {
				break
			}
			tags[string(k)] = string(v)
		}
		assert.Equal(t, "a b,c=d", tags["project"], "a backslash at its end would escape what follows")
		assert.Equal(t, `two lines "quoted"`, tags["label_team"])
		assert.Equal(t, "é, ü=1", tags["label_x"])
		assert.Equal(t, r.RunID, tags["run_id"])
		fields := map[string]float64{}
		for {
			k, v, err := dec.NextField()
			require.NoError(t, err)
			if k == nil {
				break
			}
			require.Equal(t, lineprotocol.Float, v.Kind(), string(k))
			fields[string(k)] = v.FloatV()
		}
		at, err := dec.Time(lineprotocol.Nanosecond, time.Time{})
		require.NoError(t, err)
		assert.WithinDuration(t, r.EndedAt, at, time.Minute)
		got[string(m)] = append(got[string(m)], fields)
	}
	all := got["carbonctl"]
	require.NotEmpty(t, all)
	last := all[len(all)-1]
	assert.Equal(t, 1.0, last["ended"])
	assert.Equal(t, r.Energy.Joules(), last["energy_joules"])
	assert.Equal(t, float64(r.Emissions), last["emissions_g"])
	var want, have []float64
	for _, e := range r.Epochs {
		want = append(want, e.Energy.Joules())
	}
	for _, e := range got["carbonctl_epoch"] {
		have = append(have, e["energy_joules"])
	}
	assert.Equal(t, want, have)
}

// TestInfluxDB writes to a real one, version 1, and asks it for the figures.
func TestInfluxDB(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	address := "127.0.0.1:" + freePort(t)
	d.write("influx.conf", fmt.Sprintf("reporting-disabled = true\nbind-address = \"127.0.0.1:0\"\n[meta]\ndir = %q\n[data]\ndir = %q\nwal-dir = %q\n[http]\nbind-address = %q\n",
		d.at("meta"), d.at("data"), d.at("wal"), address))
	d.server(`(Listening on HTTP)`, "influxd", "-config", d.at("influx.conf"))
	base := "http://" + address

	// A database that is not there yet: the run says so, and a later one delivers.
	first := d.tracked(append(slices.Clone(hostileLabels), "--influx", base+"/?db=carbon")...)
	ask := func(q string) [][]any {
		resp, err := http.PostForm(base+"/query", url.Values{"db": {"carbon"}, "q": {q}})
		require.NoError(t, err)
		defer resp.Body.Close()
		var out struct {
			Results []struct {
				Error  string
				Series []struct{ Values [][]any }
			}
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
		var rows [][]any
		for _, r := range out.Results {
			require.Empty(t, r.Error)
			for _, s := range r.Series {
				rows = append(rows, s.Values...)
			}
		}
		return rows
	}
	ask("CREATE DATABASE carbon")
	second := d.tracked("--influx", base+"/?db=carbon")
	for _, r := range []footprint.Report{first, second} {
		where := " WHERE run_id='" + r.RunID + "'"
		rows := ask("SELECT energy_joules, emissions_g, exit_code FROM carbonctl" + where + " AND ended=1")
		require.Len(t, rows, 1, r.RunID)
		assert.Equal(t, []any{r.Energy.Joules(), float64(r.Emissions), 0.0}, rows[0][1:])
		rows = ask("SELECT epoch, energy_joules FROM carbonctl_epoch" + where)
		require.Len(t, rows, 3)
		for i, e := range r.Epochs {
			assert.Equal(t, []any{float64(i + 1), e.Energy.Joules()}, rows[i][1:])
		}
		n := 0
		for _, p := range r.Power {
			n += len(p.Mean)
		}
		assert.Len(t, ask("SELECT mean_watts FROM carbonctl_power"+where), n)
	}
	// A type that does not fit is refused, and told with the server's own words.
	ask("CREATE DATABASE other")
	resp, err := http.Post(base+"/write?db=other", "", strings.NewReader("carbonctl energy_joules=13i\n"))
	require.NoError(t, err)
	resp.Body.Close()
	_, messages, _ := d.try("", "carbonctl", "wrap", "-q", "--region", "FR", "--flush-wait", "20s", "--influx", base+"/?db=other", "--", "sleep", "0.2")
	assert.Contains(t, messages, "influx: not delivered: "+address+": 400 Bad Request: partial write: field type conflict")
	assert.NotContains(t, messages, "the next run")
}

// TestVictoriaMetrics takes lines in both ways, and answers 204 also to those that it drops:
// it counts them.
func TestVictoriaMetrics(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	address := "127.0.0.1:" + freePort(t)
	d.server(`(started VictoriaMetrics|accepting http|starting http server)`, "victoria-metrics",
		"-httpListenAddr="+address, "-storageDataPath="+d.at("vm"), "-search.latencyOffset=0s", "-retentionPeriod=100y")
	base := "http://" + address
	get := func(path string) string {
		var body []byte
		require.Eventually(t, func() bool {
			resp, err := http.Get(base + path)
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			body, err = io.ReadAll(resp.Body)
			return err == nil && resp.StatusCode == http.StatusOK
		}, patience, 50*time.Millisecond)
		return string(body)
	}
	get("/health")
	for _, where := range []string{"/?db=carbon", "/?org=o&bucket=b"} {
		r := d.tracked(append(slices.Clone(hostileLabels), "--influx", base+where)...)
		values := map[string][]float64{}
		require.Eventually(t, func() bool { // its index is not there at once
			get("/internal/force_flush")
			clear(values)
			for line := range strings.Lines(get("/api/v1/export?match[]=" + url.QueryEscape(`{run_id="`+r.RunID+`"}`))) {
				var s struct {
					Metric map[string]string
					Values []float64
				}
				require.NoError(t, json.Unmarshal([]byte(line), &s))
				assert.Equal(t, `two lines "quoted"`, s.Metric["label_team"])
				name := s.Metric["__name__"]
				values[name] = append(values[name], s.Values...)
			}
			return len(values["carbonctl_exit_code"]) > 0
		}, patience, 100*time.Millisecond)
		// It keeps some 15 decimal digits.
		has := func(name string, v float64) {
			t.Helper()
			assert.True(t, slices.ContainsFunc(values[name], func(got float64) bool { return math.Abs(got-v) <= 1e-12*v }), "%s: %v in %v", name, v, values[name])
		}
		has("carbonctl_energy_joules", r.Energy.Joules())
		has("carbonctl_emissions_g", float64(r.Emissions))
		for _, e := range r.Epochs {
			has("carbonctl_epoch_energy_joules", e.Energy.Joules())
		}
	}
	for s := bufio.NewScanner(strings.NewReader(get("/metrics"))); s.Scan(); {
		if strings.HasPrefix(s.Text(), "vm_rows_invalid_total{") {
			n, err := strconv.ParseFloat(s.Text()[strings.LastIndexByte(s.Text(), ' ')+1:], 64)
			require.NoError(t, err)
			assert.Zero(t, n, s.Text())
		}
	}
}
