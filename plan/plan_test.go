package plan

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vector is a worked case: the published formula, run through the tool that is named.
type vector struct {
	ID       string
	Kind     string
	Input    map[string]any
	Expect   map[string]any
	Relative float64 `json:"tolerance_rel"`
	Source   string
	Printed  map[string]float64
}

func vectors(t testing.TB, kind string) (all []vector) {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var list []vector
	require.NoError(t, json.Unmarshal(b, &list))
	for _, v := range list {
		if v.Kind == kind {
			require.NotEmpty(t, v.Source, v.ID)
			all = append(all, v)
		}
	}
	return all
}

func (v vector) in(key string) float64 { x, _ := v.Input[key].(float64); return x }

// same compares a figure with the one of the vector, where it has it.
func (v vector) same(t *testing.T, key string, got float64) int {
	t.Helper()
	want, ok := v.Expect[key].(float64)
	if !ok {
		return 0
	}
	if want == 0 {
		assert.Zero(t, got, key)
	} else {
		assert.InEpsilon(t, want, got, v.Relative, key)
	}
	return 1
}

// The ten rows of a published table of GPT-3's training in cloud regions, and cases of the
// page itself: the unrounded figures, and those that the page shows.
func TestMLCO2(t *testing.T) {
	n := 0
	for _, v := range vectors(t, "calculator") {
		page, ok := v.Expect["mlco2_compat"].(map[string]any)
		if !ok {
			continue
		}
		n++
		t.Run(v.ID, func(t *testing.T) {
			w := v.in("watts")
			e, err := Ask{Watts: &w, DeviceHours: v.in("device_hours")}.Estimate(MLCO2, Grid{PerKWh: v.in("intensity_g_per_kwh")}, 1)
			require.NoError(t, err)
			assert.Equal(t, 1, v.same(t, "energy_kwh", e.Energy.Expected))
			assert.Equal(t, 1, v.same(t, "co2_kg_unrounded", e.Grams.Expected/1000))
			assert.Equal(t, page["energy_kwh"], e.Published.KWh)
			assert.Equal(t, page["intensity_kg_per_kwh"], e.Published.KgPerKWh)
			assert.Equal(t, page["co2_kg"], e.Published.Kg)
			if tonnes, ok := v.Expect["blog_tonnes"].(float64); ok {
				assert.InDelta(t, tonnes, e.Published.Kg/1000, 0.05)
			}
			assert.Equal(t, e.Energy.Low, e.Energy.High, "own figures are exact")
		})
	}
	assert.GreaterOrEqual(t, n, 14)
}

func TestGreenAlgorithms(t *testing.T) {
	n := 0
	for _, v := range vectors(t, "calculator") {
		if _, ok := v.Input["psf"]; !ok {
			continue
		}
		n++
		t.Run(v.ID, func(t *testing.T) {
			w, count, usage := v.in("w_per_cpu_core"), v.in("n_cpu_cores"), v.in("usage_cpu")
			if v.in("n_gpu") > 0 {
				w, count, usage = v.in("w_per_gpu"), v.in("n_gpu"), v.in("usage_gpu")
			}
			a := Ask{Watts: &w, Count: count, Usage: &usage, Hours: v.in("runtime_h"), Memory: number(v.in("memory_gb")) + "GB", PSF: v.in("psf")}
			e, err := a.Estimate(GreenAlgorithms, Grid{PerKWh: v.in("carbon_intensity")}, v.in("pue"))
			require.NoError(t, err)
			compared := v.same(t, "energy_kwh", e.Energy.Expected) + v.same(t, "co2_g", e.Grams.Expected)
			assert.Equal(t, 2, compared)
			grams := func(i int) float64 { return e.Parts[i].KWh.Expected * e.PUE * v.in("carbon_intensity") }
			power := 0.0
			for _, p := range e.Parts {
				power += p.Watts.Expected * e.PUE
			}
			v.same(t, "power_w", power)
			v.same(t, "co2_memory_g", grams(1))
			if v.in("n_gpu") > 0 {
				v.same(t, "co2_gpu_g", grams(0))
			} else {
				v.same(t, "co2_cpu_g", grams(0))
			}
			if text, ok := v.Expect["text_co2"]; ok {
				assert.Equal(t, text, e.Published.Emissions)
				assert.Equal(t, v.Expect["text_energy"], e.Published.Energy)
				v.same(t, "car_eu_km", e.Published.CarKm)
				if v.ID != "ga-default-world-v1" { // a tree took up 11.4 kg a year in its version 1
					v.same(t, "tree_months", e.Published.TreeMonths)
				}
			}
		})
	}
	assert.GreaterOrEqual(t, n, 9)
}

// Appendix D of CarbonTracker's paper: GPT-3 by its floating-point operations.
func TestPaperOfCarbonTracker(t *testing.T) {
	for _, v := range vectors(t, "calculator") {
		if v.in("flops_total") == 0 {
			continue
		}
		w := v.in("watts")
		seconds := v.in("flops_total") / v.in("flops_per_s")
		v.same(t, "gpu_seconds", seconds)
		e, err := Ask{Watts: &w, DeviceHours: seconds / 3600}.Estimate(Ours, Grid{PerKWh: v.in("intensity_g_per_kwh")}, v.in("pue"))
		require.NoError(t, err)
		require.Equal(t, 2, v.same(t, "energy_kwh", e.Energy.Expected)+v.same(t, "co2_kg", e.Grams.Expected/1000))
		assert.InDelta(t, v.Printed["energy_kwh"], e.Energy.Expected, 0.005)
		return
	}
	t.Fatal("no such vector")
}

func TestOursHasBounds(t *testing.T) {
	for _, a := range []Ask{
		{GPU: "A100 SXM 80GB", Count: 8, Hours: 72},
		{GPU: "no such card", Hours: 1},
		{CPU: "Xeon E5-2683 v4", Cores: 12, Memory: "64GB", Hours: 12},
		{CPU: "no such chip", Hours: 1},
		{Cores: 4, Hours: 1},
		{Memory: "1TB", Hours: 1},
	} {
		for _, usage := range []float64{0, 0.3, 1} {
			a.Usage = &usage
			e, err := a.Estimate(Ours, Grid{PerKWh: 100, PUE: 1.2}, 0)
			require.NoError(t, err)
			assert.Positive(t, e.Energy.Low)
			assert.Less(t, e.Energy.Low, e.Energy.Expected, "%+v", a)
			assert.Less(t, e.Energy.Expected, e.Energy.High, "%+v", a)
			assert.InEpsilon(t, e.Computing.Expected*1.2, e.Energy.Expected, 1e-12)
			assert.InEpsilon(t, e.Energy.High*100, e.Grams.High, 1e-12)
		}
	}
}

// More of anything is more, in proportion.
func TestProportions(t *testing.T) {
	base := Ask{GPU: "H100", Hours: 10}
	of := func(a Ask) float64 {
		e, err := a.Estimate(Ours, Grid{PerKWh: 50}, 0)
		require.NoError(t, err)
		return e.Grams.Expected
	}
	once := of(base)
	for name, change := range map[string]func(*Ask){
		"count": func(a *Ask) { a.Count = 6 }, "nodes": func(a *Ask) { a.Nodes = 6 }, "hours": func(a *Ask) { a.Hours = 60 },
		"psf": func(a *Ask) { a.PSF = 6 }, "repeat": func(a *Ask) { a.Repeat = "6" }, "rate": func(a *Ask) { a.Repeat = "0.5/month" },
	} {
		a := base
		change(&a)
		assert.InEpsilon(t, 6*once, of(a), 1e-9, name)
	}
	device := Ask{GPU: "H100", DeviceHours: 60}
	assert.InEpsilon(t, 6*once, of(device), 1e-9)
}

func TestEmbodied(t *testing.T) {
	e, err := Ask{GPU: "T4", Nodes: 2, Hours: 24 * yearDays, EmbodiedKg: 1000, Lifetime: "4y"}.Estimate(Ours, Grid{PerKWh: 50}, 0)
	require.NoError(t, err)
	assert.InEpsilon(t, 500_000, e.Embodied, 1e-9, "half a machine")
	assert.NotContains(t, strings.Join(e.Notes, ""), "embodied")
	byDevice, err := Ask{GPU: "T4", DeviceHours: 1, EmbodiedKg: 1000, Lifetime: "4y"}.Estimate(Ours, Grid{PerKWh: 50}, 0)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(byDevice.Notes, ""), "embodied: each device counts as a node")
	without, err := Ask{GPU: "T4", Nodes: 2, Hours: 24 * yearDays}.Estimate(Ours, Grid{PerKWh: 50}, 0)
	require.NoError(t, err)
	assert.Equal(t, without.Grams, e.Grams, "never in the operational emissions")
}

// What is said of an input is what was given: whole, without an exponent, with its source,
// and nothing that the method does not have.
func TestInputs(t *testing.T) {
	for name, tt := range map[string]struct {
		ask    Ask
		method Method
		want   []Input
		lacks  string
	}{
		"many cores": {ask: Ask{CPU: "EPYC 7763", Cores: 20001, Hours: 1}, method: Ours,
			want: []Input{{"cpu", "EPYC 7763, 20001 cores", "table of CPUs"}}},
		"many cores, published": {ask: Ask{CPU: "EPYC 7763", Cores: 20001, Hours: 1}, method: GreenAlgorithms,
			want: []Input{{"cpu", "EPYC 7763, 20001 cores of 4.375 W", "table of CPUs"}}},
		"kilograms": {ask: Ask{GPU: "T4", Hours: 1, EmbodiedKg: 123456.7, Lifetime: "4y"}, method: Ours,
			want: []Input{{"embodied", "123456.7 kg a node over 4y", given}}},
		"GPUs beside an instance": {ask: Ask{Instance: "aws:trn1.2xlarge", GPU: "T4", Count: 3, Hours: 1}, method: Ours,
			want: []Input{{"count", "3", given}}},
		"GPUs of an instance": {ask: Ask{Instance: "aws:p4d.24xlarge", Hours: 1}, method: Ours,
			want: []Input{{"count", "8", instanceTable}}},
		"no usage": {ask: Ask{GPU: "T4", Hours: 1}, method: MLCO2, want: []Input{{"hours", "1", given}}, lacks: "usage"},
	} {
		e, err := tt.ask.Estimate(tt.method, Grid{PerKWh: 474.58}, 0)
		require.NoError(t, err, name)
		assert.Subset(t, e.Inputs, append(tt.want, Input{"intensity", "474.58 g/kWh", ""}), name)
		for _, in := range e.Inputs {
			assert.NotEqual(t, tt.lacks, in.Name, name)
		}
	}
	scaled := Scaled(Exactly(1), Grid{PerKWh: 474.58, Source: "x"}, 0)
	assert.Contains(t, scaled.Inputs, Input{"intensity", "474.58 g/kWh", "x"})
	assert.Equal(t, []string{"0.1235", "4.375", "12350", "700"}, []string{number(0.12346), number(4.375), number(12346), number(700)})
}

// Whose figures stand in for a CPU is said by each method that uses them.
func TestStandIn(t *testing.T) {
	for _, method := range []Method{Ours, GreenAlgorithms} {
		e, err := Ask{CPU: "EPYC 9R14", Cores: 2, Hours: 1}.Estimate(method, Grid{PerKWh: 1}, 0)
		require.NoError(t, err)
		assert.Contains(t, strings.Join(e.Notes, "; "), "no published TDP for the EPYC 9R14", method)
	}
}

// More cores than a CPU has are several CPUs, which is said.
func TestMoreCores(t *testing.T) {
	for _, method := range []Method{Ours, GreenAlgorithms} {
		e, err := Ask{CPU: "EPYC 7763", Cores: 200, Hours: 1}.Estimate(method, Grid{PerKWh: 1}, 0)
		require.NoError(t, err)
		assert.Contains(t, e.Notes, "EPYC 7763 has 64 cores: 200 count as 3.125 of it in a node", method)
		e, err = Ask{CPU: "EPYC 7763", Cores: 64, Hours: 1}.Estimate(method, Grid{PerKWh: 1}, 0)
		require.NoError(t, err)
		assert.NotContains(t, strings.Join(e.Notes, ""), "has 64 cores", method)
	}
}

// Years and single runs are not added up without a word.
func TestSumOfRates(t *testing.T) {
	of := func(repeat string) Estimate {
		e, err := Ask{GPU: "T4", Hours: 1, Repeat: repeat}.Estimate(Ours, Grid{PerKWh: 1}, 0)
		require.NoError(t, err)
		return e
	}
	assert.Equal(t, []string{ofYear}, Sum([]Estimate{of("12/year"), of("1/week")}).Notes)
	assert.Empty(t, Sum([]Estimate{of("12"), of("")}).Notes)
	mixed := Sum([]Estimate{of("12/year"), of("3")})
	require.Len(t, mixed.Notes, 1)
	assert.Contains(t, mixed.Notes[0], "counts for a year")
	assert.False(t, mixed.Yearly)
}

// No speed-up makes energy vanish.
func TestSpeedupRefused(t *testing.T) {
	for _, x := range []float64{math.Inf(1), math.NaN(), -1, 1e7} {
		_, _, _, err := Recorded{KWh: Exactly(1), GPUs: 1, Hours: 1}.Scale(Bigger{GPUs: 2, Speedup: x})
		assert.ErrorContains(t, err, "speed-up", x)
	}
}

func TestRefused(t *testing.T) {
	half, two, minus, w := 0.5, 2.0, -1.0, 300.0
	for want, a := range map[string]Ask{
		"watts and a device's name":   {GPU: "T4", Watts: &w, Hours: 1},
		"no time":                     {GPU: "T4"},
		"hours and device-hours":      {GPU: "T4", Hours: 1, DeviceHours: 1},
		"no device":                   {Hours: 1},
		"usage: must be from 0 to 1":  {GPU: "T4", Hours: 1, Usage: &two},
		"hours: must be from 0":       {GPU: "T4", Hours: minus},
		"watts: must be from 0":       {Watts: &minus, Hours: 1},
		"memory: invalid amount":      {Memory: "64", Hours: 1},
		"repeat: invalid":             {GPU: "T4", Hours: 1, Repeat: "12/moon"},
		"lifetime: invalid time":      {GPU: "T4", Hours: 1, EmbodiedKg: 1, Lifetime: "4"},
		"embodied-kg and lifetime":    {GPU: "T4", Hours: 1, EmbodiedKg: 1},
		"device-hours have the":       {GPU: "T4", DeviceHours: 1, Count: 2},
		"device-hours are those of G": {CPU: "EPYC 7763", DeviceHours: 1},
	} {
		_, err := a.Estimate(Ours, Grid{PerKWh: 1}, 0)
		assert.ErrorContains(t, err, want)
	}
	for want, a := range map[string]Ask{
		"leave usage out":    {GPU: "T4", Hours: 1, Usage: &half},
		"no memory":          {GPU: "T4", Hours: 1, Memory: "1GB"},
		`unknown GPU "T4000`: {GPU: "T4000 x", Hours: 1},
	} {
		_, err := a.Estimate(MLCO2, Grid{PerKWh: 1}, 0)
		assert.ErrorContains(t, err, want)
	}
	_, err := Ask{GPU: "T4", Hours: 1}.Estimate("guess", Grid{}, 0)
	assert.ErrorContains(t, err, "unknown method")
}

// A CPU that is named by half is answered with the names that have its number.
func TestNearCPUs(t *testing.T) {
	assert.Contains(t, nearCPUs("xeon 6248"), "xeon gold 6248")
	assert.Contains(t, nearCPUs("6248"), "xeon gold 6248")
	assert.Equal(t, "xeon platinum 8480+", nearCPUs("Xeon Platinum 8480")[0])
	assert.Equal(t, []string{"xeon e5 2683 v4"}, nearCPUs("Xeon E5-2683v4"))
	assert.Empty(t, nearCPUs("x"))
	assert.Empty(t, nearCPUs("epyc"))
}

// Each row of the table is found by its own name, and is a plausible board.
func TestTableOfGPUs(t *testing.T) {
	n := 0
	for _, name := range strings.Split(strings.TrimSpace(gpus), "\n")[1:] {
		name, _, _ = strings.Cut(name, ",")
		n++
		g, _, ok := FindGPU(name)
		require.True(t, ok, name)
		assert.Equal(t, name, g.Name)
		assert.True(t, g.Watts >= 5 && g.Watts <= 2000, name)
		assert.NotEmpty(t, g.Source)
	}
	assert.Greater(t, n, 100)
}

func TestHundredths(t *testing.T) {
	for x, want := range map[float64]float64{0.615: 0.61, 0.105: 0.1, 0.125: 0.13, 0.375: 0.38, 0.005: 0.01, 1.005: 1, 0: 0, 200880: 200880, 0.875: 0.88} {
		assert.Equal(t, want, hundredths(x), "%v", x)
	}
}

func FuzzAsk(f *testing.F) {
	f.Add("V100", "Xeon Gold 6248", "64GB", "12/year", "4y", 10.0, 0.5)
	f.Add("", "", "", "", "", 0.0, 0.0)
	f.Fuzz(func(t *testing.T, gpu, cpu, memory, repeat, life string, hours, usage float64) {
		for _, m := range Methods() {
			e, err := Ask{GPU: gpu, CPU: cpu, Memory: memory, Repeat: repeat, Lifetime: life, Hours: hours, Usage: &usage, Cores: 2}.Estimate(m, Grid{PerKWh: 100}, 1.5)
			if err != nil {
				continue
			}
			assert.True(t, e.Energy.Low >= 0 && e.Energy.Low <= e.Energy.Expected && e.Energy.Expected <= e.Energy.High, "%+v", e)
		}
	})
}
