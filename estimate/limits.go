package estimate

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// readLimits reads the power limits of the first package that the kernel tells of:
// Linux, drivers/powercap/intel_rapl_common.c. These files may be read where the
// energy may not. Constraints go by their names, as those that a CPU lacks leave no
// gap in the numbers. Where two control types have limits, the lower one acts. They
// are zero where there are none, as on AMD.
func readLimits(root fs.FS) (l limits) {
	const class = "sys/class/powercap"
	zones, err := fs.ReadDir(root, class)
	if err != nil {
		return l
	}
	for _, z := range zones {
		if strings.Count(z.Name(), ":") != 1 { // intel-rapl:0, not intel-rapl nor intel-rapl:0:1
			continue
		}
		dir := path.Join(class, z.Name())
		if name := word(root, path.Join(dir, "name")); name != "package-0" && name != "package-0-die-0" {
			continue
		}
		for _, n := range [...]string{"0", "1"} {
			prefix := path.Join(dir, "constraint_"+n+"_")
			limit, ok := watts(root, prefix+"power_limit_uw")
			switch name := word(root, prefix+"name"); {
			case !ok, limit > 0 && limit < leastLimit:
			case name == "long_term":
				l.long = lower(l.long, limit, l.known)
				l.known = true
				if tdp, ok := watts(root, prefix+"max_power_uw"); ok && tdp >= leastTDP && tdp < noLimit {
					l.tdp = tdp
				}
			case name == "short_term":
				l.short = lower(l.short, limit, l.short > 0)
			}
		}
	}
	return l
}

// lower is the lower of two limits, of which 0 and 1000 W are none.
func lower(a, b float64, both bool) float64 {
	switch {
	case !both, a <= 0:
		return b
	case b <= 0:
		return a
	}
	return min(a, b)
}

func word(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// watts reads a file of microwatts.
func watts(root fs.FS, name string) (float64, bool) {
	n, err := strconv.ParseUint(word(root, name), 10, 64)
	return float64(n) / 1e6, err == nil
}
