package footprint_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// half is a policy of a caller's own.
func half(footprint.Span) float64 { return 0.5 }

// A report names the policy that decided its shares, and a recording whose shares
// would come out differently is not replayed.
func TestThePolicyIsNamed(t *testing.T) {
	var buf bytes.Buffer
	a := footprint.Account{Policy: half, Run: footprint.Run{Charge: footprint.ChargeProcess}}
	rec, err := footprint.Record(&buf, &a)
	require.NoError(t, err)
	for i := range 3 {
		s := at(float64(i), joules(pkg, 100*float64(i)))
		s.Use = []energy.Use{{Kind: energy.CPU, Mine: float64(i), All: float64(i), Capacity: float64(i), Known: true}}
		a.Add(s)
		require.NoError(t, rec.Add(s))
	}
	require.NoError(t, rec.End(footprint.End{Status: footprint.Completed}))
	r := a.Report()
	assert.Equal(t, 100*energy.Joule, r.Energy)
	assert.Equal(t, "github.com/carbonctl/carbonctl/footprint_test.half", r.Policy)
	_, err = footprint.Replay(&buf)
	assert.ErrorContains(t, err, "shares were decided by github.com/carbonctl/carbonctl/footprint_test.half")

	var plain footprint.Account
	assert.Empty(t, plain.Report().Policy)
}
