package estimate

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
)

// Each scheme names a microarchitecture that there is.
func TestSchemes(t *testing.T) {
	for _, s := range schemes() {
		_, ok := archNamed(s.arch)
		assert.True(t, ok, s.arch)
	}
}

// CPUs that no list of TDPs has, as clouds, hypervisors and Windows call them: the
// microarchitecture that their names tell.
func TestNamesTellTheMicroarchitecture(t *testing.T) {
	for name, arch := range map[string]string{
		"AMD EPYC 7R32":                           "EPYC Rome",
		"AMD EPYC 7B13":                           "EPYC Milan",
		"AMD EPYC 7V73X 64-Core Processor":        "EPYC Milan",
		"AMD EPYC 9B14":                           "EPYC Genoa",
		"AMD EPYC 9V33X 96-Core Processor":        "EPYC Genoa",
		"AMD EPYC 9B45":                           "EPYC Turin",
		"AMD EPYC-Milan Processor":                "EPYC Milan",
		"AMD EPYC-Rome-v2":                        "EPYC Rome",
		"Intel(R) Xeon(R) Platinum 8573C":         "Emerald Rapids",
		"Intel(R) Xeon(R) 6975P-C":                "Granite Rapids-SP/AP",
		"Intel(R) Xeon(R) w5-2465X":               "Sapphire Rapids",
		"Intel(R) Xeon(R) CPU E5-2666 v3":         "Haswell-EP",
		"Intel Xeon Processor (Cascadelake)":      "Cascade Lake-SP",
		"Intel Xeon Processor (Skylake, IBRS)":    "Skylake-SP",
		"Intel Xeon Processor (SapphireRapids)":   "Sapphire Rapids",
		"Intel Xeon E312xx (Sandy Bridge)":        "Sandy Bridge-EP",
		"AWS Graviton2":                           "Neoverse N1 (Ampere Altra / Graviton2)",
		"Graviton 4":                              "Neoverse V2 (Graviton4 / Axion / Grace)",
		"Neoverse-N1":                             "Neoverse N1 (Ampere Altra / Graviton2)",
		"Ampere(R) Altra(R) Processor":            "Neoverse N1 (Ampere Altra / Graviton2)",
		"Google Axion":                            "Neoverse V2 (Graviton4 / Axion / Grace)",
		"Microsoft Azure Cobalt 100":              "Neoverse N2 (Cobalt 100 / Yitian 710)",
		"AmpereOne A192-26X":                      "AmpereOne (AmpereOne)",
		"ARM Cortex-A53":                          "Cortex-A53 (Raspberry Pi 3 / Zero 2 W)",
		"Intel64 Family 6 Model 85 Stepping 7, G": "Cascade Lake-SP",
		"Intel64 Family 6 Model 85 Stepping 4, G": "Skylake-SP",
		"AMD64 Family 25 Model 1 Stepping 1, Aut": "EPYC Milan",
	} {
		m := Describe(Chip{Name: name})
		assert.Equal(t, ByMicroarchitecture, m.How, name)
		assert.Contains(t, m.Name, arch, name)
		assert.GreaterOrEqual(t, m.Band, 2.0, name)
		assert.Contains(t, codes(m), "cpu-generic", name)
		for _, n := range m.Notes {
			assert.NotContains(t, n.Text, "does not give its model", name)
		}
	}
	for _, name := range []string{"", "xyz", "AMD EPYC", "Intel(R) Xeon(R) CPU @ 2.20GHz", "Intel(R) Xeon(R) Platinum 9999Z", "POWER9", "Intel64 Family 99999999999999999999 Model 1 Stepping 1"} {
		assert.Equal(t, Unknown, Describe(Chip{Name: name}).How, name)
	}
}

// What is known of a kind counts although its power is not: its cores, and that they run
// one thread.
func TestUnpublishedPower(t *testing.T) {
	m := Describe(Chip{Name: "AWS Graviton3"})
	assert.Equal(t, Unknown, m.How)
	assert.Equal(t, 64, m.Threads)
	assert.Equal(t, 224.0, m.Max.Watts())
	assert.Equal(t, plainExponent, m.Exponent)
	assert.Contains(t, m.Notes[0].Text, "no published power of Neoverse V1 (Graviton3): a default of 0.5 to 3.5 W a thread")
	assert.Equal(t, 48, Describe(Chip{Name: "AWS Graviton3", Threads: 48}).Threads)
}

// An ARM server's thread is a core, however many it is said to have.
func TestThreadsWithoutCores(t *testing.T) {
	n := Describe(Chip{Name: "AWS Graviton2", Threads: 64})
	assert.Equal(t, plainExponent, n.Exponent)
	assert.Equal(t, 2.0, Describe(Chip{Name: "Xeon Gold 6248", Threads: 20}).Exponent)
	assert.Equal(t, Describe(Chip{Threads: 48}).Max, Describe(Chip{Cores: 24}).Max, "most cores run two threads")
}

func TestBoardsByChip(t *testing.T) {
	for name, full := range map[string]float64{
		"BCM2711":                          6.4,
		"Raspberry Pi CM5 (BCM2712)":       9.2,
		"raspberry pi 5 model b":           12.7,
		"Rockchip RK3588":                  12,
		"Orange Pi CM4 (RK3566 4-core)":    4,
		"Raspberry Pi 3 Model B Plus":      9.2,
		"ODROID-N2":                        9.2,
		"Radxa CM5 (RK3588S2 8-core)":      10,
		"Milk-V Jupiter (SpacemiT 8-core)": 9.2,
	} {
		m := Describe(Chip{Name: name})
		assert.True(t, m.WholeBoard, name)
		assert.Equal(t, full, m.Max.Watts(), name)
	}
	assert.Equal(t, bandUnknown, Describe(Chip{Name: "Raspberry Pi 3"}).Band)
	assert.Equal(t, 6.4, Describe(Chip{Name: "Cortex-A72", Threads: 4}).Max.Watts())
}

// A TDP far from that of the model widens the band; one that is the published limit says
// what the table does.
func TestTDPThatContradicts(t *testing.T) {
	same := Describe(Chip{Name: "Xeon Gold 6248"})
	for _, c := range []struct {
		name      string
		tdp, full float64
		band      float64
	}{
		{"Xeon Gold 6248", 150, same.Max.Watts(), 1.7},
		{"Xeon Gold 6248", 300, 300, 2},
		{"Core i9-13900K", 253, 253, 2},
		{"Ryzen 9 5950X", 142, 142, 1.5},
		{"Ryzen 9 5950X", 65, 142, 2},
		{"Core i7-13700H", 115, 71.9, 2},
	} {
		m := Describe(Chip{Name: c.name, TDP: energy.Watts(c.tdp)})
		assert.InDelta(t, c.full, m.Max.Watts(), 0.5, "%s with %g W", c.name, c.tdp)
		assert.Equal(t, c.band, m.Band, "%s with %g W", c.name, c.tdp)
	}
}

// What a whole machine takes at the wall is more than its CPU does.
func TestServersBelowTheWall(t *testing.T) {
	for name, wall := range map[string]float64{
		"AmpereOne A192-32X": 692, "AmpereOne A192-26X": 570, "Ampere Altra Max M128-30": 440, "Ampere Altra Max M128-28": 296, "Ampere Altra Max M96-28": 295,
	} {
		m := Describe(Chip{Name: name})
		assert.Less(t, m.Max.Watts(), wall, name)
		assert.Greater(t, m.Max.Watts(), wall/3, name)
	}
}
