package main

import (
	"bytes"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/machinetest"
	"github.com/carbonctl/carbonctl/internal/screen"
)

var testdata = os.DirFS("../../testdata")

// withPerf is a machine whose kernel offers the counters as perf events as well.
type withPerf struct{ fs.FS }

func (w withPerf) Open(name string) (fs.File, error) {
	if name == "sys/bus/event_source/devices/power/events/energy-pkg" {
		return w.FS.Open("proc/cpuinfo")
	}
	return w.FS.Open(name)
}

func TestWhatOpensClosedCounters(t *testing.T) {
	look := func(root fs.FS) (screen.Inventory, string) {
		var out bytes.Buffer
		inv := look(t.Context(), root, 0, "", &settings{Config: &config.Config{}})
		assert.NoError(t, inv.Text(&out, false))
		return inv, out.String()
	}
	closed := machinetest.Load(t, "../../testdata/machines/denied.txtar")

	inv, text := look(closed)
	assert.Equal(t, footprint.NoPermission, inv.CounterState)
	assert.Contains(t, text, "RAPL counters: ")
	assert.Contains(t, text, "permission denied")
	assert.Contains(t, text, `SUBSYSTEM=="powercap"`)
	assert.Contains(t, text, "0440")
	assert.Contains(t, text, "PLATYPUS")
	assert.NotContains(t, text, "setcap")

	assert.Contains(t, text, "sudo carbonctl calibrate --output calibration.json")

	_, text = look(withPerf{closed})
	assert.Contains(t, text, `sudo setcap cap_perfmon+ep "$(command -v carbonctl)"`, "the capability is the least privilege")
	assert.NotContains(t, text, "groupadd")

	inv, text = look(machinetest.Load(t, "../../testdata/machines/masked.txtar"))
	assert.Equal(t, footprint.CounterMasked, inv.CounterState)
	assert.Contains(t, text, "docker run -v /proc:/host/proc:ro -v /sys:/host/sys:ro")
	assert.Contains(t, text, "\n    carbonctl calibrate --output calibration.json\n")
	inv.Model.How = string(estimate.ByCalibration)
	command, _ := calibrateFix(inv)
	assert.Empty(t, command, "it is done")

	inv, text = look(machinetest.Load(t, "../../testdata/machines/client.txtar"))
	assert.Equal(t, "read", inv.CounterState)
	assert.NotContains(t, text, "sudo")
	assert.NotContains(t, text, "PLATYPUS")
	assert.NotContains(t, text, "calibrate")
}

// Every machine of the corpus is explained: no zone without a reason.
func TestEveryZoneIsExplained(t *testing.T) {
	machines, err := fs.Glob(testdata, "machines/*.txtar")
	assert.NoError(t, err)
	assert.Greater(t, len(machines), 20)
	for _, m := range machines {
		inv := look(t.Context(), machinetest.Load(t, "../../testdata/"+m), 0, "", &settings{Config: &config.Config{}})
		for _, c := range inv.Counters {
			assert.NotEmpty(t, c.Reason, "%s: %s", m, c.Path)
			assert.NotEqual(t, "not read", c.Reason, "%s: %s is %s", m, c.Path, c.Status)
		}
		if inv.CounterState != "read" {
			assert.NotEmpty(t, inv.CounterError, m)
		}
	}
}
