package estimate

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Brand strings as CPUs and hypervisors give them, and the TDP they must lead
// to; 0: no model in it, so that family and model must do.
func TestBrands(t *testing.T) {
	for brand, watts := range map[string]float64{
		"Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz":     210,
		"Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz":     240,
		"Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz":      300,
		"Intel(R) Xeon(R) Platinum 8480+":                    350,
		"INTEL(R) XEON(R) PLATINUM 8592+":                    350,
		"INTEL(R) XEON(R) GOLD 6548Y+":                       250,
		"Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz":           205,
		"Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz":          145,
		"Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz":          85,
		"Intel(R) Xeon(R) CPU E3-1240 V2 @ 3.40GHz":          69,
		"Intel(R) Xeon(R) CPU           X5670  @ 2.93GHz":    95,
		"Intel(R) Xeon(R) W-2295 CPU @ 3.00GHz":              165,
		"Intel(R) Xeon(R) E-2288G CPU @ 3.70GHz":             95,
		"Intel(R) Xeon(R) 6980P":                             500,
		"12th Gen Intel(R) Core(TM) i7-12700":                65,
		"Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz":           95,
		"Intel(R) Core(TM) i7 CPU         920  @ 2.67GHz":    130,
		"Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz":    65,
		"Intel(R) Core(TM) Ultra 7 155H":                     28,
		"Intel(R) Atom(TM) CPU  C2750  @ 2.40GHz":            20,
		"Intel(R) Pentium(R) Gold G5400 CPU @ 3.70GHz":       58,
		"AMD EPYC 7763 64-Core Processor":                    280,
		"AMD EPYC 9654 96-Core Processor                   ": 360,
		"AMD EPYC 8024P 8-Core Processor":                    90,
		"AMD EPYC 7B12":                                      240,
		"AMD Ryzen 9 5950X 16-Core Processor":                105,
		"AMD Ryzen 9 7950X3D 16-Core Processor":              120,
		"AMD Ryzen 7 1800X Eight-Core Processor":             95,
		"AMD Ryzen 7 PRO 4750U with Radeon Graphics":         15,
		"AMD Ryzen Threadripper 3990X 64-Core Processor":     280,
		"AMD Ryzen Threadripper PRO 3995WX 64-Cores":         280,
		"AMD Opteron(tm) Processor 6378":                     115,
		"AMD FX(tm)-8350 Eight-Core Processor":               125,
		"AMD A10-7850K Radeon R7, 12 Compute Cores 4C+8G":    95,
		"Intel(R) Xeon(R) CPU E5-2670 0 @ 2.60GHz":           115,

		"Intel(R) Xeon(R) CPU @ 2.20GHz":                 0,
		"Intel(R) Xeon(R) Processor @ 2.90GHz":           0,
		"Intel Xeon Processor (Cascadelake)":             0,
		"Intel Xeon Processor (Skylake, IBRS)":           0,
		"Intel Core Processor (Haswell, no TSX)":         0,
		"AMD EPYC":                                       0,
		"AMD EPYC-Milan Processor":                       0,
		"AMD EPYC Processor (with IBPB)":                 0,
		"QEMU Virtual CPU version 2.5+":                  0,
		"Common KVM processor":                           0,
		"Intel(R) Xeon(R) Platinum 9999Z CPU @ 2.50GHz":  0,
		"AMD Eng Sample: 100-000000897-03_35/20_N":       0,
		"Genuine Intel(R) CPU 0000%@":                    0,
		"":                                               0,
		"VirtualApple @ 2.50GHz":                         0,
		"Intel(R) Xeon(R) Platinum Processor 2.5GHz, 8C": 0,
	} {
		s, ok := lookup(cpus, key(brand))
		assert.Equal(t, watts, s.tdp, "%q is %q", brand, key(brand))
		assert.Equal(t, watts > 0, ok, brand)
	}
}

func TestPlain(t *testing.T) {
	for brand, want := range map[string]string{
		"Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz": "Intel Xeon Platinum 8259CL",
		"AMD EPYC 7763 64-Core Processor":                "AMD EPYC 7763",
		"AMD Ryzen 7 PRO 4750U with Radeon Graphics":     "AMD Ryzen 7 PRO 4750U",
		"12th Gen Intel(R) Core(TM) i7-12700":            "12th Gen Intel Core i7-12700",
		"":                                               "",
	} {
		assert.Equal(t, want, plain(brand))
	}
}

func TestClass(t *testing.T) {
	for brand, want := range map[string]class{
		"Intel Xeon Platinum 8275CL": mono, "Intel Xeon Platinum 8380": chiplet, "Intel Xeon Gold 6548Y+": chiplet,
		"Intel Xeon E5-2686 v4": mono, "Intel Xeon E-2288G": client, "Intel Xeon 6980P": chiplet, "Intel Xeon Max 9480": chiplet,
		"Intel Core i9-12900K": client, "AMD Ryzen 9 5950X": client, "AMD Ryzen Threadripper 1950X": chiplet,
		"AMD EPYC 7763": epyc, "AMD Opteron 6378": mono, "Intel Xeon X5670": "", "": "", "xeon": "",
	} {
		got, ok := classOf(key(brand))
		assert.Equal(t, want, got, brand)
		assert.Equal(t, want != "", ok, brand)
	}
}

func FuzzBrand(f *testing.F) {
	f.Add("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz")
	f.Add("AMD Ryzen Threadripper PRO 3995WX 64-Cores")
	f.Add("xeon platinum ")
	f.Add("epyc 8")
	f.Fuzz(func(t *testing.T, brand string) {
		k := key(brand)
		if s, ok := lookup(cpus, k); ok && s.tdp <= 0 {
			t.Fatalf("%q: %+v", brand, s)
		}
		classOf(k)
		siena(brand)
		plain(brand)
	})
}
