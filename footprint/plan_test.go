package footprint

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/regions"
)

func TestEmbodiedByTimeAndShare(t *testing.T) {
	perHour := regions.Grams(120)
	a := &Account{Run: Run{EmbodiedPerHour: &perHour}}
	r := Report{DurationS: 1800, Charge: ChargeMachine, Energy: 10, MachineEnergy: 40}
	a.embody(&r)
	assert.Equal(t, regions.Grams(60), *r.Embodied)
	r.Charge = ChargeProcess
	a.embody(&r)
	assert.Equal(t, regions.Grams(15), *r.Embodied)
	assert.Zero(t, r.Emissions, "never within the emissions")
	none := Report{DurationS: 1800}
	(&Account{}).embody(&none)
	assert.Nil(t, none.Embodied)
}
