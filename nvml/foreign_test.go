//go:build cgo && linux && !nonvml

package nvml

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// result is what testdata/foreign prints.
type result struct {
	OpenMillis, ReadMillis, CloseMillis int64
	OpenErr, ReadErr                    string
	Ways                                []Way
	First, Last                         []energy.Reading
	Direct                              int
}

// holds checks a GPU of 250 W between its two readings, whenever those were.
func (r result) holds(t *testing.T, i int) {
	t.Helper()
	truth := 250 * r.Last[i].Time.Sub(r.First[i].Time).Seconds()
	assert.InDelta(t, truth, (r.Last[i].Total - r.First[i].Total).Joules(), (r.First[i].Edge+r.Last[i].Edge).Joules()+0.5)
}

// compile makes the fake libraries.
func compile(t testing.TB, dir string) {
	for name, flag := range map[string]string{"full.so": "-DFULL", "old.so": "-DOLD"} {
		out, err := exec.Command("cc", "-shared", "-fPIC", "-O1", "-Wall", flag, "-o", filepath.Join(dir, name), "testdata/fakenvml.c").CombinedOutput()
		require.NoError(t, err, string(out))
	}
}

// BenchmarkDriver is a tick through go-nvml, the forwarding functions and the
// loader, to a fake library that reads its script at every call.
func BenchmarkDriver(b *testing.B) {
	dir := b.TempDir()
	compile(b, dir)
	b.Setenv("FAKE_NVML", "gpus=8")
	m, err := Open(b.Context(), Options{Library: filepath.Join(dir, "full.so")})
	require.NoError(b, err)
	defer m.Close()
	list := make([]energy.Reading, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		if list, err = m.Read(b.Context(), list[:0]); err != nil {
			b.Fatal(err)
		}
	}
	require.Len(b, list, 8)
}

// build makes the fake libraries and the foreign programs, once for all tests
// that need them.
func build(t *testing.T) (dir string) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skipf("no C compiler here: %v", err)
	}
	dir = t.TempDir()
	compile(t, dir)
	module := filepath.Join(dir, "foreign")
	require.NoError(t, os.Mkdir(module, 0o755))
	here, err := filepath.Abs("..")
	require.NoError(t, err)
	mod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(mod), "\n")
	mod = []byte("module example.org/foreign\n" + rest + "\nrequire github.com/carbonctl/carbonctl v0.0.0\nreplace github.com/carbonctl/carbonctl => " + here + "\n")
	require.NoError(t, os.WriteFile(filepath.Join(module, "go.mod"), mod, 0o644))
	for from, to := range map[string]string{"../go.sum": "go.sum", "testdata/foreign/main.go": "main.go"} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(module, to), text, 0o644))
	}
	for name, flags := range map[string]string{"lazy": "-s", "now": "-s -extldflags=-Wl,-z,now"} {
		cmd := exec.Command("go", "build", "-mod=mod", "-ldflags", flags, "-o", filepath.Join(dir, name))
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "CGO_ENABLED=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return dir
}

// TestForeignProgram runs a program that imports the package, built with and
// without -z now and started with and without LD_BIND_NOW, against drivers of all
// sorts, and none. It must always end by itself.
func TestForeignProgram(t *testing.T) {
	dir := build(t)
	run := func(t *testing.T, program, library, script string, env ...string) result {
		t.Helper()
		if library != "" {
			library = filepath.Join(dir, library)
		}
		cmd := exec.Command(filepath.Join(dir, program), library, "300")
		cmd.Env = append(os.Environ(), append(env, "FAKE_NVML="+script)...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, stderr.String())
		var r result
		require.NoError(t, json.Unmarshal(out, &r))
		return r
	}
	const missing = 13 // NVML_ERROR_FUNCTION_NOT_FOUND
	for _, program := range []string{"lazy", "now"} {
		for _, bind := range []string{"", "LD_BIND_NOW=1"} {
			t.Run(program+" "+bind, func(t *testing.T) {
				r := run(t, program, "none.so", "", bind)
				assert.Contains(t, r.OpenErr, energy.ErrUnavailable.Error())
				assert.Equal(t, missing, r.Direct)

				r = run(t, program, "full.so", "gpus=2", bind)
				require.Len(t, r.Last, 2, r.OpenErr)
				assert.Equal(t, []Way{EnergyCounter, EnergyCounter}, r.Ways)
				r.holds(t, 1)
				assert.Equal(t, missing, r.Direct, "this library lacks that function too")

				r = run(t, program, "old.so", "gpus=1", bind)
				assert.Equal(t, []Way{PowerReadings}, r.Ways, r.OpenErr)
				r.holds(t, 0)
				assert.Equal(t, missing, r.Direct)
			})
		}
	}
	t.Run("record", func(t *testing.T) {
		r := run(t, "lazy", "full.so", "no_energy=1")
		assert.Equal(t, []Way{PowerRecord}, r.Ways)
		r.holds(t, 0)
	})
	t.Run("power now", func(t *testing.T) {
		r := run(t, "lazy", "full.so", "no_energy=1,no_record=1")
		assert.Equal(t, []Way{PowerReadings}, r.Ways)
		r.holds(t, 0)
	})
	t.Run("init fails", func(t *testing.T) {
		r := run(t, "lazy", "full.so", "init_code=18")
		assert.Contains(t, r.OpenErr, "NVIDIA GPU not measured: driver and library versions differ")
		assert.Contains(t, r.OpenErr, "nvmlInit: RM has detected")
		assert.Equal(t, []energy.State{energy.Lost}, states(r.Last), "a driver that does not fit its library is a fault")
		r = run(t, "lazy", "full.so", "init_code=9")
		assert.Contains(t, r.OpenErr, energy.ErrUnavailable.Error(), "the driver is not loaded")
	})
	t.Run("no GPU", func(t *testing.T) {
		assert.Contains(t, run(t, "lazy", "full.so", "gpus=0").OpenErr, energy.ErrUnavailable.Error())
	})
	t.Run("one is lost, one is reset", func(t *testing.T) {
		r := run(t, "lazy", "full.so", "gpus=3,lost=0,reset=1,after_ms=150")
		assert.Equal(t, []energy.State{energy.Lost, energy.OK, energy.OK}, states(r.Last))
		assert.Contains(t, r.ReadErr, "GPU-00000000-fake")
		assert.EqualValues(t, 1, r.Last[1].Resets)
		r.holds(t, 2)
	})
	t.Run("one is there and closed, one was lost before", func(t *testing.T) {
		r := run(t, "now", "full.so", "gpus=3,denied=0,gone=1")
		assert.ElementsMatch(t, []energy.State{energy.Lost, energy.Lost, energy.OK}, states(r.Last))
		assert.Contains(t, r.OpenErr, "NVIDIA Fake 400 not measured: no permission")
		for _, reading := range r.Last {
			if reading.Component.ID == "GPU-00000000-fake-0000-0000-000000000000" {
				assert.Equal(t, 400*energy.Watt, reading.MaxPower)
			}
		}
	})
	t.Run("all power calls fail", func(t *testing.T) {
		r := run(t, "lazy", "full.so", "no_energy=1,no_record=1,no_power=1")
		assert.Contains(t, r.OpenErr, "NVIDIA Fake 400 not measured: no energy or power reading")
		assert.Equal(t, []energy.State{energy.Lost}, states(r.Last))
	})
	t.Run("slow calls", func(t *testing.T) {
		r := run(t, "lazy", "full.so", "call_ms=2000,after_ms=150")
		assert.Equal(t, []energy.State{energy.Held}, states(r.Last))
		assert.Less(t, r.ReadMillis, (readTimeout + time.Second).Milliseconds())
		assert.Less(t, r.CloseMillis, (readTimeout + time.Second).Milliseconds())
	})
	t.Run("ticks of 100 ms", func(t *testing.T) {
		r := run(t, "lazy", "full.so", "tick_ms=100")
		r.holds(t, 0)
	})
}
