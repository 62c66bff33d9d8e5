package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/estimate"
)

func TestInstance(t *testing.T) {
	half := 0.5
	for _, c := range []struct {
		name  string
		a     Ask
		parts []string
	}{
		{"CPU alone", Ask{Instance: "aws:c5.4xlarge", Hours: 10, Usage: &half}, []string{"cpu", "memory"}},
		{"with GPUs", Ask{Instance: "p4d.24xlarge", Hours: 10, Nodes: 2}, []string{"gpu", "cpu", "memory"}},
		{"its GPUs named", Ask{Instance: "p6-b200.48xlarge", GPU: "B200", Count: 8, Hours: 10}, []string{"gpu", "cpu", "memory"}},
	} {
		for _, method := range []Method{Ours, GreenAlgorithms} {
			e, err := c.a.Estimate(method, Grid{PerKWh: 100}, 1)
			require.NoError(t, err, c.name)
			var kinds []string
			for _, p := range e.Parts {
				kinds = append(kinds, p.Kind)
				assert.Positive(t, p.KWh.Expected, c.name)
			}
			assert.Equal(t, c.parts, kinds, c.name)
		}
	}

	in, err := estimate.FindInstance("aws:c5.4xlarge")
	require.NoError(t, err)
	e, err := Ask{Instance: "c5.4xlarge", Hours: 10, Usage: &half, Lifetime: "4y"}.Estimate(Ours, Grid{PerKWh: 100}, 1)
	require.NoError(t, err)
	low, at, high := in.Model.Range(0.5, 1)
	assert.Equal(t, Range{low.Watts() / 100, at.Watts() / 100, high.Watts() / 100}, e.Parts[0].KWh, "10 hours")
	assert.InEpsilon(t, in.EmbodiedKg*1000*10/(4*yearDays*24), e.Embodied, 1e-9)

	// Eight A100 of 400 W, two nodes, by the formula of ML CO2 Impact.
	e, err = Ask{Instance: "p4d.24xlarge", Hours: 10, Nodes: 2}.Estimate(MLCO2, Grid{PerKWh: 100}, 1)
	require.NoError(t, err)
	assert.InDelta(t, 64, e.Energy.Expected, 1e-9)
}

func TestInstanceRefused(t *testing.T) {
	watts := 5.0
	for want, a := range map[string]Ask{
		"GPUs or accelerators of aws:p6-b200.48xlarge not known: name them with gpu and count": {Instance: "p6-b200.48xlarge"},
		"GPUs of aws:p4d.24xlarge are known: leave gpu and count out":                          {Instance: "p4d.24xlarge", GPU: "H100"},
		`unknown instance type "aws:c7i.4xlargo"; nearest: aws:c7i.4xlarge`:                    {Instance: "aws:c7i.4xlargo"},
		`unknown instance type "Standard_D4s_v9"; nearest: azure:d4s v`:                        {Instance: "Standard_D4s_v9"},
		`unknown instance type "c7i.5xlarge"; nearest: aws:c7i.`:                               {Instance: "c7i.5xlarge"},
		"leave cpu, cores, memory and watts out":                                               {Instance: "c5.large", CPU: "EPYC 7763"},
		"instance has its CPU":                                                                 {Instance: "c5.large", Watts: &watts},
		"embodied emissions of aws:c7i.4xlarge not known":                                      {Instance: "c7i.4xlarge", Lifetime: "4y"},
	} {
		a.Hours = 1
		_, err := a.Estimate(Ours, Grid{PerKWh: 100}, 1)
		assert.ErrorContains(t, err, want)
	}
	_, err := Ask{Instance: "c5.large", Hours: 1}.Estimate(MLCO2, Grid{PerKWh: 100}, 1)
	assert.ErrorContains(t, err, "aws:c5.large has none")
	_, err = Ask{Instance: "c5.large", DeviceHours: 1}.Estimate(Ours, Grid{PerKWh: 100}, 1)
	assert.ErrorContains(t, err, "give hours for an instance")
}

// A desktop's CPU that no table has is not counted by the thread.
func TestUnknownDesktop(t *testing.T) {
	e, err := Ask{CPU: "Core i5-99400", Cores: 4, Hours: 1000}.Estimate(Ours, Grid{PerKWh: 100}, 1)
	require.NoError(t, err)
	assert.InDelta(t, 58.5, e.Energy.Expected, 0.1)
	assert.Contains(t, e.Notes, `unknown CPU "Core i5-99400"; nearest: core i5 9400: a default of 65 W TDP, usual for its kind, is used`)
	assert.Contains(t, e.Notes, "the cores of Core i5-99400 are not known: the whole CPU is counted")
}
