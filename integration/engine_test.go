package integration

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// powered is a machine with one package at a constant power, whose counter counts until
// the test ends.
func (d desk) powered(power energy.Power) (root string) {
	d.Helper()
	root = d.at("machine")
	zone := filepath.Join(root, "sys/class/powercap/intel-rapl:0")
	require.NoError(d, os.MkdirAll(zone, 0o755))
	require.NoError(d, os.MkdirAll(filepath.Join(root, "proc"), 0o755))
	for name, text := range map[string]string{"name": "package-0", "max_energy_range_uj": "262143328850", "constraint_0_name": "long_term", "constraint_0_power_limit_uw": "200000000"} {
		require.NoError(d, os.WriteFile(filepath.Join(zone, name), []byte(text+"\n"), 0o644))
	}
	f, err := os.Create(filepath.Join(zone, "energy_uj"))
	require.NoError(d, err)
	start := time.Now()
	count := func() {
		_, _ = fmt.Fprintf(at{f}, "%015d\n", int64(power.Over(time.Since(start)))+1_000_000_000)
	}
	count()
	ticker, quit, done := time.NewTicker(time.Millisecond), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ticker.C:
				count()
			case <-quit:
				return
			}
		}
	}()
	d.Cleanup(func() { close(quit); <-done; ticker.Stop(); f.Close() })
	return root
}

// at writes to the start of a file, with one call.
type at struct{ f *os.File }

func (a at) Write(b []byte) (int, error) { return a.f.WriteAt(b, 0) }

// A stub engine at 512 tokens a second beside a counter at 100 W: over 30 s J per token is
// right within 1 %, and so is each half of a run that idles for the other.
func TestJoulesPerTokenOfAnEngine(t *testing.T) {
	d := newDesk(t)
	root := d.powered(100 * energy.Watt)
	start := time.Now()
	const rate, history = 512.0, 1e6
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := rate * time.Since(start).Seconds()
		fmt.Fprintf(w, `# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="x"} %.1f
vllm:generation_tokens_total{engine="1",model_name="x"} %.1f
# TYPE vllm:request_success_total counter
vllm:request_success_total{engine="0",finished_reason="stop",model_name="x"} %d
vllm:request_success_total{engine="0",finished_reason="abort",model_name="x"} %d
`, history+n/2, n/2, int(n/100), int(n/1000))
	}))
	defer engine.Close()
	d.run("carbonctl", "wrap", "-q", "--root", root, "--charge", "machine", "--region", "FR", "--json-file", "run.json", "--work", "vllm="+engine.URL, "--", "sleep", "30")
	r := d.report("run.json")
	var cpu energy.Energy
	for _, l := range r.Components {
		if l.ID == "package-0" && l.Basis == energy.Measured {
			cpu = *l.Energy
		}
	}
	assert.InEpsilon(t, 3000, cpu.Joules(), 0.01)
	require.NotEmpty(t, r.Work)
	w := r.Work[0]
	assert.Equal(t, footprint.UnitOutputToken, w.Unit)
	assert.Equal(t, footprint.CountExact, w.Bound)
	assert.Equal(t, 2, w.Series)
	assert.InEpsilon(t, 30*rate, w.Count, 0.01)
	assert.InEpsilon(t, 100/rate, cpu.Joules()/w.Count, 0.01)
	assert.InEpsilon(t, r.Energy.Joules()/w.Count, *w.Energy, 1e-9)
	assert.InEpsilon(t, 30*rate/100, r.Work[1].Count, 0.02)
	assert.InDelta(t, 15, r.Work[1].Aborted, 1)
	require.NotNil(t, r.Activity)
	assert.Greater(t, r.Activity.Busy.DurationS, 29.0)
	assert.Zero(t, r.Activity.Idle.DurationS)
	t.Logf("%.5g J a token, truth %.5g; %.6g tokens in %.4g s", cpu.Joules()/w.Count, 100/rate, w.Count, r.DurationS)
}
