package screen

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Per is what a software carbon intensity is counted by, its R. The zero Per is none.
type Per struct {
	Unit  string  // "request"
	Units float64 // how many the work does in all, above 0
}

// ParsePer reads "N=UNIT", such as "1000=request".
func ParsePer(s string) (Per, error) {
	n, unit, _ := strings.Cut(s, "=")
	p := Per{Unit: strings.TrimSpace(unit)}
	var err error
	if p.Units, err = strconv.ParseFloat(strings.TrimSpace(n), 64); err != nil || !(p.Units > 0) || math.IsInf(p.Units, 1) || p.Unit == "" {
		return Per{}, fmt.Errorf("%.40q is not of the form N=UNIT, such as 1000=request", s)
	}
	return p, nil
}

// perUnit is the software carbon intensity of an estimate (ISO/IEC 21031:2024): (O + M)
// per R. Without M there is no score, and O per R is a lower bound.
type perUnit struct {
	Unit        string   `json:"unit"`
	Units       float64  `json:"units"`
	Operational float64  `json:"operational_g"` // O / R
	Score       *float64 `json:"sci_g"`         // null where M is not known
}

// perUnit divides by R; nil where none was asked for.
func (e Estimated) perUnit() *perUnit {
	if e.Per == (Per{}) {
		return nil
	}
	p := &perUnit{Unit: e.Per.Unit, Units: e.Per.Units, Operational: e.Sum.Grams.Expected / e.Per.Units}
	for _, job := range e.Jobs {
		if job.Embodied == 0 {
			return p
		}
	}
	p.Score = new((e.Sum.Grams.Expected + e.Sum.Embodied) / e.Per.Units)
	return p
}
