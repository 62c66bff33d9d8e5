package rapl

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// What the hardware does.
const (
	// tick is how often the hardware brings a counter up to date: about every
	// millisecond, with jitter (Khan et al., "RAPL in Action", ACM ToMPECS 3(2),
	// 2018).
	tick = time.Millisecond
	// steps is 2^32 - 1: counters have 32 bits, and the kernel's
	// max_energy_range_uj is that many units (Linux,
	// drivers/powercap/intel_rapl_common.c, get_max_energy_counter).
	steps = math.MaxUint32
	// usualUnit is the unit of energy where the range file does not tell: 2^-14 J,
	// that of nearly all Intel packages.
	usualUnit = 61 * energy.Microjoule
	// shortestRange is the smallest range known: 2^32 times 2^-16 J, of AMD packages
	// and of the memory of Intel servers.
	shortestRange = 65536 * energy.Joule
	// deadAfter is how long a counter may stand still before it counts as dead, or
	// 10 units at 1 W where that is longer (psys of Sapphire Rapids counts whole
	// joules: Linux, arch/x86/events/rapl.c, RAPL_UNIT_QUIRK_INTEL_SPR).
	deadAfter = 10 * time.Millisecond
	// retryEvery is how long to wait before looking once more for a zone that is
	// lost, at first; later it is a quarter of the time that it has been lost for, up
	// to retryAtLeast.
	retryEvery   = time.Second
	retryAtLeast = 30 * time.Second
)

// A range below or above these is no range of a 32-bit counter: its unit would
// be less than 2.4 µJ, or more than the 1 J of the coarsest one known.
const (
	minRange = 10_000 * energy.Joule
	maxRange = 1 << 32 * energy.Joule
)

// Plausible power. A limit is what the firmware holds on average, so half of it
// is added. One outside of these bounds is a placeholder, not a limit: boards
// write 4095 W for "none", and users set a few watts to save power.
const (
	defaultPower = 1000 * energy.Watt
	minLimit     = 100 * energy.Watt
	maxLimit     = 2000 * energy.Watt
)

// modulus reads at which value a counter starts again, and its unit. The file
// holds the largest value, which is one unit less. 0: not known.
func modulus(root fs.FS, dir string, raw uint64) (energy.Energy, energy.Energy) {
	most, err := number(root, path.Join(dir, "max_energy_range_uj"))
	if err != nil || most < uint64(minRange) || most > uint64(maxRange) || most < raw {
		return 0, usualUnit
	}
	unit := energy.Energy(max(1, math.Round(float64(most)/steps)))
	return energy.Energy(most) + unit, unit
}

// maxPower returns the largest plausible power of a zone.
func maxPower(root fs.FS, dir string) energy.Power {
	var most uint64
	for i := range 4 { // long term, short term, peak, and one to spare
		name := path.Join(dir, "constraint_"+strconv.Itoa(i))
		for _, file := range []string{"_max_power_uw", "_power_limit_uw"} {
			// Many chips answer ENODATA here; then the other one has to do.
			if n, err := number(root, name+file); err == nil && n < uint64(maxLimit) {
				most = max(most, n)
			}
		}
	}
	if most == 0 {
		return defaultPower
	}
	p := energy.Power(most)
	return max(minLimit, p+p/2)
}

func number(root fs.FS, name string) (uint64, error) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, err
	}
	return parse(b)
}
