package serve

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
)

// joulesOf is what /metrics says of a project.
func joulesOf(t *testing.T, s *shelf, project string) float64 {
	code, body := s.get("/metrics")
	require.Equal(t, 200, code)
	found := regexp.MustCompile(`(?m)^carbonctl_ledger_energy_joules_total\{project="` + project + `"\} (\S+)$`).FindStringSubmatch(body)
	require.NotNil(t, found, body)
	v, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)
	return v
}

func TestMetricsOfALedger(t *testing.T) {
	s := newShelf(t)
	_, body := s.get("/metrics")
	assert.Contains(t, body, "carbonctl_ledger_runs_underway 0\n")
	s.record(finished("0198c0de-0001", 30), finished("0198c0de-0002", 20))
	assert.InDelta(t, 7.2e6, joulesOf(t, s, "vision"), 0)

	w := ask(s, here+"/metrics", "Accept", "application/openmetrics-text;version=1.0.0")
	assert.Contains(t, w.Header().Get("Content-Type"), "application/openmetrics-text")
	assert.Contains(t, w.Body.String(), "# TYPE carbonctl_ledger_emissions_grams counter\n")
	assert.Contains(t, w.Body.String(), `carbonctl_ledger_emissions_grams_total{project="vision",scope="lifecycle"} 82`)

	require.NoError(t, (&ledger.Writer{Path: s.path}).Checkpoint(finished("0198c0de-0009", 1, func(r *footprint.Report) { r.Status = footprint.Running })))
	s.pages.Store.Look()
	_, body = s.get("/metrics")
	assert.Contains(t, body, "carbonctl_ledger_runs_underway 1\n")
	assert.InDelta(t, 7.2e6, joulesOf(t, s, "vision"), 0, "it is in no sum yet")
}

// TestTotalsNeverFall adds a run that shared its machine with another and saw less of it:
// the mean of the two counts, which is less than what was told before.
func TestTotalsNeverFall(t *testing.T) {
	s := newShelf(t)
	shared := func(id string, joules float64) footprint.Report {
		return finished(id, 30, func(r *footprint.Report) {
			e := energy.Joules(joules)
			r.Energy, r.MachineEnergy, r.EnergyLow, r.EnergyHigh = e, e, e/2, new(2*e)
			r.Components = []footprint.Line{{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Energy: &e, Low: new(e / 2), High: new(2 * e)}}
		})
	}
	s.record(shared("0198c0de-0001", 1000))
	last := joulesOf(t, s, "vision")
	assert.InDelta(t, 1000, last, 0)
	for i, joules := range []float64{800, 600, 1500, 90} {
		s.record(shared(fmt.Sprintf("0198c0de-01%02d", i), joules))
		now := joulesOf(t, s, "vision")
		assert.GreaterOrEqual(t, now, last)
		last = now
	}
	_, body := s.get("/?format=json")
	var page struct {
		Total struct {
			Energy float64 `json:"energy_joules"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &page))
	assert.Less(t, page.Total.Energy, last, "the page has the sum itself")
}
