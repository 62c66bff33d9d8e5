package estimate

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/internal/proc"
)

// schemes are the names that makers, clouds and hypervisors give to CPUs of one
// microarchitecture, for models that no list of TDPs has: as key makes them, and the name
// of a row of microarchs. The first that fits counts. Of an EPYC the first and the last
// digit tell the generation, of a Xeon Scalable the second, also where a cloud has letters
// between; QEMU's models are named after the microarchitecture.
var schemes = sync.OnceValue(func() (all []scheme) {
	for _, s := range [...][2]string{
		{`^epyc (7\w\w1|naples)`, "EPYC Naples"},
		{`^epyc (7\w\w2|rome)`, "EPYC Rome"},
		{`^epyc (7\w\w3|milan)`, "EPYC Milan"},
		{`^epyc 97\w4`, "EPYC Bergamo"},
		{`^epyc 8\w\w4`, "EPYC Siena"},
		{`^epyc (9\w\w5|turin)`, "EPYC Turin"},
		{`^epyc (9\w\w\w|genoa)`, "EPYC Genoa"},
		{`^xeon (platinum|gold|silver|bronze) 83\d\d(h|hl)$`, "Cooper Lake-SP"},
		{`^xeon (platinum|gold|silver|bronze) \d1\d\d`, "Skylake-SP"},
		{`^xeon (platinum|gold|silver|bronze) \d2\d\d`, "Cascade Lake-SP"},
		{`^xeon (platinum|gold|silver|bronze) \d3\d\d`, "Ice Lake-SP"},
		{`^xeon (platinum|gold|silver|bronze) \d4\d\d`, "Sapphire Rapids"},
		{`^xeon (platinum|gold|silver|bronze) \d5\d\d`, "Emerald Rapids"},
		{`^xeon w[3579] [23]4\d\d`, "Sapphire Rapids"},
		{`^xeon 6\d\d\dp`, "Granite Rapids-SP/AP"},
		{`^xeon 6\d\d\de`, "Sierra Forest (E-core)"},
		{`^xeon e[57] \d{4}\w* v4`, "Broadwell-EP"},
		{`^xeon e[57] \d{4}\w* v3`, "Haswell-EP"},
		{`^xeon e[57] \d{4}\w* v2`, "Ivy Bridge-EP"},
		{`^xeon e5 \d{4}`, "Sandy Bridge-EP"},
		{`^xeon [xel]55\d\d`, "Nehalem-EP"},
		{`^xeon [xel]56\d\d`, "Westmere-EP"},
		{`^xeon d 15\d\d`, "Broadwell-DE"},
		{`^xeon d 27\d\d`, "Ice Lake-D"},
		{`^xeon .*sandy ?bridge`, "Sandy Bridge-EP"},
		{`^xeon .*ivy ?bridge`, "Ivy Bridge-EP"},
		{`^xeon .*haswell`, "Haswell-EP"},
		{`^xeon .*broadwell`, "Broadwell-EP"},
		{`^xeon .*skylake`, "Skylake-SP"},
		{`^xeon .*cascade ?lake`, "Cascade Lake-SP"},
		{`^xeon .*cooper ?lake`, "Cooper Lake-SP"},
		{`^xeon .*ice ?lake`, "Ice Lake-SP"},
		{`^xeon .*sapphire ?rapids`, "Sapphire Rapids"},
		{`^xeon .*emerald ?rapids`, "Emerald Rapids"},
		{`^xeon .*granite ?rapids`, "Granite Rapids-SP/AP"},
		{`^xeon .*sierra ?forest`, "Sierra Forest (E-core)"},
		{`graviton ?5|cobalt 200|neoverse v3`, "Neoverse V3 (Graviton5 / Cobalt 200)"},
		{`graviton ?4|\baxion\b|^grace\b|neoverse v2`, "Neoverse V2 (Graviton4 / Axion / Grace)"},
		{`graviton ?3|neoverse v1`, "Neoverse V1 (Graviton3)"},
		{`graviton ?2|neoverse n1|^altra\b`, "Neoverse N1 (Ampere Altra / Graviton2)"},
		{`\bgraviton\b|cortex a72`, "Cortex-A72 (Graviton / Pi 4)"},
		{`cobalt( 100)?|yitian|neoverse n2`, "Neoverse N2 (Cobalt 100 / Yitian 710)"},
		{`^ampereone\b`, "AmpereOne (AmpereOne)"},
		{`cortex a76`, "Cortex-A76 (Raspberry Pi 5 / RK3588 big cores)"},
		{`cortex a55`, "Cortex-A55 (RK3566 / little cores of RK3588)"},
		{`cortex a53`, "Cortex-A53 (Raspberry Pi 3 / Zero 2 W)"},
	} {
		all = append(all, scheme{regexp.MustCompile(s[0]), s[1]})
	}
	return all
})

type scheme struct {
	name *regexp.Regexp
	arch string
}

// identifier is what Windows has in place of a name: "Intel64 Family 6 Model 85 Stepping
// 7, GenuineIntel".
var identifier = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(\S+) family (\d+) model (\d+) stepping (\d+)`)
})

// archOf finds the microarchitecture that a name tells.
func archOf(name string) (microarch, bool) {
	if f := identifier().FindStringSubmatch(name); f != nil {
		c := proc.CPU{Vendor: "GenuineIntel"}
		if strings.EqualFold(f[1], "AMD64") || strings.Contains(name, "AuthenticAMD") {
			c.Vendor = "AuthenticAMD"
		}
		c.Family, _ = strconv.Atoi(f[2]) // digits; one too large is none of the table
		c.Model, _ = strconv.Atoi(f[3])
		c.Stepping, _ = strconv.Atoi(f[4])
		return find(microarchs, c)
	}
	k := key(name)
	for _, s := range schemes() {
		if s.name.MatchString(k) {
			return archNamed(s.arch)
		}
	}
	return microarch{}, false
}

// archNamed is the row of microarchs with a name.
func archNamed(name string) (microarch, bool) {
	for row := range strings.Lines(microarchs) {
		if m, err := parseMicroarch(row); err == nil && m.name == name {
			return m, true
		}
	}
	return microarch{}, false
}

// of makes a CPU one of this microarchitecture, if it is any.
func (m microarch) of(c *proc.CPU) {
	switch m.vendor {
	case "":
	case "ARM":
		c.Implementer, c.Part = m.family, m.model
	default:
		c.Vendor, c.Family, c.Model, c.Stepping = m.vendor, m.family, m.model, max(0, m.from)
	}
}
