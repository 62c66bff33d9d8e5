package screen

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// The first line says what is measured, what modelled and how sure, and what is missing.
func TestVerdict(t *testing.T) {
	model := &Model{CPU: "Xeon", Threads: 4, Band: 2, MemoryGiB: 8}
	counter := func(k energy.Kind) EnergyCounter {
		return EnergyCounter{Component: string(k) + "-0", Kind: k, Status: "counted", Reason: "read"}
	}
	read, hidden, lost := GPU{Visible: true, Way: "energy counter"}, GPU{Way: "energy counter"}, GPU{Visible: true, Error: "lost"}
	use := GPU{Visible: true, Way: "power limit × use", Modelled: true, BandLow: 1 / 3.0, BandHigh: 2}
	for want, inv := range map[string]Inventory{
		"CPU and memory modelled (90 % interval: half to double); no GPU":                  {Model: model, CounterState: footprint.NoCounter},
		"CPU measured; memory modelled (90 % interval: half to double); no GPU":            {Model: model, Counters: []EnergyCounter{counter(energy.CPU)}},
		"CPU, memory and 2 GPUs measured":                                                  {Counters: []EnergyCounter{counter(energy.CPU), counter(energy.Memory)}, GPUs: []GPU{read, read}},
		"1 of 3 GPUs measured; CPU and memory modelled (90 % interval: half to double)":    {Model: model, GPUs: []GPU{hidden, lost, read}},
		"CPU and memory modelled (90 % interval: ÷ 1.5 to × 1.5); GPU not read":            {Model: &Model{Band: 1.5, MemoryGiB: 1}, GPUs: []GPU{lost}},
		"CPU and memory modelled (90 % interval: half to double); 2 GPUs modelled":         {Model: model, GPUs: []GPU{use, use}},
		"1 of 2 GPUs measured; CPU and memory modelled (90 % interval: half to double); 1": {Model: model, GPUs: []GPU{read, use}},
		"CPU modelled (90 % interval: half to double); memory not read; no GPU":            {Model: &Model{Band: 2}},
		"CPU and memory modelled (90 % interval: half to double); no GPU ":                 {Model: &Model{Band: 2, Notes: []ModelNote{{Code: "whole-board"}}}},
		"CPU, memory and GPU not read":                                                     {GPUError: "driver too old"},
		"CPU and memory not read; no GPU":                                                  {},
	} {
		inv.Settle()
		var b strings.Builder
		require.NoError(t, inv.Text(&b, false))
		line, _, _ := strings.Cut(b.String(), "\n")
		assert.Equal(t, strings.TrimSpace(want), line)
		assert.NotContains(t, b.String(), "\nsettings\n", "only what is set")
		b.Reset()
		require.NoError(t, inv.Text(&b, true))
		assert.Contains(t, b.String(), "counters (RAPL)")
	}
}

// Settings that nobody changed are shown on request, wrong ones always.
func TestInventoryShowsWhatWasSet(t *testing.T) {
	inv := Inventory{Settings: []Effective{{"pue", "1.2", "environment"}, {"interval", "1s", "default"}}, Problems: []string{"label: bad"}}
	var b strings.Builder
	require.NoError(t, inv.Text(&b, false))
	assert.Contains(t, b.String(), "pue        1.2 (environment)")
	assert.Contains(t, b.String(), "problem    label: bad")
	assert.NotContains(t, b.String(), "interval")
	b.Reset()
	require.NoError(t, inv.Text(&b, true))
	assert.Contains(t, b.String(), "interval   1s (default)")
}
