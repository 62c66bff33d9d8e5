package plan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindGPU(t *testing.T) {
	for name, want := range map[string]string{
		"A100 SXM 80GB":              "NVIDIA A100 SXM 80GB",
		"Gaudi2":                     "Intel Gaudi 2 OAM",
		"Habana Gaudi3":              "Intel Gaudi 3 OAM (HL-325L)",
		"NVIDIA H20":                 "NVIDIA H20",
		"NVIDIA GH200 480GB":         "NVIDIA GH200 480GB (module)",
		"GB200":                      "NVIDIA GB200 NVL72 (one GPU)",
		"RTX5070Ti":                  "NVIDIA GeForce RTX 5070 Ti",
		"NVIDIA A100-SXM4-80GB":      "NVIDIA A100 SXM 80GB",
		"A100 SXM4 80 GB":            "NVIDIA A100 SXM 80GB",
		"NVIDIA A100 80GB PCIe":      "NVIDIA A100 PCIe 80GB",
		"V100":                       "NVIDIA Tesla V100 SXM2 16GB",
		"Tesla V100-PCIE-16GB":       "NVIDIA Tesla V100 PCIe 16GB",
		"v100-sxm2-32gb":             "NVIDIA Tesla V100 SXM2 32GB",
		"h100":                       "NVIDIA H100 SXM 80GB",
		"NVIDIA H100 80GB HBM3":      "NVIDIA H100 SXM 80GB",
		"NVIDIA GeForce RTX 3090":    "NVIDIA GeForce RTX 3090",
		"rtx 3090 ti":                "NVIDIA GeForce RTX 3090 Ti",
		"3090":                       "NVIDIA GeForce RTX 3090",
		"Tesla T4":                   "NVIDIA T4",
		"TPUv3 Chip":                 "Google TPU v3",
		"MI300X":                     "AMD Instinct MI300X",
		"NVIDIA RTX A6000":           "NVIDIA RTX A6000",
		"A10":                        "NVIDIA A10",
		"NVIDIA L4":                  "NVIDIA L4",
		"Radeon RX 7900 XTX":         "AMD Radeon RX 7900 XTX",
		"NVIDIA GeForce RTX 2080 Ti": "NVIDIA GeForce RTX 2080 Ti",
		"RTX4090":                    "NVIDIA GeForce RTX 4090",
		"rtx3090ti":                  "NVIDIA GeForce RTX 3090 Ti",
		"GTX1080Ti":                  "NVIDIA GeForce GTX 1080 Ti",
		"1080ti":                     "NVIDIA GeForce GTX 1080 Ti",
		"rtx4070super":               "NVIDIA GeForce RTX 4070 SUPER",
		"RX7900XTX":                  "AMD Radeon RX 7900 XTX",
		"RTXA6000":                   "NVIDIA RTX A6000",
		"A100 80G":                   "NVIDIA A100 SXM 80GB",
		"TITAN RTX":                  "NVIDIA TITAN RTX",
	} {
		g, _, ok := FindGPU(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, g.Name, name)
		assert.Positive(t, g.Watts)
	}
	g, _, _ := FindGPU("V100")
	assert.Equal(t, 300.0, g.Watts)
	assert.Contains(t, g.Others, "NVIDIA Tesla V100 PCIe 16GB", "what else it could be is said")
	for name, watts := range map[string]float64{"MI300X": 750, "MI325X": 1000, "P100 PCIe 12GB": 250, "P100 PCIe 16GB": 250} {
		g, _, _ := FindGPU(name)
		assert.Equal(t, watts, g.Watts, name)
	}
	_, near, ok := FindGPU("A100 SXM 90GB")
	assert.False(t, ok)
	assert.Contains(t, near, "NVIDIA A100 SXM 80GB")
	_, _, ok = FindGPU("")
	assert.False(t, ok)
	_, _, ok = FindGPU("NVIDIA GPU")
	assert.False(t, ok)
}

func TestSliceOf(t *testing.T) {
	for name, want := range map[string]GPU{
		"A100 1g.5gb": {Name: "A100", Part: 1. / 7}, "NVIDIA A100-SXM4-80GB MIG 3g.40gb": {Name: "NVIDIA A100-SXM4-80GB", Part: 3. / 7},
		"a100_1g.5gb": {Name: "a100", Part: 1. / 7}, "MIG 7g.80gb": {Part: 1}, "2g.20gb": {Part: 2. / 7}, "H100 MIG 1c.3g.40gb": {Name: "H100", Part: 1. / 7},
		"H100 MIG 1g.10gb+me": {Name: "H100", Part: 1. / 7}, "A30 MIG 2g.12gb": {Name: "A30", Part: 0.5}, "4g.24gb": {Part: 1},
		"RTX PRO 6000 Blackwell MIG 1g.24gb": {Name: "RTX PRO 6000 Blackwell", Part: 0.25}, "A100 80GB": {Name: "A100 80GB", Part: 1}, "": {Part: 1},
		"nvidia_h100_80gb_hbm3_1g.10gb": {Name: "nvidia_h100_80gb_hbm3", Part: 1. / 7},
	} {
		board, part := SliceOf(name)
		assert.Equal(t, want.Name, board, name)
		assert.InDelta(t, want.Part, part, 1e-12, name)
	}
	whole, err := Ask{GPU: "A100 SXM 80GB", Hours: 1}.Estimate(Ours, Grid{}, 0)
	require.NoError(t, err)
	for _, m := range []Method{Ours, MLCO2, GreenAlgorithms} {
		one, err := Ask{GPU: "A100 SXM 80GB", Hours: 7}.Estimate(m, Grid{}, 0)
		require.NoError(t, err)
		part, err := Ask{GPU: "NVIDIA A100-SXM4-80GB MIG 2g.20gb", Hours: 7}.Estimate(m, Grid{}, 0)
		require.NoError(t, err)
		assert.InEpsilon(t, one.Energy.Expected*2/7, part.Energy.Expected, 1e-9, m)
		assert.Contains(t, strings.Join(part.Notes, "\n"), "a MIG slice counts as 0.2857 of its GPU's power")
		if m == Ours {
			assert.Greater(t, part.Energy.High/part.Energy.Expected, one.Energy.High/one.Energy.Expected)
			assert.LessOrEqual(t, part.Energy.High/7, whole.Energy.High)
		}
	}
}

// A laptop's GPU is not the board of its name.
func TestLaptopGPU(t *testing.T) {
	for name, want := range map[string]bool{
		"NVIDIA GeForce RTX 4090 Laptop GPU": true, "RTX 3070 Mobile": true, "GeForce RTX 3080 with Max-Q Design": true, "GeForce MX150": true,
		"GeForce GTX 980M": true, "Quadro M2000M": true, "GeForce GTX 1650 Mobile / Max-Q": true, "RTX A2000 Laptop GPU": true,
		"Tesla K40m": false, "RTX 4090": false, "Tesla M60": false, "Quadro M2000": false, "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition": false, "AMD Instinct MI300X": false,
	} {
		assert.Equal(t, want, laptop(name), name)
		if !want {
			continue
		}
		_, _, ok := FindGPU(name)
		assert.False(t, ok, name)
		e, err := Ask{GPU: name, Hours: 1}.Estimate(Ours, Grid{}, 0)
		require.NoError(t, err)
		assert.Contains(t, e.Notes[0], "whose power the laptop sets: a default of 100 W is used; set --watts", name)
		assert.NotContains(t, e.Notes[0], "nearest", name)
		assert.True(t, e.Energy.Low < 0.035 && e.Energy.High > 0.175, "%v", e.Energy)
	}
}

// What is taken idle is that of the memory, as the meter of GPUs has it.
func TestGPUInUse(t *testing.T) {
	half := 0.5
	for name, w := range map[string]float64{"A100 SXM 80GB": 400 * (0.13 + 0.52/2), "RTX 4090": 450 * (0.22 + 0.43/2)} {
		e, err := Ask{GPU: name, Hours: 1000, Usage: &half}.Estimate(Ours, Grid{}, 0)
		require.NoError(t, err)
		assert.InEpsilon(t, w, e.Energy.Expected, 1e-6, name)
	}
}
