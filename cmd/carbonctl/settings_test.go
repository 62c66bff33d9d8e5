package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/nested"
	"github.com/carbonctl/carbonctl/internal/watch"
	"github.com/carbonctl/carbonctl/ledger"
)

// What wrap sets for its command is known to the settings.
func TestVariablesOfWrapAreKnown(t *testing.T) {
	for _, variable := range []string{nested.Env, watch.EnvEvents} {
		assert.True(t, config.Known(variable), variable)
	}
	assert.False(t, config.Known("CARBONCTL_REGOIN"))
}

// The table of settings shows what rooms above it have: defaults and examples that they
// take.
func TestSettingsOfOtherRooms(t *testing.T) {
	for _, s := range config.Table() {
		example := strings.Trim(s.Example, `"'`)
		switch s.Key {
		case config.KeepRuns:
			assert.Equal(t, strconv.Itoa(ledger.DefaultKeep), s.Default)
			fallthrough
		case config.EpochPattern, config.EpochPreset, config.Car, config.MonthlyBudget, config.Metrics, config.Textfile, config.Pushgateway:
			assert.NoError(t, (&settings{}).set(s.Key, example), s.Key)
		}
		assert.NotEmpty(t, s.Usage, s.Key)
	}
	for _, key := range []string{config.KeepRuns, config.EpochPattern, config.EpochPreset, config.Car, config.MonthlyBudget, config.Metrics, config.Textfile, config.Pushgateway} {
		s := &settings{}
		assert.Error(t, s.set(key, "(no such thing"), key)
		assert.Equal(t, &settings{}, s, "what is wrong changes nothing")
	}
}
