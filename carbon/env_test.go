package carbon_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

func TestConfigFromEnv(t *testing.T) {
	for k, v := range map[string]string{
		"CARBONCTL_REGION": "US-CA", "CARBONCTL_PUE": "1.3", "CARBONCTL_INTERVAL": "250ms",
		"CARBONCTL_PROJECT": "p", "CARBONCTL_CHARGE": "process", "CARBONCTL_INTENSITY": "12.5",
		"CARBONCTL_LABEL": "team=ml,stage=a=b", "CARBONCTL_EPOCHS": "3",
		// Of the command alone.
		"CARBONCTL_LEDGER": "own.csv", "CARBONCTL_KEEP_RUNS": "90d", "CARBONCTL_EPOCH_PRESET": "keras", "CARBONCTL_ENTSOE_TOKEN": "t",
	} {
		t.Setenv(k, v)
	}
	c, err := carbon.ConfigFromEnv()
	require.NoError(t, err)
	assert.Equal(t, "US-CA", c.Region)
	assert.Equal(t, "environment", c.Run.How)
	assert.Equal(t, 1.3, c.PUE)
	assert.Equal(t, 250*time.Millisecond, c.Every)
	assert.Equal(t, footprint.ChargeProcess, c.Run.Charge)
	assert.Equal(t, map[string]string{"team": "ml", "stage": "a=b"}, c.Run.Labels)
	assert.Equal(t, 3, c.Run.Epochs)
	assert.NotNil(t, c.Grid)
	assert.Empty(t, c.Sinks)

	for k, v := range map[string]string{
		"CARBONCTL_REGION": "FX", "CARBONCTL_PUE": "0.1", "CARBONCTL_INTERVAL": "soon",
		"CARBONCTL_CHARGE": "you", "CARBONCTL_INTENSITY": "-3", "CARBONCTL_LABEL": "team", "CARBONCTL_EPOCHS": "-1",
		"CARBONCTL_REGIONS_FILE": "gone.csv", "CARBONCTL_CALIBRATION": "gone.json",
	} {
		t.Setenv(k, v)
	}
	c, err = carbon.ConfigFromEnv()
	for _, name := range []string{
		"CARBONCTL_REGION: ", "CARBONCTL_PUE: ", "CARBONCTL_INTERVAL: ", "CARBONCTL_CHARGE: ", "CARBONCTL_INTENSITY: ",
		"CARBONCTL_LABEL: ", "CARBONCTL_EPOCHS: ", "CARBONCTL_REGIONS_FILE: ", "CARBONCTL_CALIBRATION: gone.json: ",
	} {
		assert.ErrorContains(t, err, name)
	}
	assert.Nil(t, c.Grid)
	_, err = carbon.New(c)
	assert.NoError(t, err, "what was wrong is left out")

	t.Setenv("CARBONCTL_INTENSITY", "NaN")
	_, err = carbon.ConfigFromEnv()
	assert.ErrorContains(t, err, "CARBONCTL_INTENSITY")
}

func TestNothingInTheEnvironment(t *testing.T) {
	c, err := carbon.ConfigFromEnv()
	require.NoError(t, err)
	assert.NotNil(t, c.Host.Env)
	c.Host.Env = nil
	assert.Equal(t, carbon.Config{}, c)
}

// A variable that is none is named with the one that was meant; all else holds.
func TestUnknownVariable(t *testing.T) {
	t.Setenv("CARBONCTL_REGOIN", "FR")
	t.Setenv("CARBONCTL_PROJECT", "p")
	c, err := carbon.ConfigFromEnv()
	assert.EqualError(t, err, "CARBONCTL_REGOIN: unknown variable; did you mean CARBONCTL_REGION?")
	assert.Equal(t, "p", c.Run.Project)
}

// A table of one's own is read before the region that only it has.
func TestRegionsFileFromEnv(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.csv")
	require.NoError(t, os.WriteFile(path, []byte("zone,name,scope,year,g_per_kwh,source\nFR-LAB,Our lab,lifecycle,2025,12.5,power contract\n"), 0o600))
	t.Setenv("CARBONCTL_REGIONS_FILE", path)
	t.Setenv("CARBONCTL_REGION", "FR-LAB")
	c, err := carbon.ConfigFromEnv()
	require.NoError(t, err)
	c.Meters, c.Host = []energy.Meter{&watts{}}, bare
	tracker, err := carbon.Start(t.Context(), c)
	require.NoError(t, err)
	r, err := tracker.Stop()
	require.NoError(t, err)
	assert.Equal(t, "FR-LAB", r.Region.Zone)
	assert.Equal(t, regions.Grams(12.5), r.Intensity.PerKWh)
}
