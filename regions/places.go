package regions

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
)

//go:embed places.txt
var placesText string

// placesHeader begins the text form of places, its version follows. Lines are
// as in a table:
//
//	s  a source, as in a table
//	p  a city: name, zone, latitude, longitude
//	a  all regions of a provider, "" for the whole industry: provider
//	r  a cloud region: provider, name, zone, number of its city or nothing, status
//	f  a figure of the a or r line above: measure, year, value, number of source
//	w  water of a zone's generation: code, year, l/kWh, low, high
const placesHeader = "carbonctl-places/2\t"

// places are what the table knows besides yearly figures of zones.
type places struct {
	version string
	sources []Source
	cities  []city
	clouds  []CloudRegion

	providers map[string][2]int   // first of a provider's clouds, and one past the last
	regions   map[string]int32    // by provider, ":" and name, in lower case
	fleets    map[string][]Figure // by provider, "" for the industry
	water     map[string]string   // by zone, the other cells of its line
}

type city struct {
	name, zone string
	point      Point
}

var builtinPlaces = sync.OnceValue(func() *places {
	p, err := parsePlaces(placesText)
	if err != nil {
		// The text is part of the program and a test parses it.
		panic("regions: built-in places: " + err.Error())
	}
	return p
})

func parsePlaces(text string) (*places, error) {
	first, rest, _ := strings.Cut(text, "\n")
	version, ok := strings.CutPrefix(first, placesHeader)
	if !ok || version == "" {
		return nil, errors.New("line 1: not a table of places")
	}
	p := &places{version: version, fleets: map[string][]Figure{}, providers: map[string][2]int{}, regions: map[string]int32{}, water: map[string]string{}}
	var fleet *string // of the last a line, nil after an r line
	for n := 2; rest != ""; n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if err := p.line(line, &fleet); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return p, nil
}

func (p *places) line(line string, fleet **string) (err error) {
	var cells [maxCells]string
	kind, c, err := split(line, &cells)
	if err != nil {
		return err
	}
	switch n := len(c); {
	case kind == "s" && n == 7:
		p.sources = append(p.sources, Source{c[0], c[1], c[2], c[3], c[4], c[5], c[6]})
	case kind == "p" && n == 4:
		at, err := ParsePoint(c[2] + "," + c[3])
		if err != nil {
			return err
		}
		p.cities = append(p.cities, city{c[0], c[1], at})
	case kind == "a" && n == 1:
		provider := strings.Clone(c[0])
		*fleet = &provider
	case kind == "r" && n == 5:
		*fleet = nil
		return p.cloud(c)
	case kind == "f" && n == 4:
		f, err := p.figure(c)
		switch {
		case err != nil:
			return err
		case *fleet != nil:
			p.fleets[**fleet] = append(p.fleets[**fleet], f)
		case len(p.clouds) > 0:
			last := &p.clouds[len(p.clouds)-1]
			last.figures = append(last.figures, f)
		default:
			return errors.New("figure of nothing")
		}
	case kind == "w" && n == 5:
		if _, err := readWater(strings.Join(c[1:], "\t")); err != nil {
			return err
		}
		p.water[c[0]] = line[len("w\t")+len(c[0])+1:]
	default:
		return fmt.Errorf("unexpected line %s", quote(line))
	}
	return nil
}

func (p *places) cloud(c []string) error {
	r := CloudRegion{Provider: c[0], Region: c[1], Zone: c[2], Announced: c[4] == "announced"}
	if c[3] != "" {
		i, err := strconv.Atoi(c[3])
		if err != nil || i < 0 || i >= len(p.cities) {
			return fmt.Errorf("no city %q", c[3])
		}
		r.City, r.Point = p.cities[i].name, p.cities[i].point
	}
	of, known := p.providers[r.Provider]
	switch {
	case !known:
		of[0] = len(p.clouds)
	case of[1] != len(p.clouds):
		return fmt.Errorf("regions of %s are not together", r.Provider)
	}
	key := strings.ToLower(r.String())
	if _, twice := p.regions[key]; twice {
		return fmt.Errorf("region %s stands twice", r)
	}
	p.regions[key] = int32(len(p.clouds))
	p.clouds = append(p.clouds, r)
	of[1] = len(p.clouds)
	p.providers[r.Provider] = of
	return nil
}

func (p *places) source(cell string) (int, error) {
	i, err := strconv.Atoi(cell)
	if err != nil || i < 0 || i >= len(p.sources) {
		return 0, fmt.Errorf("no source %q", cell)
	}
	return i, nil
}

func (p *places) figure(c []string) (Figure, error) {
	year, err := strconv.Atoi(c[1])
	if err != nil || year < 1900 || year > 2200 {
		return Figure{}, fmt.Errorf("bad year %q", c[1])
	}
	v, err := strconv.ParseFloat(c[2], 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return Figure{}, fmt.Errorf("bad figure %q", c[2])
	}
	i, err := p.source(c[3])
	if err != nil {
		return Figure{}, err
	}
	return Figure{Measure(c[0]), year, v, p.sources[i].Name, p.sources[i].Licence}, nil
}
