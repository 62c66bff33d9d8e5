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
	"github.com/carbonctl/carbonctl/regions"
)

// Whatever variable a live service reads, or wrap sets, is one that the settings know.
func TestOurVariablesAreKnown(t *testing.T) {
	asked := map[string]bool{nested.Env: true, watch.EnvEvents: true}
	for _, name := range liveNames(false) {
		_, _ = liveOf(name, regions.Builtin(), func(variable string) string {
			asked[variable] = true
			if strings.HasSuffix(variable, "_URL") {
				return "http://localhost"
			}
			return ""
		})
	}
	assert.Contains(t, asked, "CARBONCTL_WATTTIME_PASSWORD")
	assert.Contains(t, asked, "CARBONCTL_CARBONAWARE_SCOPE")
	for variable := range asked {
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
		case config.EpochPattern, config.EpochPreset, config.Car:
			assert.NoError(t, (&settings{}).set(s.Key, example), s.Key)
		}
		assert.NotEmpty(t, s.Usage, s.Key)
	}
	for _, key := range []string{config.KeepRuns, config.EpochPattern, config.EpochPreset, config.Car} {
		s := &settings{}
		assert.Error(t, s.set(key, "(no such thing"), key)
		assert.Equal(t, &settings{}, s, "what is wrong changes nothing")
	}
}
