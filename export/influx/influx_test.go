package influx

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

var _ carbon.Checkpointer = (*Sink)(nil)

var start = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// report is that of a run with so many epochs of a second, and a component.
func report(epochs int) footprint.Report {
	r := (&footprint.Account{}).Report()
	r.RunID, r.Project, r.Status, r.Host.Name = "run-1", "a=b,c d", footprint.Completed, "node-1"
	r.StartedAt, r.EndedAt, r.DurationS = start, start.Add(time.Duration(epochs)*time.Second), float64(epochs)
	r.Labels = map[string]string{"team": "x\ny", "empty": "", "path": `c:\`}
	r.Region.Zone, r.Intensity.PerKWh, r.Intensity.Source = "FR", 41, "a table"
	high, share, code := 13*energy.Joule, 0.75, 3
	r.Energy, r.EnergyLow, r.EnergyHigh, r.MachineEnergy = 13*energy.Joule, 12*energy.Joule, &high, 13*energy.Joule
	r.Emissions, r.EmissionsLow, r.EmissionsHigh, r.MeasuredShare, r.Coverage, r.ExitCode = 0.0000000123, 0, nil, &share, 1, &code
	for i := range epochs {
		r.Epochs = append(r.Epochs, footprint.Epoch{Index: i + 1, Stretch: footprint.Stretch{
			StartedAt: start.Add(time.Duration(i) * time.Second), DurationS: 1, Ended: true, Coverage: 1,
			Energy: energy.Energy(i)*energy.Joule + 123456, Emissions: 0.001,
		}})
	}
	e := 13 * energy.Joule
	r.Components = []footprint.Line{
		{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Energy: &e, Charged: e},
		{Kind: energy.GPU, ID: "dead", Basis: energy.Measured},
	}
	p := footprint.Power{Component: "package-0", Kind: energy.CPU, Basis: energy.Measured, StepS: 1}
	for i := range epochs {
		p.Mean, p.Low, p.High = append(p.Mean, float32(i)+0.3), append(p.Low, 0), append(p.High, 99)
	}
	r.Power = []footprint.Power{p}
	return r
}

// database takes lines without a network.
type database struct {
	lines  []string
	asked  []*http.Request
	answer func(n int) *http.Response // nil, or gives nil: 204
}

func (d *database) RoundTrip(r *http.Request) (*http.Response, error) {
	d.asked = append(d.asked, r)
	if d.answer != nil {
		if a := d.answer(len(d.asked)); a != nil {
			return a, nil
		}
	}
	b, err := io.ReadAll(r.Body)
	for line := range strings.Lines(string(b)) {
		d.lines = append(d.lines, strings.TrimSuffix(line, "\n"))
	}
	w := httptest.NewRecorder()
	w.WriteHeader(204)
	return w.Result(), err
}

func says(status int, body string, header ...string) *http.Response {
	w := httptest.NewRecorder()
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(status)
	_, _ = w.WriteString(body)
	return w.Result()
}

func sink(t *testing.T, d *database) *Sink {
	t.Helper()
	s, err := New("http://h:8086/?db=carbon", nil)
	require.NoError(t, err)
	s.Client = &deliver.Client{Transport: d}
	return s
}

func TestTheLinesOfARun(t *testing.T) {
	d := &database{}
	r := report(2)
	r.Epochs[1].StartedAt, r.Epochs[1].DurationS = r.Epochs[0].StartedAt, 1 // two end at one time
	require.NoError(t, sink(t, d).Report(t.Context(), r))
	const run = `host=node-1,%slabel_path=c:,label_team=x\ y,project=a\=b\,c\ d,run_id=run-1,zone=FR`
	plain := fmt.Sprintf(run, "")
	component := `basis=measured,component=package-0,host=node-1,kind=cpu,label_path=c:,label_team=x\ y,project=a\=b\,c\ d,run_id=run-1,zone=FR`
	dead := strings.NewReplacer("package-0", "dead", "cpu", "gpu").Replace(component)
	assert.Equal(t, []string{
		"carbonctl_epoch," + plain + " epoch=1.0,duration_s=1.0,energy_joules=0.123456,energy_low_joules=0.000000,emissions_g=0.001,coverage=1.0 1795352401000000000",
		"carbonctl_epoch," + plain + " epoch=2.0,duration_s=1.0,energy_joules=1.123456,energy_low_joules=0.000000,emissions_g=0.001,coverage=1.0 1795352401000000001",
		"carbonctl_power," + component + " mean_watts=0.3,low_watts=0.0,high_watts=99.0 1795352400000000000",
		"carbonctl_power," + component + " mean_watts=1.3,low_watts=0.0,high_watts=99.0 1795352401000000000",
		"carbonctl_component," + component + " energy_joules=13.000000,charged_energy_joules=13.000000,coverage=0.0 1795352402000000000",
		"carbonctl_component," + dead + " coverage=0.0 1795352402000000000",
		"carbonctl," + plain + " energy_joules=13.000000,energy_low_joules=12.000000,energy_high_joules=13.000000,machine_energy_joules=13.000000," +
			"emissions_g=0.0000000123,emissions_low_g=0.0,measured_share=0.75,duration_s=2.0,coverage=1.0,pue=1.0,intensity_g_per_kwh=41.0,epochs=2.0,ended=1.0,exit_code=3.0 1795352402000000000",
	}, d.lines)
}

// TestWorkAndResults: what was done and what the program told of an epoch stand beside the energy.
func TestWorkAndResults(t *testing.T) {
	d, r := &database{}, report(1)
	r.Epochs[0].Metrics = map[string]float64{"val loss": 0.25, "acc": 1}
	r.Work = []footprint.Work{
		{Unit: "output_token", How: footprint.ByCounter, Count: 26, Low: 26, High: new(26.0), Energy: new(0.5), EnergyLow: new(0.25), Emissions: new(1e-6)},
		{Unit: "request", How: footprint.ByEvent, Aborted: 2},
	}
	require.NoError(t, sink(t, d).Report(t.Context(), r))
	all := strings.Join(d.lines, "\n")
	assert.Contains(t, all, `,emissions_g=0.001,coverage=1.0,metric_acc=1.0,metric_val\ loss=0.25 `)
	assert.Contains(t, all, "carbonctl_work,host=node-1,how=counter,")
	assert.Contains(t, all, ",unit=output_token,zone=FR count=26.0,count_low=26.0,count_high=26.0,aborted=0.0,energy_joules_per_unit=0.5,energy_low_joules_per_unit=0.25,emissions_g_per_unit=0.000001 1795352401000000000")
	assert.Contains(t, all, ",unit=request,zone=FR count=0.0,count_low=0.0,aborted=2.0 1795352401000000000")
}

func TestWhereLinesGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("from-a-file\n"), 0o600))
	for _, c := range []struct {
		url  string
		env  map[string]string
		want string
		auth string
	}{
		{"http://h:8086?db=d", nil, "http://h:8086/write?db=d&precision=ns", ""},
		{"http://h/base/?db=d&rp=week", map[string]string{envUser: "ada", envPassword: "pw"}, "http://h/base/write?db=d&precision=ns&rp=week", "Basic YWRhOnB3"},
		{"https://h/?org=o%20p&bucket=b", map[string]string{envToken: "t", envUser: "ada"}, "https://h/api/v2/write?bucket=b&org=o+p&precision=ns", "Token t"},
		{"https://h", map[string]string{envToken + "_FILE": file, envOrg: "o", envBucket: "b"}, "https://h/api/v2/write?bucket=b&org=o&precision=ns", "Token from-a-file"},
		{"https://h?db=d", map[string]string{envToken: "t", envHost: "https://other"}, "https://h/write?db=d&precision=ns", ""},
		{"https://h?db=d", map[string]string{envToken: "t", envHost: "https://h"}, "https://h/write?db=d&precision=ns", "Token t"},
	} {
		s, err := New(c.url, func(name string) string { return c.env[name] })
		require.NoError(t, err, c.url)
		assert.Equal(t, c.want, s.write)
		assert.Equal(t, c.auth, s.header.Get("Authorization"))
		again, err := New(s.Target(), func(name string) string { return map[string]string{envToken: "new"}[name] })
		require.NoError(t, err)
		assert.Equal(t, s.write, again.write)
		assert.NotContains(t, s.Target(), "pw")
	}
	for bad, want := range map[string]string{
		"http://h":                 "no database in the URL: add ?db=NAME",
		"h:8086?db=x":              "invalid URL",
		"http://me:pw@h/?db=x":     "set INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD, in the environment",
		"http://h/?db=x&token=t":   `unknown key "token"`,
		"http://h/?db=x&bucket=b":  "use db for version 1",
		"http://h/?org=o&bucket=b": "INFLUX_TOKEN_FILE: open /nowhere",
	} {
		_, err := New(bad, func(name string) string { return map[string]string{envToken + "_FILE": "/nowhere"}[name] })
		require.ErrorContains(t, err, want, bad)
		assert.NotContains(t, err.Error(), "pw")
	}
}

// What follows the run writes each line once, and at the end the rest.
func TestItFollows(t *testing.T) {
	d := &database{}
	s := sink(t, d)
	for n := 1; n <= 4; n++ {
		r := report(n)
		r.Status, r.Epochs[n-1].Ended = footprint.Running, false
		require.NoError(t, s.Checkpoint(r))
	}
	r := report(5)
	r.Epochs[0].Emissions = 0.5 // its factor came late
	r.Power[0].StepS, r.Power[0].Mean = 2, []float32{1, 2, 3}
	require.NoError(t, s.Report(t.Context(), r))
	n := len(d.lines)
	require.NoError(t, s.Report(t.Context(), r))
	assert.Len(t, d.lines, n, "it has all")
	count := func(prefix, part string) (n int) {
		for _, l := range d.lines {
			if strings.HasPrefix(l, prefix) && strings.Contains(l, part) {
				n++
			}
		}
		return n
	}
	assert.Equal(t, 2, count("carbonctl_epoch,", " epoch=1.0,"))
	for i := 2; i <= 5; i++ {
		assert.Equal(t, 1, count("carbonctl_epoch,", fmt.Sprintf(" epoch=%d.0,", i)))
	}
	assert.Equal(t, 5, count("carbonctl_power,", ""), "four seconds, and the two seconds that the fifth is in")
	assert.Equal(t, 1, count("carbonctl,", "ended=1.0"))
	assert.Equal(t, 4, count("carbonctl,", "ended=0.0"))
}

// All goes out in bounded requests, and what a dead database has not taken goes out later.
func TestManyLinesAndADeadDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{}
		s, r := sink(t, d), report(1000)
		for i := range 12 {
			p := r.Power[0]
			p.Component = fmt.Sprint("gpu-", i)
			r.Power = append(r.Power, p)
		}
		down := true
		d.answer = func(n int) *http.Response {
			if down && n > 1 {
				return says(503, "", "Retry-After", "1")
			}
			return nil
		}
		live := r
		live.Status = footprint.Running
		require.NoError(t, s.Checkpoint(live))
		assert.LessOrEqual(t, len(d.lines), maxLines, "one request a checkpoint")
		err := s.Report(t.Context(), r)
		require.EqualError(t, err, "h:8086: 503 Service Unavailable")
		assert.True(t, deliver.Keep(err))
		down = false
		require.NoError(t, s.Report(t.Context(), r))
		assert.Len(t, d.lines, 1000+13*1000+2+1)
		slices.Sort(d.lines)
		assert.Len(t, slices.Compact(d.lines), 1000+13*1000+2+1, "each once")
		for _, q := range d.asked {
			assert.LessOrEqual(t, q.ContentLength, int64(maxBody))
		}
	})
}

// What a database refuses does not keep the rest from it.
func TestARefusal(t *testing.T) {
	d := &database{}
	s, r := sink(t, d), report(maxLines)
	d.answer = func(n int) *http.Response {
		if n == 1 {
			return says(400, `{"error":"partial write: field type conflict dropped=1"}`)
		}
		return nil
	}
	err := s.Report(t.Context(), r)
	require.EqualError(t, err, "h:8086: 400 Bad Request: partial write: field type conflict dropped=1")
	assert.False(t, deliver.Keep(err))
	assert.Contains(t, d.lines[len(d.lines)-1], "ended=1.0")
	d.answer = func(int) *http.Response { return says(404, `{"error":"database not found: \"carbon\""}`) }
	err = sink(t, d).Report(t.Context(), report(1))
	require.EqualError(t, err, `h:8086: 404 Not Found: database not found: "carbon"`)
	assert.True(t, deliver.Keep(err), "it can be made")
}

func TestUnknownIsLeftOut(t *testing.T) {
	d, r := &database{}, report(1)
	r.Energy, r.MachineEnergy, r.MeasuredShare, r.Intensity.PerKWh, r.Intensity.Source = 0, 0, nil, 0, ""
	r.Power[0].Mean[0], r.Coverage = float32(math.NaN()), math.Inf(1)
	require.NoError(t, sink(t, d).Report(t.Context(), r))
	all := strings.Join(d.lines, "\n")
	for _, no := range []string{"NaN", "Inf", " energy_joules=0", "emissions_g", "intensity"} {
		assert.NotContains(t, all, no)
	}
	require.NoError(t, sink(t, d).Report(t.Context(), footprint.Report{}), "a run that never began")
}

func TestCheck(t *testing.T) {
	require.NoError(t, check([]byte("m,a\\,b=c\\ d,e=f x=1.5,y=-2.0 17\n")))
	for _, bad := range []string{
		"", "m x=1.0 1", "m x=1.0\n", " x=1.0 1\n", "m, x=1.0 1\n", "m,a= x=1.0 1\n", "m,=b x=1.0 1\n", "m,b=1,a=1 x=1.0 1\n", "m,a=1,a=2 x=1.0 1\n",
		"m x=1i 1\n", "m x=1 1\n", "m x=NaN 1\n", `m x="a" 1` + "\n", "m x= 1\n", "m =1.0 1\n", "m x=1.0 now\n", "m x=1.0 1\nm x=1.0 1\n", "m x=1.0 1\r\n", "m\xff x=1.0 1\n", "m x=1.0.0 1\n",
	} {
		assert.Error(t, check([]byte(bad)), bad)
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"", `\`, `a\,b`, "a b=c,d", "\n", "é\xff", `\\ `, strings.Repeat("x", 2000)} {
		f.Add(s, 1.5)
	}
	f.Fuzz(func(t *testing.T, s string, x float64) {
		var values fields
		values.float("x", x)
		values.float("one", 1)
		b := line("carbonctl", tags(pair{"label_" + s, s}, pair{"run_id", s}, pair{s, "x"}), values, start)
		require.NoError(t, check(b), "%q", b)
	})
}

// What is in another run's energy can be told apart.
func TestANestedRun(t *testing.T) {
	d, r, outer := &database{}, report(1), "run-0"
	r.CountedBy = &outer
	require.NoError(t, sink(t, d).Report(t.Context(), r))
	for _, l := range d.lines {
		assert.Contains(t, l, ",counted_by=run-0,")
	}
}
