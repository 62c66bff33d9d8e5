package footprint_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
)

// Results of an epoch come with its end, with the start that ends it, or with what
// corrects its end; they are bounded, and a report does not change with them.
func TestMetricsOfEpochs(t *testing.T) {
	var a footprint.Account
	add := func(n float64, marks ...footprint.Mark) {
		s := at(n, joules(pkg, 10*n))
		s.Marks = marks
		a.Add(s)
	}
	add(0, footprint.Mark{Edge: footprint.EpochStart, Index: 1})
	add(1, footprint.Mark{Edge: footprint.EpochStart, Index: 2, Metrics: map[string]float64{"loss": 0.5}})
	add(2, footprint.Mark{Edge: footprint.EpochEnd, Metrics: map[string]float64{"loss": 0.25}})
	before := a.Report()
	add(3, footprint.Mark{Edge: footprint.EpochEnd, Again: true, Metrics: map[string]float64{"val_loss": 0.3, "loss": 0.2}})
	add(4, footprint.Mark{Edge: footprint.EpochStart, Index: 3, Metrics: map[string]float64{"f1": 0.9}}, footprint.Mark{Edge: footprint.TaskStart, Name: "x"})
	add(5, footprint.Mark{Edge: footprint.TaskEnd, Name: "x", Metrics: map[string]float64{"loss": 1}})
	r := a.Report()
	require.Len(t, r.Epochs, 3)
	assert.Equal(t, map[string]float64{"loss": 0.5}, r.Epochs[0].Metrics)
	assert.Equal(t, map[string]float64{"loss": 0.25}, before.Epochs[1].Metrics)
	assert.Equal(t, map[string]float64{"loss": 0.2, "val_loss": 0.3, "f1": 0.9}, r.Epochs[1].Metrics)
	assert.Nil(t, r.Epochs[2].Metrics)

	many := map[string]float64{"no good": 1, "": 1, "nan": math.NaN(), "inf": math.Inf(1), "1st": 1}
	for i := range 40 {
		many["m"+strconv.Itoa(i)] = 1
	}
	add(6, footprint.Mark{Edge: footprint.EpochEnd, Metrics: many})
	got := a.Report().Epochs[2].Metrics
	assert.Len(t, got, footprint.MaxMetrics)
	for name, v := range got {
		assert.True(t, footprint.IsMetric(name, v))
	}
}
