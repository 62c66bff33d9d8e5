package screen_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/regions"
)

func TestLive(t *testing.T) {
	r := reporttest.OnGPUs()
	r.Status, r.DurationS = footprint.Running, 42
	assert.Equal(t, "42.0 s  2.41 kW  24.0 Wh  7.05 g CO2e", screen.Live(r, nil, 2410*energy.Watt))
	r.Epochs = []footprint.Epoch{{Index: 16}, {Index: 17}}
	assert.Equal(t, "epoch 17  42.0 s  24.0 Wh  7.05 g CO2e", screen.Live(r, nil, 0))
	q := footprint.Prediction{AfterEpochs: 16, OfEpochs: 40}
	q.DurationS.Expected = 105
	q.Emissions.Low, q.Emissions.Expected, q.Emissions.High = 15.1, 17.3, new(regions.Grams(20.4))
	assert.Equal(t, "epoch 17/40  1m 3s left  2.41 kW  24.0 Wh  7.0 → 17 g (15 to 20)", screen.Live(r, &q, 2410*energy.Watt))
	r.DurationS = 200
	assert.Equal(t, "epoch 17/40  3m 20s  24.0 Wh  7.0 → 17 g (15 to 20)", screen.Live(r, &q, 0), "late: what is left is not known")
	r.DurationS = 92.4
	assert.Contains(t, screen.Live(r, &q, 0), "  13 s left  ")
	r.DurationS = 104.9
	assert.Contains(t, screen.Live(r, &q, 0), "  1 s left  ")
	assert.Equal(t, "1.00 s", screen.Live(footprint.Report{DurationS: 1}, nil, 0))
}
