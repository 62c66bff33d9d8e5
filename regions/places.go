package regions

import (
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"sync"
)

//go:embed places.txt
var placesText string

// placesHeader begins the text form of places, its version follows. Lines are
// as in a table, in this order:
//
//	s  a source, as in a table
//	p  a city: name, zone, latitude, longitude
//	a  a provider, "" for the whole industry: name
//	f  a figure of all its regions: measure, year, value, number of source
//	r  a region of the provider: name, zone, number of its city or nothing, status
//	f  a figure of the region, as above
//	w  water of a zone's generation: code, year, l/kWh, low, high
const placesHeader = "carbonctl-places/3\t"

// places are what the table knows besides yearly figures of zones. All but sources and
// names of providers is read when first asked for, each provider's regions apart: most
// processes ask for one region.
type places struct {
	version string
	sources []Source
	cities  func() []city
	fleets  []fleet
	water   func() map[string]string // by zone, the other cells of its line
}

type city struct {
	name, zone string
	point      Point
}

// A fleet is a provider's regions; provider is "" for the figures of the whole industry.
type fleet struct {
	provider string
	held     func() *held
}

// held is what a fleet has.
type held struct {
	figures []Figure         // of all its regions
	clouds  []CloudRegion    // in the order of the text
	by      map[string]int32 // by the region's name in lower case
}

var builtinPlaces = sync.OnceValue(func() *places { return tested(skimPlaces(placesText)) })

// tested is a part of a text that is part of the program, and that a test parses.
func tested[T any](part T, err error) T {
	if err != nil {
		panic(untested(err))
	}
	return part
}

// parsePlaces reads a text wholly, and tells what is wrong with it.
func parsePlaces(text string) (*places, error) {
	p, err := skimPlaces(text)
	if err != nil {
		return nil, err
	}
	for _, s := range p.sections(text) {
		if err := s.check(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// A section is lines of one kind, or those of a provider, from a line of the text on.
type section struct {
	kind  string
	lines string
	line  int
}

// sections cuts a text below its sources into its cities, providers and water. Only
// numbers are counted: what is wrong with lines is found when they are read.
func (p *places) sections(text string) (all []section) {
	line, rest := 1, text
	for _, kind := range []string{"p", "a", "w"} {
		for {
			i := strings.Index(rest, "\n"+kind+"\t")
			if i < 0 {
				break
			}
			if n := len(all); n > 0 {
				all[n-1].lines = rest[:i+1]
			}
			line, rest = line+strings.Count(rest[:i+1], "\n"), rest[i+1:]
			all = append(all, section{kind: kind, line: line})
			if kind != "a" {
				break
			}
		}
	}
	if n := len(all); n > 0 {
		all[n-1].lines = rest
	}
	return all
}

// check reads a section for its errors alone.
func (s section) check(p *places) (err error) {
	switch s.kind {
	case "p":
		_, err = s.cities()
	case "a":
		_, err = s.held(p)
	case "w":
		_, err = s.water()
	}
	return err
}

// skimPlaces reads what parsePlaces accepts, as little of it as it can.
func skimPlaces(text string) (*places, error) {
	first, rest, _ := strings.Cut(text, "\n")
	version, ok := strings.CutPrefix(first, placesHeader)
	if !ok || version == "" {
		return nil, errors.New("line 1: not a table of places")
	}
	p := &places{version: version, cities: func() []city { return nil }, water: func() map[string]string { return nil }}
	for n := 2; rest != "" && !strings.HasPrefix(rest, "p\t") && !strings.HasPrefix(rest, "a\t") && !strings.HasPrefix(rest, "w\t"); n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		var cells [maxCells]string
		kind, c, err := split(line, &cells)
		if err != nil || kind != "s" || len(c) != 7 {
			return nil, fmt.Errorf("line %d: unexpected line %s", n, quote(line))
		}
		p.sources = append(p.sources, Source{c[0], c[1], c[2], c[3], c[4], c[5], c[6]})
	}
	for _, s := range p.sections(text) {
		switch s.kind {
		case "p":
			p.cities = sync.OnceValue(func() []city { return tested(s.cities()) })
		case "a":
			name, _, _ := strings.Cut(s.lines[len("a\t"):], "\n")
			if p.fleet(name) != nil {
				return nil, fmt.Errorf("line %d: provider %q stands twice", s.line, name)
			}
			p.fleets = append(p.fleets, fleet{name, sync.OnceValue(func() *held { return tested(s.held(p)) })})
		case "w":
			p.water = sync.OnceValue(func() map[string]string { return tested(s.water()) })
		}
	}
	return p, nil
}

// each gives the lines of a section, cut, until one is wrong.
func (s section) each(read func(kind string, cells []string) error) error {
	for n := s.line; s.lines != ""; n++ {
		var line string
		line, s.lines, _ = strings.Cut(s.lines, "\n")
		var cells [maxCells]string
		kind, c, err := split(line, &cells)
		if err == nil {
			err = read(kind, c)
		}
		if errors.Is(err, errLine) {
			err = fmt.Errorf("%w %s", errLine, quote(line))
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

var errLine = errors.New("unexpected line")

func (s section) cities() ([]city, error) {
	all := make([]city, 0, strings.Count(s.lines, "\n"))
	return all, s.each(func(kind string, c []string) error {
		if kind != "p" || len(c) != 4 {
			return errLine
		}
		at, err := ParsePoint(c[2] + "," + c[3])
		all = append(all, city{c[0], c[1], at})
		return err
	})
}

func (s section) water() (map[string]string, error) {
	all := map[string]string{}
	return all, s.each(func(kind string, c []string) error {
		if kind != "w" || len(c) != 5 {
			return errLine
		}
		all[c[0]] = strings.Join(c[1:], "\t")
		_, err := readWater(all[c[0]])
		return err
	})
}

// held reads the figures and the regions of a provider.
func (s section) held(p *places) (*held, error) {
	n := strings.Count(s.lines, "\nr\t")
	h := &held{clouds: make([]CloudRegion, 0, n), by: make(map[string]int32, n)}
	provider := ""
	return h, s.each(func(kind string, c []string) error {
		switch {
		case kind == "a" && len(c) == 1:
			provider = c[0]
		case kind == "r" && len(c) == 4:
			return h.cloud(p.cities(), provider, c)
		case kind == "f" && len(c) == 4:
			f, err := p.figure(c)
			if n := len(h.clouds); n > 0 {
				h.clouds[n-1].figures = append(h.clouds[n-1].figures, f)
			} else {
				h.figures = append(h.figures, f)
			}
			return err
		default:
			return errLine
		}
		return nil
	})
}

// cloud adds a region.
func (h *held) cloud(cities []city, provider string, c []string) error {
	r := CloudRegion{Provider: provider, Region: c[0], Zone: c[1], Announced: c[3] == "announced"}
	if c[2] != "" {
		i, err := strconv.Atoi(c[2])
		if err != nil || i < 0 || i >= len(cities) {
			return fmt.Errorf("no city %q", c[2])
		}
		r.City, r.Point = cities[i].name, cities[i].point
	}
	key := strings.ToLower(r.Region)
	if _, twice := h.by[key]; twice {
		return fmt.Errorf("region %s stands twice", r)
	}
	h.by[key] = int32(len(h.clouds))
	h.clouds = append(h.clouds, r)
	return nil
}

// fleet is that of a provider, nil if it is not known.
func (p *places) fleet(provider string) *fleet {
	for i := range p.fleets {
		if p.fleets[i].provider == provider {
			return &p.fleets[i]
		}
	}
	return nil
}

// figures are those of all regions of a provider, "" for the industry.
func (p *places) figures(provider string) []Figure {
	if f := p.fleet(provider); f != nil {
		return f.held().figures
	}
	return nil
}

// clouds gives all regions, by provider.
func (p *places) clouds() iter.Seq[*CloudRegion] {
	return func(yield func(*CloudRegion) bool) {
		for _, f := range p.fleets {
			clouds := f.held().clouds
			for i := range clouds {
				if !yield(&clouds[i]) {
					return
				}
			}
		}
	}
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
	i, err := strconv.Atoi(c[3])
	if err != nil || i < 0 || i >= len(p.sources) {
		return Figure{}, fmt.Errorf("no source %q", c[3])
	}
	return Figure{Measure(c[0]), year, v, p.sources[i].Name, p.sources[i].Licence}, nil
}
