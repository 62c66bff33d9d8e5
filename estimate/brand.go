package estimate

import (
	"slices"
	"strings"
)

// key brings a CPU's brand string and the names of the TDP table to one form:
// "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz" and "Intel Xeon E5-2686 v4" are
// both "xeon e5 2686 v4". What says only who made it, how many cores it has or
// which graphics sit beside them is left out.
func key(brand string) string {
	s, _, _ := strings.Cut(strings.ToLower(brand), "@")
	s = marks.Replace(s)
	words := strings.Fields(s)
	out := words[:0]
	for i := 0; i < len(words); i++ {
		w := words[i]
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch {
		case w == "with" || w == "w/" || w == "radeon":
			return strings.Join(out, " ")
		case strings.HasSuffix(w, "th") && next == "gen":
			i++
		case (next == "core" || next == "cores") && count(w):
			i++
		case slices.Contains(noise, w), strings.HasSuffix(w, "ghz"), strings.HasSuffix(w, "mhz"):
		default:
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

var marks = strings.NewReplacer("(r)", " ", "(tm)", " ", "®", " ", "™", " ",
	"-", " ", "_", " ", ",", " ", "(", " ", ")", " ")

// noise are the words of brand strings that tell no model from another.
var noise = []string{"intel", "amd", "apple", "ampere", "nvidia", "alibaba", "genuine", "cpu", "processor", "processors", "apu", "soc", "0"}

// count reports whether a word before "core" says how many there are.
func count(w string) bool {
	switch w {
	case "dual", "triple", "quad", "six", "eight", "twelve", "sixteen":
		return true
	}
	return len(w) > 0 && len(w) <= 3 && strings.Trim(w, "0123456789") == ""
}

// plain makes a brand string readable: "Intel Xeon Platinum 8259CL".
func plain(brand string) string {
	s, _, _ := strings.Cut(brand, "@")
	s = strings.NewReplacer("(R)", "", "(TM)", "", "(r)", "", "(tm)", "", "®", "", "™", "").Replace(s)
	words := strings.Fields(s)
	words = slices.DeleteFunc(words, func(w string) bool { return w == "CPU" || w == "Processor" })
	for i, w := range words {
		if i > 0 && (strings.HasSuffix(w, "-Core") || strings.HasSuffix(w, "-Cores") || w == "with" || w == "w/") {
			words = words[:i]
			break
		}
	}
	return strings.Join(words, " ")
}

// class sorts CPUs by how their idle and full power relate to the TDP.
type class string

const (
	mono    class = "mono"    // one die: Intel up to Cascade Lake, ARM
	chiplet class = "chiplet" // several: Threadripper, Intel servers since Cooper and Ice Lake
	epyc    class = "epyc"    // AMD's servers
	client  class = "client"  // desktops, laptops, small servers made of their dies
)

// classOf sorts a model by its key where the microarchitecture does not say, or
// is shared by servers and desktops. ok is false if the name says nothing.
func classOf(key string) (c class, ok bool) {
	first, rest, _ := strings.Cut(key, " ")
	switch first {
	case "core":
		if enthusiast(rest) {
			return mono, true
		}
		return client, true
	case "celeron", "pentium", "atom", "athlon", "phenom", "sempron", "turion", "fx", "a4", "a6", "a8", "a9", "a10", "a12", "e1", "e2", "m1", "m2", "m3", "m4", "m5", "n95", "n97", "n100", "n150", "n200":
		return client, true
	case "ryzen":
		if strings.HasPrefix(rest, "threadripper") {
			return chiplet, true
		}
		return client, true
	case "epyc":
		if len(rest) >= 4 && rest[0] == '4' && rest[1] != ' ' { // 4004 and 4005 are Ryzen dies
			return client, true
		}
		return epyc, true
	case "opteron", "altra":
		return mono, true
	case "xeon":
		return xeon(rest)
	}
	return "", false
}

// enthusiast reports Intel's Core X, made of servers' dies: "i9 10980xe", "i7 5960x".
func enthusiast(rest string) bool {
	_, model, _ := strings.Cut(rest, " ")
	digits, x := strings.CutSuffix(strings.TrimSuffix(model, "e"), "x")
	return x && len(digits) >= 4 && strings.Trim(digits, "0123456789") == ""
}

// xeon sorts Intel's server names: "platinum 8375c", "6980p", "e 2288g".
func xeon(rest string) (class, bool) {
	family, model, _ := strings.Cut(rest, " ")
	switch family {
	case "platinum", "gold", "silver", "bronze":
		// The second digit is the generation; the third (x3xx) is Cooper and Ice Lake.
		if len(model) >= 4 {
			if model[1] >= '3' && model[1] <= '9' {
				return chiplet, true
			}
			return mono, true
		}
	case "max", "w3", "w5", "w7", "w9": // workstations of 2023 on
		return chiplet, true
	case "w":
		return mono, true
	case "e":
		return client, true
	case "e3", "e5", "e7":
		return mono, true
	}
	if len(family) == 5 && family[0] == '6' && (family[4] == 'p' || family[4] == 'e') {
		return chiplet, true // Xeon 6
	}
	return "", false
}
