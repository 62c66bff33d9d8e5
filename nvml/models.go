package nvml

import (
	"strings"

	"github.com/carbonctl/carbonctl/energy"
)

// What is published of GPU models, for what a driver does not tell.

// boardPower is the highest board power of a model's variants, in watts, by the
// words of its name that tell it from others. Single facts of NVIDIA's data
// sheets, as collected in mlco2/impact (MIT), quattor (Apache-2.0),
// branes-ai/embodied-schemas (MIT), Green Algorithms and vendors' pages, read in
// 2026. Jetsons: the highest power mode.
var boardPower = map[string]int{
	"A10": 150, "A10G": 150, "A100": 400, "A800": 400, "B100": 700, "B200": 1200, "GB200": 1200,
	"H100": 700, "H800": 700, "H200": 700, "GH200": 1000, "L4": 72, "L40": 300, "L40S": 350, "T4": 70,
	"V100": 350, "V100S": 250, "P4": 75, "P6": 90, "P40": 250, "P100": 300, "M4": 50, "M6": 100,
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
	watts, words := 0, 0
	known := " " + strings.NewReplacer("-", " ", "_", " ", "(", " ", ")", " ").Replace(name) + " "
	for model, w := range boardPower {
		if n := len(strings.Fields(model)); strings.Contains(known, " "+model+" ") && (n > words || n == words && w > watts) {
			watts, words = w, n
		}
	}
	if strings.Contains(name, "GeForce") || strings.Contains(name, "TITAN") {
		return energy.Watts(float64(watts) * boardMargin)
	}
	return energy.Watts(float64(watts))
}
