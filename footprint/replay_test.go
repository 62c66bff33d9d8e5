package footprint_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// What a counter showed decides, and not the totals that stand beside it.
func TestReplayReadsTheCounters(t *testing.T) {
	const modulus = 1_000_000_000
	var a footprint.Account
	var buf bytes.Buffer
	rec, err := footprint.Record(&buf, &a)
	require.NoError(t, err)
	raws, totals := []uint64{900_000_000, 960_000_000, 30_000_000, 90_000_000}, []float64{0, 60, 130, 190}
	for i, raw := range raws {
		s := at(float64(i), joules(pkg, totals[i]))
		r := &s.Readings[0]
		r.Raw, r.Range, r.MaxPower = raw, modulus, 200*energy.Watt
		if i >= 2 {
			r.Wraps = 1
		}
		a.Add(s)
		require.NoError(t, rec.Add(s))
	}
	require.NoError(t, rec.End(a.End))
	replay := func(from, to string) footprint.Report {
		t.Helper()
		require.Contains(t, buf.String(), from)
		r, err := footprint.Replay(strings.NewReader(strings.ReplaceAll(buf.String(), from, to)))
		require.NoError(t, err)
		return r
	}
	want := a.Report()
	require.Equal(t, 190*energy.Joule, want.Energy)
	assert.Equal(t, want, replay(`"raw"`, `"raw"`))
	assert.Equal(t, want, replay(`"total_uj":190000000`, `"total_uj":199000000`), "a total that was changed")
	assert.Equal(t, 199*energy.Joule, replay(`"raw":90000000,`, `"raw":99000000,`).Energy, "another reading")
}
