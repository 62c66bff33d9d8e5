package nvml

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// What is published of GPU models, for what a driver does not tell.

// boardPower is the highest board power of a model's variants, in watts, by the
// words of its name that tell it from others. Single facts of NVIDIA's data
// sheets, as collected in mlco2/impact (MIT), quattor (Apache-2.0),
// branes-ai/embodied-schemas (MIT), Green Algorithms and vendors' pages, read in
// 2026. Jetsons: the highest power mode.
var boardPower = map[string]int{
	"A10": 150, "A10G": 150, "A100": 400, "A100 PCIE": 300, "A100 80GB PCIe": 300, "A100 40GB PCIe": 250, "A800": 400, "B100": 700, "B200": 1200, "GB200": 1200,
	"H100": 700, "H100 PCIe": 350, "H100 NVL": 400, "H200 NVL": 600, "H800": 700, "H200": 700, "GH200": 1000, "L4": 72, "L40": 300, "L40S": 350, "T4": 70,
	"V100": 350, "V100 PCIE": 250, "V100S": 250, "P4": 75, "P6": 90, "P40": 250, "P100": 300, "M4": 50, "M6": 100,
	"M10": 225, "M40": 250, "M60": 300, "K8": 100, "K40c": 245, "K40m": 235, "K80": 300, "K520": 229,

	"GTX 1070 Ti": 180, "GTX 1080": 180, "GTX 1080 Ti": 250, "GTX 1660": 120, "GTX 1660 Ti": 120, "GTX TITAN X": 250,
	"RTX 2060": 160, "RTX 2060 SUPER": 175, "RTX 2070": 185, "RTX 2070 SUPER": 215, "RTX 2080": 215,
	"RTX 2080 SUPER": 250, "RTX 2080 Ti": 250, "RTX 3050": 130, "RTX 3060": 170, "RTX 3060 Ti": 200,
	"RTX 3070": 220, "RTX 3070 Ti": 290, "RTX 3080": 350, "RTX 3080 Ti": 350, "RTX 3090": 350, "RTX 3090 Ti": 450,
	"RTX 4060": 115, "RTX 4060 Ti": 160, "RTX 4070": 200, "RTX 4070 SUPER": 220, "RTX 4070 Ti": 285,
	"RTX 4080": 320, "RTX 4090": 450, "RTX 5090": 575,
	"TITAN V": 250, "TITAN X": 250, "TITAN Xp": 250, "TITAN RTX": 280,

	"GP100": 235, "K420": 41, "K620": 41, "K1200": 45, "K2200": 68, "K4200": 108, "K5200": 150, "K6000": 225,
	"M2000": 75, "M3000": 75, "M4000": 120, "M5000": 150, "M6000": 250, "P400": 30, "P500": 30, "P600": 40,
	"P1000": 47, "P2000": 75, "P4000": 105, "P5000": 180, "P6000": 250,
	"Quadro RTX 4000": 160, "Quadro RTX 5000": 230, "Quadro RTX 8000": 260,
	"RTX 2000 Ada": 70, "RTX 4000 Ada": 130, "RTX 4500 Ada": 210, "RTX 5000 Ada": 250, "RTX 6000 Ada": 300,
	"RTX A4000": 140, "RTX A4500": 200, "RTX A5000": 230, "RTX A6000": 300,

	"Jetson AGX Orin": 60, "Jetson Orin NX": 25, "Jetson Orin Nano": 15, "Jetson AGX Thor": 130, "Jetson AGX Xavier": 30, "Jetson TX2": 15,
}

// boardMargin is how much higher the makers of GeForce and TITAN cards let their
// limit be set: a third, 450 W to 600 W for an RTX 4090.
const boardMargin = 4. / 3

// modelLimit is the highest power limit that a model is known to have, 0 if it is
// not in the table.
func modelLimit(name string) energy.Power {
	watts, _ := ofModel(boardPower, name)
	if strings.Contains(name, "GeForce") || strings.Contains(name, "TITAN") {
		return energy.Watts(float64(watts) * boardMargin)
	}
	return energy.Watts(float64(watts))
}

// ofModel finds the row of a table whose words stand in a GPU's name: of several
// the one with most, and then the longest.
func ofModel[T any](table map[string]T, name string) (found T, ok bool) {
	words := " " + strings.Join(strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" -_()", r) }), " ") + " "
	best := ""
	rank := func(model string) int { return 100*len(strings.Fields(model)) + len(model) }
	for model, row := range table {
		if strings.Contains(words, " "+model+" ") && rank(model) > rank(best) {
			best, found, ok = model, row, true
		}
	}
	return found, ok
}

// A sensor is what is published of how a model measures its power.
type sensor struct {
	update  int     // ms between two values
	draw    int     // ms that power.draw (nvmlDeviceGetPowerUsage) is a mean of, with the slowest driver
	instant int     // ms that power.draw.instant (field 186) is
	off     float64 // % that it reads high (below 0: low) against an external meter, 0 if not known
}

// sensors are medians over the cards and drivers 515 to 535 that were measured for
// "Part-time Power Measurements: nvidia-smi's Lack of Attention" (SC24,
// arXiv 2312.02741), from its raw results (GPU_Power_Benchmark, Overall_Results.xlsx
// of 4b5c944, MIT licence). Windows of 25 of each 100 ms are what is looked at: the rest
// is not seen.
var sensors = map[string]sensor{
	"A10": {100, 1000, 113, 0}, "A100": {104, 25, 25, -5.5}, "A800": {104, 25, 25, 0}, "H100": {100, 1000, 25, 0},
	"RTX A5000": {100, 1000, 80, -4.9}, "RTX A6000": {100, 1000, 113, 0},
	"RTX 3070 Ti": {100, 1000, 101, -2.3}, "RTX 3090": {100, 1000, 100, -4.0}, "RTX 4090": {100, 1000, 113, -4.3},
	"GTX 1650 Ti": {102, 100, 100, 0}, "RTX 2060 SUPER": {101, 107, 107, 10.9}, "RTX 2080 Ti": {101, 102, 102, -6.2},
	"TITAN RTX": {101, 101, 101, 0}, "Quadro RTX 8000": {100, 100, 100, 0},
	"V100": {20, 11, 11, 0}, "P100": {21, 11, 11, 0.5}, "GTX 1080": {20, 12, 12, 0.8}, "GTX 1080 Ti": {20, 11, 11, -0.4},
	"GTX TITAN X": {101, 1000, 1000, 1.9}, "M40": {31, 15, 15, -1.6},
	"K40m": {15, 1000, 1000, 3.4}, "K80": {101, 1000, 1000, -8.9}, "K620": {96, 1000, 1000, -41.1},
}

// anySensor is the slowest of all, for a model that was not measured.
var anySensor = sensor{update: 104, draw: 1000, instant: 113}

// sensorOf gives the sensor of a model, and what to know of it.
func sensorOf(name string) (s sensor, facts string) {
	s, ok := ofModel(sensors, name)
	if !ok {
		return anySensor, ""
	}
	if s.off != 0 {
		word := "low"
		if s.off > 0 {
			word = "high"
		}
		facts = fmt.Sprintf("cards of this model read %.1f %% %s against an external meter", math.Abs(s.off), word)
	}
	if s.instant == 25 {
		facts = strings.TrimPrefix(facts+"; its sensor looks during 25 of each 100 ms", "; ")
	}
	if facts != "" {
		facts += " (SC24, arXiv 2312.02741)"
	}
	return s, facts
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }
