package carbon_test

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/machinetest"
)

var update = flag.Bool("update", false, "rewrite testdata/traces; read the difference")

// busy is work that keeps three CPUs busy.
type busy struct{ since time.Time }

func (b busy) Used() carbon.Used {
	return carbon.Used{CPU: 3 * time.Since(b.since), KnowsCPU: true, Memory: 4 << 30, KnowsMemory: true}
}

// here is what a recording holds of the machine and the build that the test
// itself runs on.
var here = regexp.MustCompile(`"name":"[^"]*","os"|"tool":"[^"]*"|"data":"[^"]*"|"cpu_s":[0-9.e-]*,"energy_joules":[0-9.]*`)

func elsewhere(b []byte) []byte {
	key, _, _ := bytes.Cut(b, []byte(":"))
	switch string(key) {
	case `"name"`:
		return []byte(`"name":"node1","os"`)
	case `"cpu_s"`:
		return []byte(`"cpu_s":0.001,"energy_joules":0`)
	}
	return []byte(string(key) + `:"test"`)
}

// TestMachines runs the whole tracker on scripted machines: from the kernel's
// files to a recording that must come out the same each time.
func TestMachines(t *testing.T) {
	for _, name := range []string{"client", "server", "trouble"} {
		t.Run(name, func(t *testing.T) {
			m := machinetest.Load(t, "../testdata/machines/"+name+".txtar")
			var recording bytes.Buffer
			var r footprint.Report
			synctest.Test(t, func(t *testing.T) {
				tracker, err := carbon.Start(t.Context(), carbon.Config{
					Region: "DE", PUE: 1.25, Every: 500 * time.Millisecond, Work: busy{time.Now()},
					Run:  footprint.Run{ID: "01a20400-0000-7000-8000-000000000001", Project: "demo", Charge: footprint.ChargeMachine},
					Host: carbon.Host{Root: m}, Sinks: []carbon.Sink{carbon.Samples(&recording)},
				})
				require.NoError(t, err)
				for at := 500 * time.Millisecond; at <= 4*time.Second; at += 500 * time.Millisecond {
					time.Sleep(499 * time.Millisecond) // the counters move just before each tick
					synctest.Wait()
					m.At(at)
					time.Sleep(time.Millisecond)
					synctest.Wait()
				}
				r, err = tracker.Stop()
				require.NoError(t, err)
			})
			got := here.ReplaceAllFunc(recording.Bytes(), elsewhere)
			file := "../testdata/traces/" + name + ".jsonl"
			if *update {
				require.NoError(t, os.WriteFile(file, got, 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			for n, line := range bytes.Split(want, []byte("\n")) {
				require.Equal(t, string(line), string(bytes.Split(got, []byte("\n"))[n]), "line %d", n+1)
			}
			require.Len(t, got, len(want))

			again, err := footprint.Replay(&recording)
			require.NoError(t, err)
			assert.Equal(t, r.Energy, again.Energy)
			assert.Equal(t, r.Emissions, again.Emissions)
		})
	}
}
