package estimate

import (
	"math"
	"strings"
)

// Which kind of machine a model is made for, as data/limits.csv says, or by its
// name where that has no row.
const (
	desktop     = "desktop"
	laptop      = "laptop"
	mini        = "mini"
	workstation = "workstation"
	cloud       = "cloud" // made for one provider: its TDP is that of the nearest public model
	apple       = "apple"
)

// The parts of a client CPU's published turbo limit that full load draws, from
// register readings of 2017 to 2025 (testdata/client_load.csv; docs/estimator.md
// shows the error of each model left out of the fit).
const (
	intelPart   = 0.85 // of PL2 (maximum turbo power)
	largestPart = 1.00 // the same of the largest models of a family, which fill it
	zenPart     = 1.00 // of PPT, Zen 2 and later
	firstPart   = 0.90 // of the TDP, Zen and Zen+; also where only a TDP is known
	liftedPart  = 1.22 // of the published limit where the firmware has lifted it: 0.74 to 1.47
	applePart   = 0.8  // of a tool's full scale or a reading at the highest load
	socketPower = 1.35 // PPT per TDP on AM4 and AM5 (AMD, 65 W to 170 W parts)
)

// clientParts are those that are fitted, so that a test can leave a model out.
type clientParts struct{ intel, largest, zen, first, lifted float64 }

func fitted() clientParts {
	return clientParts{intelPart, largestPart, zenPart, firstPart, liftedPart}
}

// A client CPU's package at no load, in W: Intel desktops of 2021 and later in RAPL
// and register readings (7.2 W, and below 10 W); Ryzen with a die for input and
// output above 20 W, and without like Intel (ComputerBase, 2025). The part of a
// laptop's TDP is derived, and weak.
const (
	desktopIdle = 7.0
	chipletIO   = 22.0
	laptopIdle  = 0.08 // of the TDP, at least 1 W
	leastIdle   = 1.0
	smallFull   = 10.0 // Intel N100 and kin at full load, as vendors set them (6 to 25 W)
)

// The factors of a client's 90 % band.
const (
	bandLimits = 1.35 // limits read from the kernel: left-out models spread by 0.11 to 0.15
	bandLocked = 1.5  // limits published, and hardly ever changed: desktops that do not overclock, AMD
	bandApple  = 1.6
	bandLifted = 1.9
	bandIdle   = 1.8 // at no load
)

// usual is what stands for a desktop's or laptop's model that no table has, by its name:
// the medians of data/limits.csv, 2021 to 2025, of the class that the letters at its end
// tell. Intel's of before 2021 have no turbo limit there, as those of the table have none.
func usual(name, form string) sku {
	words := strings.Fields(name)
	model := words[len(words)-1]
	chip := sku{tdp: 65, form: form}
	ryzen := words[0] == "ryzen"
	ends := strings.TrimLeft(model, digits)
	switch {
	case form == mini:
		chip.tdp = 6
	case ryzen && form == laptop:
		chip.tdp, chip.turbo = 28, 54
		switch ends {
		case "u":
			chip.tdp, chip.turbo = 15, 25
		case "h", "hs":
			chip.tdp = 45
		case "hx", "hx3d":
			chip.tdp, chip.turbo = 55, 75
		}
	case ryzen:
		chip.turbo = 88
	case form == laptop:
		chip.tdp, chip.turbo = 28, 64
		switch ends {
		case "u":
			chip.tdp, chip.turbo = 15, 55
		case "v":
			chip.tdp, chip.turbo = 17, 37
		case "h", "hk":
			chip.tdp, chip.turbo = 45, 115
		case "hx":
			chip.tdp, chip.turbo = 55, 157
		}
	case unlocked(name):
		chip.tdp, chip.turbo = 125, 235
	case ends == "t", ends == "te":
		chip.tdp, chip.turbo = 35, 92
	default:
		chip.turbo = 154
	}
	if !ryzen && !recent(words) {
		chip.turbo = 0
	}
	return chip
}

const digits = "0123456789"

// recent reports Intel's names of 2021 and later: "core i5 14400t", "core i7 1365u",
// "core ultra 7 255h", "core 7 150u".
func recent(words []string) bool {
	if words[0] != "core" || len(words) < 3 {
		return false
	}
	model := words[2]
	switch words[1] {
	case "ultra", "3", "5", "7", "9":
		return true
	case "i3", "i5", "i7", "i9":
		return len(model) >= 4 && model[0] == '1' && model[1] >= '1'
	}
	return false
}

// limits are what the kernel says of one package's power, in W; 0: not said. A limit
// of 1000 W or more is none.
type limits struct {
	tdp         float64
	long, short float64
	known       bool // there are constraints
}

const noLimit = 1000

// What a limit can be: one below that of any CPU, or far above what a model of the same
// TDP may draw, is a firmware's way to say none. No published PL2 is above 4.3 times the
// TDP (laptops of 15 W).
const (
	leastLimit = 1.0
	leastTDP   = 3.0
	mostRise   = 4.5
)

// of takes limits that can't be those of a model as none.
func (l limits) of(chip sku) limits {
	if chip.turbo == 0 && chip.tdp > 0 && l.known && l.long > mostRise*chip.tdp {
		l.long = 0
	}
	return l
}

// lifted reports a firmware that holds the package to nothing.
func (l limits) lifted() bool { return l.known && (l.long <= 0 || l.long >= noLimit) }

// enforced returns the long-term limit, +Inf if there is none.
func (l limits) enforced() float64 {
	if !l.known || l.lifted() {
		return math.Inf(1)
	}
	return l.long
}

// clientPower returns the power of one package of a desktop, laptop or kin at no and at
// full load, and the band at full load. l is zero where the kernel does not tell.
func clientPower(name string, chip sku, l limits, part clientParts) (idle, full, band float64) {
	form := formOf(name, chip)
	ryzen := strings.HasPrefix(name, "ryzen") || strings.HasPrefix(name, "epyc")
	tdp := chip.tdp
	switch {
	case form == apple:
		return leastIdle, applePart * max(tdp, chip.turbo), bandApple
	case form == mini:
		full, band = max(smallFull, tdp), bandWide
	case form == laptop && chip.turbo > tdp:
		full, band = math.Sqrt(tdp*chip.turbo), bandWide
	case form == laptop:
		full, band = part.first*tdp, bandWide
	case ryzen && (firstZen(name) || tdp < 65 && chip.turbo == 0):
		full, band = part.first*tdp, bandLocked
	case ryzen && chip.turbo > tdp:
		full, band = part.zen*chip.turbo, bandLocked
	case ryzen:
		full, band = part.zen*socketPower*tdp, bandLocked
	case chip.turbo == 0:
		full, band = part.first*tdp, bandWide
	case unlocked(name):
		// Boards decide: held to the TDP, to PL2, or to nothing.
		full, band = part.turbo(name)*chip.turbo, bandWide
	default:
		full, band = math.Sqrt(tdp*part.intel*chip.turbo), bandLocked
	}
	idle = idleOf(name, form, tdp, ryzen)
	if l.known {
		full, band = limited(name, chip, l, full, part)
	}
	return min(idle, full/2), full, band
}

// limited is the power at full load of a package whose limits are known.
func limited(name string, chip sku, l limits, published float64, part clientParts) (full, band float64) {
	if l.lifted() {
		if chip.turbo > 0 {
			published = chip.turbo
		}
		return part.lifted * published, bandLifted
	}
	short := chip.turbo
	if l.short > 0 && l.short < noLimit && (short == 0 || l.short < short) {
		short = l.short
	}
	if short == 0 {
		short = max(published, l.long)
	}
	return min(part.turbo(name)*short, l.long), bandLimits
}

// turbo is the part of PL2 that full load draws: the largest model of a family
// fills its limit, a smaller one can't.
func (p clientParts) turbo(name string) float64 {
	if unlocked(name) && (strings.HasPrefix(name, "core i9") || strings.HasPrefix(name, "core ultra 9")) {
		return p.largest
	}
	return p.intel
}

// unlocked reports an Intel desktop model that may be overclocked, for which boards
// set their own limits: "core i9 13900k", "core i5 12600kf".
func unlocked(name string) bool {
	return strings.HasSuffix(name, "k") || strings.HasSuffix(name, "kf") || strings.HasSuffix(name, "ks")
}

// firstZen reports the Ryzen models of 2017 to 2019 that stay within their TDP: the
// 1000 and 2000 series, and the graphics models of the 3000 series.
func firstZen(name string) bool {
	words := strings.Fields(name)
	model := words[len(words)-1]
	if len(model) < 4 {
		return false
	}
	return model[0] == '1' || model[0] == '2' || strings.HasPrefix(model, "3") && (strings.HasSuffix(model, "g") || strings.HasSuffix(model, "ge"))
}

func idleOf(name, form string, tdp float64, ryzen bool) float64 {
	switch {
	case form == laptop, form == mini:
		return max(leastIdle, laptopIdle*tdp)
	case ryzen && tdp >= 65 && !monolithic(name):
		return chipletIO
	}
	return min(desktopIdle, idlePart*tdp)
}

// monolithic reports a Ryzen that has graphics and all else on one die, by the G of
// its name or as one of those that are sold with the graphics switched off.
func monolithic(name string) bool {
	return strings.HasSuffix(name, "g") || strings.HasSuffix(name, "ge") ||
		strings.HasSuffix(name, "8400f") || strings.HasSuffix(name, "8700f") || strings.HasSuffix(name, "5500") || firstZen(name)
}

// formOf is the kind of machine of a client model: what the table says, else what its
// name does.
func formOf(name string, chip sku) string {
	last := name[strings.LastIndexByte(name, ' ')+1:]
	switch {
	case chip.form == desktop, chip.form == laptop, chip.form == mini, chip.form == apple:
		return chip.form
	case chip.form != "":
		return desktop // an EPYC or Threadripper on desktop dies
	case mobile(name):
		return laptop
	case strings.HasPrefix(last, "n") && len(last) <= 4, strings.HasPrefix(name, "atom"):
		return mini // N100, Core 3 N355
	}
	return desktop
}

// mobile reports a name of a laptop's model by its ending: U, Y, P, M, H and kin, or
// Intel's G1 to G7.
func mobile(name string) bool {
	words := strings.Fields(name)
	if len(words) == 0 {
		return false
	}
	model := words[len(words)-1]
	if n := len(model); n > 3 && model[n-2] == 'g' && model[n-1] >= '1' && model[n-1] <= '7' {
		return true
	}
	for _, end := range [...]string{"u", "y", "p", "m", "h", "hs", "hx", "hk", "hq", "hx3d", "hf", "mq", "mx", "v"} {
		if digits, ok := strings.CutSuffix(model, end); ok && digits != "" && strings.Trim(digits, "0123456789") == "" {
			return true
		}
	}
	return false
}
