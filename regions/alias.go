package regions

import (
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
)

//go:embed names.txt
var namesText string

// namesHeader begins the text form of names, its version follows. Lines are as in a
// table:
//
//	s  a source, as in a table
//	n  other names: what they stand for, then the names. A zone's code, or "aws:eu-west-1"
//
// A name may stand in several lines: it is ambiguous.
const namesHeader = "carbonctl-names/1\t"

// aliases are further names of zones and cloud regions: in other languages, as providers
// show them, keys of services, cities; and the regions of clouds without their provider.
type aliases struct {
	version string
	sources []Source
	targets []string
	// From a region's name in lower case, and from another name as it is folded, to an
	// index of targets or, where it stands for several, to ^index of shared. Regions go
	// first: "eu-frankfurt" is Tencent's, "EU (Frankfurt)" Amazon's.
	regions, names map[string]int32
	shared         [][]int32
}

var builtinAliases = sync.OnceValue(func() *aliases {
	a, err := parseNames(namesText, builtinPlaces().clouds())
	if err != nil {
		// The text is part of the program and a test parses it.
		panic("regions: built-in names: " + err.Error())
	}
	return a
})

func parseNames(text string, clouds iter.Seq[*CloudRegion]) (*aliases, error) {
	first, rest, _ := strings.Cut(text, "\n")
	version, ok := strings.CutPrefix(first, namesHeader)
	if !ok || version == "" {
		return nil, errors.New("line 1: not a table of names")
	}
	a := &aliases{version: version, regions: map[string]int32{}, names: make(map[string]int32, strings.Count(rest, "\t"))}
	for c := range clouds {
		a.targets = append(a.targets, c.String())
		a.add(a.regions, strings.ToLower(c.Region))
	}
	for n := 2; rest != ""; n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if err := a.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return a, nil
}

func (a *aliases) line(line string) error {
	kind, rest, _ := strings.Cut(line, "\t")
	switch kind {
	case "s":
		var cells [maxCells]string
		if _, c, err := split(line, &cells); err != nil || len(c) != 7 {
			return errors.New("bad source")
		}
		c := cells[1:]
		a.sources = append(a.sources, Source{c[0], c[1], c[2], c[3], c[4], c[5], c[6]})
		return nil
	case "n":
		target, names, ok := strings.Cut(rest, "\t")
		if !ok || target == "" {
			return fmt.Errorf("unexpected line %s", quote(line))
		}
		a.targets = append(a.targets, target)
		for name := range strings.SplitSeq(names, "\t") {
			if !a.called(name) {
				return fmt.Errorf("name %s cannot be used", quote(name))
			}
		}
		return nil
	}
	return fmt.Errorf("unexpected line %s", quote(line))
}

// called notes a name of the last target, and reports whether it can be one.
func (a *aliases) called(name string) bool {
	if id := strings.ToLower(name); a.has(id) { // another's region: ambiguous
		a.add(a.regions, id)
		return true
	}
	var room [maxKey]byte
	key := fold(room[:0], name)
	if len(key) > 0 {
		a.add(a.names, string(key))
	}
	return len(key) > 0
}

// has reports whether a provider calls a region so.
func (a *aliases) has(id string) bool {
	_, ok := a.regions[id]
	return ok
}

// add makes a key lead to the last target, besides those it leads to already.
func (a *aliases) add(index map[string]int32, key string) {
	i := int32(len(a.targets) - 1)
	old, taken := index[key]
	switch {
	case !taken:
		index[key] = i
	case old < 0:
		a.shared[^old] = append(a.shared[^old], i)
	case a.targets[old] != a.targets[i]:
		index[key] = ^int32(len(a.shared))
		a.shared = append(a.shared, []int32{old, i})
	}
}

// all gives each name in its folded form with what it leads to.
func (a *aliases) all() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, index := range []map[string]int32{a.regions, a.names} {
			for key, i := range index {
				if i >= 0 && !yield(key, a.targets[i]) {
					return
				}
			}
		}
	}
}

// alias is the zone or the cloud region that a name of another kind stands for, "" for
// none. The error is an *AmbiguousError.
func (t *Table) alias(name string) (string, error) {
	if t.aliases == nil {
		return "", nil
	}
	a := t.aliases()
	i, ok := a.regions[strings.ToLower(strings.TrimSpace(name))]
	if !ok {
		var room [maxKey]byte
		i, ok = a.names[string(fold(room[:0], name))]
	}
	if ok {
		if i >= 0 {
			return a.targets[i], nil
		}
		e := &AmbiguousError{Zone: name}
		for _, j := range a.shared[^i] {
			e.Matches = append(e.Matches, t.targetLabel(a.targets[j]))
		}
		return "", e
	}
	return t.bareZone(name)
}

// bareZone finds a zone in a cloud region by its name alone: "europe-west6-a".
func (t *Table) bareZone(name string) (string, error) {
	e := &AmbiguousError{Zone: name}
	found := ""
	for _, fleet := range t.places().fleets {
		if c := t.cloud(fleet.provider, name); c != nil {
			found = c.String()
			e.Matches = append(e.Matches, c.label())
		}
	}
	if len(e.Matches) > 1 {
		slices.Sort(e.Matches)
		return "", e
	}
	return found, nil
}

// targetLabel is what a name leads to as errors name it.
func (t *Table) targetLabel(target string) string {
	if i, ok := t.codes[strings.ToLower(target)]; ok {
		return t.label(i)
	}
	if c := t.cloudOf(target); c != nil {
		return c.label()
	}
	return target
}
