package page

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
)

// units are those that the runs have counted, without cached tokens, which take next to
// nothing.
func (b Compare) units() (all []string) {
	for _, r := range b.Runs {
		for _, w := range r.Counted() {
			if w.Unit != footprint.UnitCachedToken && !slices.Contains(all, w.Unit) {
				all = append(all, w.Unit)
			}
		}
	}
	slices.SortFunc(all, footprint.CompareUnits)
	return all
}

// workIn is what a run has counted of a unit, nil for nothing.
func workIn(r footprint.Report, unit string) *footprint.Work {
	for _, w := range r.Counted() {
		if w.Unit == unit {
			return &w
		}
	}
	return nil
}

// article puts "a" or "an" before a word.
func article(word string) string {
	if strings.ContainsRune("aeio", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

// workedCells are what a run has counted, and what each took in joules, as in a total.
func workedCells(r footprint.Report) (counts, joules string) {
	var all, of []string
	for _, w := range r.Counted() {
		all = append(all, w.Unit+":"+strconv.FormatFloat(w.Count, 'f', -1, 64))
		if w.Energy != nil {
			of = append(of, w.Unit+":"+strconv.FormatFloat(*w.Energy, 'g', 6, 64))
		}
	}
	return escape.Cell(strings.Join(all, " ")), escape.Cell(strings.Join(of, " "))
}
