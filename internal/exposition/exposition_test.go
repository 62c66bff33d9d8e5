package exposition_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/exposition"
)

func sample(v float64, pairs ...string) exposition.Sample {
	s := exposition.Sample{Value: v}
	for i := 0; i < len(pairs); i += 2 {
		s.Labels = append(s.Labels, exposition.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	return s
}

func families() []exposition.Family {
	return []exposition.Family{
		{Name: "x_energy_joules", Kind: exposition.Counter, Unit: "joules", Help: "Energy, \"so far\"\nof C:\\.", Samples: []exposition.Sample{
			sample(1.5, "device", "a \"b\"\nc\\"), sample(0.000001, "device", "d\xff", "label_a-b", "1", "label_a.b", "2"),
		}},
		{Name: "x_high", Kind: exposition.Gauge, Help: "A bound.", Samples: []exposition.Sample{sample(math.Inf(1))}},
		{Name: "x_run", Kind: exposition.Info, Help: "Which.", Samples: []exposition.Sample{sample(1, "id", "7")}},
		{Name: "x_none", Kind: exposition.Gauge, Help: "No sample, no family."},
	}
}

func TestFormats(t *testing.T) {
	for format, want := range map[exposition.Format]string{
		exposition.Text: `# TYPE x_energy_joules_total counter
# HELP x_energy_joules_total Energy, "so far"\nof C:\\.
x_energy_joules_total{device="a \"b\"\nc\\"} 1.5
x_energy_joules_total{device="d�",label_a_b="1",label_a_b_2="2"} 1e-06
# TYPE x_high gauge
# HELP x_high A bound.
x_high +Inf
# TYPE x_run_info gauge
# HELP x_run_info Which.
x_run_info{id="7"} 1
`,
		exposition.OpenMetrics: `# TYPE x_energy_joules counter
# UNIT x_energy_joules joules
# HELP x_energy_joules Energy, \"so far\"\nof C:\\.
x_energy_joules_total{device="a \"b\"\nc\\"} 1.5
x_energy_joules_total{device="d�",label_a_b="1",label_a_b_2="2"} 1e-06
# TYPE x_high gauge
# HELP x_high A bound.
x_high +Inf
# TYPE x_run info
# HELP x_run Which.
x_run_info{id="7"} 1
# EOF
`,
	} {
		var b bytes.Buffer
		require.NoError(t, format.Write(&b, families()))
		assert.Equal(t, want, b.String())
	}
}

// TestTheOfficialParserReadsIt gives the text to the library that Prometheus' own
// programs read it with.
func TestTheOfficialParserReadsIt(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, exposition.Text.Write(&b, families()))
	p := expfmt.NewTextParser(model.UTF8Validation)
	got, err := p.TextToMetricFamilies(&b)
	require.NoError(t, err)
	require.Len(t, got, 3)
	energy := got["x_energy_joules_total"]
	assert.Equal(t, "COUNTER", energy.GetType().String())
	assert.Equal(t, "Energy, \"so far\"\nof C:\\.", energy.GetHelp())
	require.Len(t, energy.Metric, 2)
	assert.Equal(t, "a \"b\"\nc\\", energy.Metric[0].Label[0].GetValue())
	assert.InDelta(t, 1e-6, energy.Metric[1].Counter.GetValue(), 0)
	assert.True(t, math.IsInf(got["x_high"].Metric[0].Gauge.GetValue(), 1))
}

// FuzzText checks that the official parser reads back what was written, whatever it is.
func FuzzText(f *testing.F) {
	f.Add("device", "a\"b\n", "help \\", 1.5)
	f.Add("__name__", "\xff", "", math.Inf(-1))
	f.Add("é", "{}", "\n", 5e-324)
	f.Fuzz(func(t *testing.T, name, value, help string, v float64) {
		var b bytes.Buffer
		require.NoError(t, exposition.Text.Write(&b, []exposition.Family{{
			Name: "x", Kind: exposition.Gauge, Help: help, Samples: []exposition.Sample{sample(v, name, value, name, value)},
		}}))
		p := expfmt.NewTextParser(model.LegacyValidation)
		got, err := p.TextToMetricFamilies(&b)
		require.NoError(t, err, "%q", b.String())
		require.Len(t, got["x"].GetMetric(), 1)
		m := got["x"].Metric[0]
		require.Len(t, m.Label, 2)
		assert.Equal(t, strings.ToValidUTF8(value, "�"), m.Label[0].GetValue())
		assert.True(t, m.Gauge.GetValue() == v || math.IsNaN(v) && math.IsNaN(m.Gauge.GetValue()), "%v", v)
		assert.False(t, strings.HasPrefix(m.Label[0].GetName(), "__"))
	})
}

// What Prometheus 2.42 and 3 send, and a browser, and curl.
func TestAccepted(t *testing.T) {
	for accept, want := range map[string]exposition.Format{
		"": exposition.Text,
		"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1":                                                                                                          exposition.OpenMetrics,
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2": exposition.OpenMetrics,
		"text/html,application/xhtml+xml,*/*;q=0.8": exposition.Text,
		"*/*": exposition.Text,
		"text/plain, application/openmetrics-text;q=0.9":                               exposition.Text,
		"text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.9":           exposition.OpenMetrics,
		"application/openmetrics-text;version=2.0.0, text/plain;q=0.1":                 exposition.Text,
		"application/openmetrics-text;q=0":                                             exposition.Text,
		"application/openmetrics-text;q=NaN":                                           exposition.Text,
		"application/openmetrics-text;q=7":                                             exposition.Text,
		"application/openmetrics-text; version=1.0.0; charset=utf-8; =":                exposition.Text,
		strings.Repeat("a/b,", 2000) + "application/openmetrics-text":                  exposition.Text,
		"  , application/openmetrics-text ;version=0.0.1;q=0.1 , application/json;q=1": exposition.OpenMetrics,
	} {
		assert.Equal(t, want, exposition.Accepted(accept), accept)
	}
}

func FuzzAccepted(f *testing.F) {
	f.Add("a/b;q=0.1,*/*")
	f.Fuzz(func(t *testing.T, accept string) {
		assert.Contains(t, []exposition.Format{exposition.Text, exposition.OpenMetrics}, exposition.Accepted(accept))
	})
}

func TestNamesOfLabels(t *testing.T) {
	for in, want := range map[string]string{"team": "team", "a-b.c": "a_b_c", "9": "_", "": "_", "__name__": "_name__", "____": "_", "é": "_", "_x1": "_x1"} {
		got := exposition.Name(in)
		assert.Equal(t, want, got, "%q", in)
		assert.True(t, model.LegacyValidation.IsValidLabelName(got), "%q", got)
	}
}

func TestACounterIsHeld(t *testing.T) {
	var h exposition.Hold
	step := func(of string, counter, gauge float64) (float64, float64) {
		f := []exposition.Family{
			{Name: "c", Kind: exposition.Counter, Samples: []exposition.Sample{sample(counter, "a", "1"), sample(1, "a", "2")}},
			{Name: "g", Kind: exposition.Gauge, Samples: []exposition.Sample{sample(gauge)}},
		}
		h.Apply(of, f)
		assert.InDelta(t, 1, f[0].Samples[1].Value, 0, "another series")
		return f[0].Samples[0].Value, f[1].Samples[0].Value
	}
	for _, s := range []struct {
		of                   string
		counter, gauge, want float64
	}{{"run 1", 5, 5, 5}, {"run 1", 7, 7, 7}, {"run 1", 6, 6, 7}, {"run 1", 7.5, 1, 7.5}, {"run 2", 1, 1, 1}} {
		c, g := step(s.of, s.counter, s.gauge)
		assert.InDelta(t, s.want, c, 0)
		assert.InDelta(t, s.gauge, g, 0, "a gauge is as it is")
	}
}
