package report_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// What nothing bounds from above is "at least", on every page and in every format.
func TestNoUpperBound(t *testing.T) {
	r := reporttest.Replay(t, "server.jsonl")
	r.EnergyHigh, r.EmissionsHigh = nil, nil
	for i := range r.Components {
		if r.Components[i].Kind == energy.CPU {
			r.Components[i].High = nil
		}
	}
	for i := range r.Epochs {
		r.Epochs[i].EnergyHigh = nil
	}
	var text, html, object bytes.Buffer
	require.NoError(t, report.Text(&text, r))
	require.NoError(t, page.Run{Run: report.Run{Report: r}}.HTML(&html))
	require.NoError(t, report.JSON(&object, r))
	assert.Contains(t, text.String(), "energy at least ")
	assert.Contains(t, html.String(), "at least ")
	assert.Contains(t, object.String(), `"energy_high_joules": null`)
	back, err := report.Parse(&object)
	require.NoError(t, err)
	assert.Nil(t, back.EnergyHigh)

	v := report.Totals{Groups: &runs.Groups{By: []runs.Key{runs.ByProject}}}
	v.Groups.Add(runs.FromReport(r))
	for _, write := range []func() (string, error){
		func() (string, error) { var b bytes.Buffer; err := v.Text(&b); return b.String(), err },
		func() (string, error) {
			var b bytes.Buffer
			err := page.Team{Totals: v}.Write(&b, "html")
			return b.String(), err
		},
	} {
		s, err := write()
		require.NoError(t, err)
		assert.Contains(t, s, "at least ")
	}
	var b bytes.Buffer
	require.NoError(t, v.Write(&b, "json"))
	assert.Contains(t, b.String(), `"energy_high_joules": null`)
	b.Reset()
	require.NoError(t, v.Write(&b, "openmetrics"))
	assert.Contains(t, b.String(), "carbonctl_ledger_energy_high_joules{project=\"demo\"} +Inf")
	b.Reset()
	require.NoError(t, v.Write(&b, "csv"))
}

// Of what the work was not seen to use no "0 J, measured" is said, and of no figure
// that it is exact.
func TestNothingIsSureToBeNothing(t *testing.T) {
	r := reporttest.Replay(t, "server.jsonl")
	r.Charge = footprint.ChargeProcess
	for i := range r.Components {
		r.Components[i].Charged = 0
	}
	r.EnergyLow, r.EnergyHigh = r.Energy, &r.Energy
	var text bytes.Buffer
	require.NoError(t, report.Run{Report: r}.Write(&text, "text"))
	assert.Contains(t, text.String(), "no use by this command seen: ")
	assert.NotContains(t, text.String(), " 0 J, measured")
	assert.Contains(t, text.String(), "(± 0.1 %)")
}
