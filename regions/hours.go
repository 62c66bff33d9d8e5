package regions

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed hours.txt
var hoursText string

// hoursHeader begins the text form of typical hours, its version follows. Lines are as
// in a table:
//
//	s  a source, as in a table
//	h  an area: name, years, number of source, note
//	m  the hours of the area above in a month, UTC, in thousandths of the year's mean
//	u  a zone that these stand for: code, fit, note
//	k  a zone that needs none: code, fuel, its part of the generation in %, year
const hoursHeader = "carbonctl-hours/1\t"

// typical are the typical hours by zone.
type typical struct {
	version string
	sources []Source
	areas   []area
	zones   map[string]service
	steady  map[string]string // by zone: "hydro 94 % of generation in 2022"
}

// An area is a part of a grid with the mean of each hour of the day in each month, as a
// ratio to the year's.
type area struct {
	name, years, note string
	source            int
	months            [][24]float64
	zones             int // that it serves
}

// A service says which area stands for a zone, and how well.
type service struct {
	area      int
	fit, note string
}

var builtinTypical = sync.OnceValue(func() *typical {
	h, err := parseTypical(hoursText)
	if err != nil {
		// The text is part of the program and a test parses it.
		panic("regions: built-in hours: " + err.Error())
	}
	return h
})

func parseTypical(text string) (*typical, error) {
	first, rest, _ := strings.Cut(text, "\n")
	version, ok := strings.CutPrefix(first, hoursHeader)
	if !ok || version == "" {
		return nil, errors.New("line 1: not a table of hours")
	}
	h := &typical{version: version, zones: map[string]service{}, steady: map[string]string{}}
	for n := 2; rest != ""; n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if err := h.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	for i := range h.areas {
		a := &h.areas[i]
		if len(a.months) != 12 {
			return nil, fmt.Errorf("area %s has %d months", a.name, len(a.months))
		}
		if err := a.level(); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *typical) line(line string) error {
	var cells [maxCells]string
	kind, c, err := split(line, &cells)
	if err != nil {
		return err
	}
	switch n := len(c); {
	case kind == "s" && n == 7:
		h.sources = append(h.sources, Source{c[0], c[1], c[2], c[3], c[4], c[5], c[6]})
	case kind == "h" && n == 4:
		i, err := strconv.Atoi(c[2])
		if err != nil || i < 0 || i >= len(h.sources) {
			return fmt.Errorf("no source %q", c[2])
		}
		h.areas = append(h.areas, area{name: c[0], years: c[1], source: i, note: c[3]})
	case kind == "m" && n == 1 && len(h.areas) > 0:
		last := &h.areas[len(h.areas)-1]
		hours, err := readHours(c[0])
		last.months = append(last.months, hours)
		return err
	case kind == "u" && n == 3 && len(h.areas) > 0:
		if _, twice := h.zones[c[0]]; twice {
			return fmt.Errorf("zone %s has hours twice", c[0])
		}
		h.zones[c[0]] = service{len(h.areas) - 1, c[1], c[2]}
		h.areas[len(h.areas)-1].zones++
	case kind == "k" && n == 4:
		h.steady[c[0]] = fmt.Sprintf("%s %s %% of generation in %s", c[1], c[2], c[3])
	default:
		return fmt.Errorf("unexpected line %s", quote(line))
	}
	return nil
}

// maxRatio bounds an hour: no grid is twenty times its mean.
const maxRatio = 20_000

func readHours(cell string) (hours [24]float64, err error) {
	n := 0
	for s := range strings.SplitSeq(cell, " ") {
		v, err := strconv.Atoi(s)
		if err != nil || v < 0 || v > maxRatio || n == len(hours) {
			return hours, fmt.Errorf("bad hours %s", quote(cell))
		}
		hours[n] = float64(v)
		n++
	}
	if n != len(hours) {
		return hours, fmt.Errorf("%d hours", n)
	}
	return hours, nil
}

// level brings the mean over the year to 1. Its months count by their days.
func (a *area) level() error {
	const commonYear = 2025
	var sum, days float64
	for m, hours := range a.months {
		n := float64(time.Date(commonYear, time.Month(m+2), 0, 0, 0, 0, 0, time.UTC).Day())
		days += n
		for _, v := range hours {
			sum += v * n / 24
		}
	}
	if sum <= 0 {
		return fmt.Errorf("area %s: hours of nothing", a.name)
	}
	for m := range a.months {
		for h := range a.months[m] {
			a.months[m][h] /= sum / days
		}
	}
	return nil
}

// Hours are the typical hours of a zone's grid: means of past years by month and hour of
// the day. They know the season, neither weekday nor weather.
type Hours struct {
	Zone string `json:"zone"`
	// Area that they are of, and the Years: "2018-2020".
	Area  string `json:"area"`
	Years string `json:"years"`
	// Fit is how near the area is to the zone: "own", "market" (the same market), "neighbour",
	// "proxy" (another zone of a like mix) or "steady", where one fuel makes nearly all of the
	// electricity whatever the hour: then Ratio is 1 throughout.
	Fit string `json:"fit"`
	// Note is what a reader must know of them, or "".
	Note    string `json:"note,omitempty"`
	Source  string `json:"source"`
	Licence string `json:"licence"`
	// Ratio to the year's mean by month and hour, UTC.
	Ratio [12][24]float64 `json:"ratio"`
}

// Hours gives the typical hours of a zone, whose name is as for [Table.Place]. ok is
// false where there are none. The errors are those of Place.
func (t *Table) Hours(name string) (h Hours, ok bool, err error) {
	e, _, err := t.locate(name)
	if err != nil || t.typical == nil {
		return Hours{}, false, err
	}
	h, ok = t.typical().of(e.Code)
	return h, ok, nil
}

func (p *typical) of(zone string) (h Hours, ok bool) {
	h.Zone = zone
	if s, ok := p.zones[zone]; ok {
		a := &p.areas[s.area]
		h.Area, h.Years, h.Fit, h.Note = a.name, a.years, s.fit, and(s.note, a.note)
		h.Source, h.Licence = p.sources[a.source].Name, p.sources[a.source].Licence
		copy(h.Ratio[:], a.months)
		return h, true
	}
	why, ok := p.steady[zone]
	if !ok {
		return Hours{}, false
	}
	h.Area, h.Fit, h.Note = zone, "steady", why
	for m := range h.Ratio {
		for i := range h.Ratio[m] {
			h.Ratio[m][i] = 1
		}
	}
	return h, true
}

// String describes them: "typical hours 2020-2022 of PJM (the same market)".
func (h Hours) String() string {
	if h.Fit == "steady" {
		return "nearly the same at all hours: " + h.Note
	}
	s := "typical hours " + h.Years
	switch h.Fit {
	case "own":
		s += " of " + h.Area
	case "market":
		s += " of " + h.Area + ", the same market"
	case "neighbour":
		s += " of " + h.Area + ", its neighbour"
	default:
		s += " of " + h.Area + ", as a proxy"
	}
	if h.Note != "" {
		s += " (" + h.Note + ")"
	}
	return s
}
