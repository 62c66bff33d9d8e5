package footprint

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// MaxMetrics is how many results of one epoch are kept.
const MaxMetrics = 16

const longestMetric = 40

// IsMetric reports whether name and value may be a result of an epoch: letters, digits
// and "_ . / @ % + -", a letter first, at most 40; and a finite number.
func IsMetric(name string, value float64) bool {
	letter := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	if name == "" || len(name) > longestMetric || !letter(name[0]) || math.IsNaN(value) || math.IsInf(value, 0) {
		return false
	}
	for _, c := range []byte(name) {
		if !letter(c) && (c < '0' || c > '9') && !strings.ContainsRune("_./@%+-", rune(c)) {
			return false
		}
	}
	return true
}

// learn adds results to those that are known of an epoch; a later one replaces an earlier.
func (x *stretch) learn(more map[string]float64) {
	if len(more) == 0 || x.mark.Edge != EpochStart {
		return
	}
	all := maps.Clone(x.metrics) // reports have the old one
	for _, name := range slices.Sorted(maps.Keys(more)) {
		if _, known := all[name]; !IsMetric(name, more[name]) || !known && len(all) >= MaxMetrics {
			continue
		}
		if all == nil {
			all = map[string]float64{}
		}
		all[name] = more[name]
	}
	x.metrics = all
}
