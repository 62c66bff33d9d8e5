package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flat are the samples of families as lines show them.
func flat(families map[string]*dto.MetricFamily) map[string]float64 {
	all := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			var labels []label
			for _, l := range m.Label {
				labels = append(labels, label{l.GetName(), l.GetValue()})
			}
			slices.SortFunc(labels, func(a, b label) int { return strings.Compare(a.name, b.name) })
			k := key(labels, nil)
			switch {
			case m.Counter != nil:
				all[name+k] = m.Counter.GetValue()
			case m.Gauge != nil:
				all[name+k] = m.Gauge.GetValue()
			case m.Untyped != nil:
				all[name+k] = m.Untyped.GetValue()
			case m.Histogram != nil:
				all[name+"_sum"+k] = m.Histogram.GetSampleSum()
				all[name+"_count"+k] = float64(m.Histogram.GetSampleCount())
			}
		}
	}
	return all
}

// ours are the samples as our parser has them, without buckets.
func ours(t *testing.T, text []byte) map[string]float64 {
	t.Helper()
	e, err := parse(text, func(name string) bool { return !strings.HasSuffix(name, "_bucket") })
	require.NoError(t, err)
	all := map[string]float64{}
	for name, list := range e.samples {
		for _, s := range list {
			all[name+key(s.labels, nil)] = s.value
		}
	}
	return all
}

// Prometheus' own parser reads the same in what engines show.
func TestParserAgreesWithPrometheus(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.prom")
	require.NoError(t, err)
	require.Greater(t, len(paths), 8)
	for _, path := range paths {
		text := []byte(file(t, strings.TrimSuffix(filepath.Base(path), ".prom")))
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
		require.NoError(t, err, path)
		assert.Equal(t, flat(families), ours(t, text), path)
	}
}

// And whatever the official library writes, we read.
func TestParserReadsWhatPrometheusWrites(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		const letters = "abc_\\\"\n =,{}#é日"
		var b strings.Builder
		for range rnd.IntN(8) {
			r := []rune(letters)
			b.WriteRune(r[rnd.IntN(len(r))])
		}
		return b.String()
	}
	for range 300 {
		families := map[string]*dto.MetricFamily{}
		var text bytes.Buffer
		for i := range 1 + rnd.IntN(4) {
			name := fmt.Sprintf("vllm:family_%d", i)
			if rnd.IntN(4) == 0 {
				name = fmt.Sprintf("named.by us %d", i)
			}
			f := &dto.MetricFamily{Name: &name, Help: new(word()), Type: dto.MetricType_COUNTER.Enum()}
			for j := range 1 + rnd.IntN(4) {
				m := &dto.Metric{Counter: &dto.Counter{Value: new(float64(rnd.IntN(1_000_000)) * []float64{1, 1e12, 1e-3}[rnd.IntN(3)])}}
				m.Label = append(m.Label, &dto.LabelPair{Name: new("n"), Value: new(fmt.Sprint(j))}, &dto.LabelPair{Name: new("text"), Value: new(word())})
				f.Metric = append(f.Metric, m)
			}
			families[name] = f
			_, err := expfmt.MetricFamilyToText(&text, f)
			require.NoError(t, err)
		}
		assert.Equal(t, flat(families), ours(t, text.Bytes()), text.String())
	}
}
