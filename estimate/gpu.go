package estimate

import (
	"regexp"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/energy"
)

// The power of a GPU that shows neither energy nor power, as parts of its power limit.
// Medians of 89 readings of nvidia-smi in public files, read in 2026: what a driver calls
// use is the share of time with a kernel on the GPU, however little of it that needs, so
// that 0.22 to 1 of the limit were seen at full use, 0.14 to 0.78 at a part of it.
const (
	// GPUIdleHBM is a part with stacked memory (HBM) without a kernel.
	GPUIdleHBM = 0.13
	// GPUIdle is any other without a program that holds it, GPUIdleHeld with one.
	GPUIdle, GPUIdleHeld = 0.07, 0.22

	gpuFull = 0.65

	// GPULow and GPUHigh are the band: nine in ten of those readings lie within
	// [GPULow, GPUHigh] × the model, none above the limit.
	GPULow, GPUHigh = 1 / 3.0, 2.0
)

// stacked are the models with HBM.
var stacked = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(A100X?|A800|A30X?|B[123]00|GB[23]00|H20|H[128]00|GH200|G?P100|G?V100S?|TITAN V|MI\d+[AX]?|TPU|GAUDI|MAX 1[15][05]0|RADEON VII|VEGA (56|64))\b`)
})

// GPUIdlePart is the part of its power limit that a model takes without a kernel; held says
// that a program is on it, or may be.
func GPUIdlePart(name string, held bool) float64 {
	switch {
	case stacked().MatchString(strings.ToUpper(name)):
		return GPUIdleHBM
	case held:
		return GPUIdleHeld
	}
	return GPUIdle
}

// GPUPower models a GPU by its power limit, the part of the time that it runs kernels, from 0
// to 1, and the part of the limit that it takes idle, of [GPUIdlePart]. The bounds are those of the band, high at most the limit. A limit of 0
// gives 0: it is not known, and nothing can be said.
func GPUPower(limit energy.Power, use, idle float64) (low, expected, high energy.Power) {
	x := limit.Watts() * (idle + (gpuFull-idle)*clamp(use, 0, 1))
	return energy.Watts(x * GPULow), energy.Watts(x), energy.Watts(min(x*GPUHigh, limit.Watts()))
}
