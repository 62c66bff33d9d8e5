package rapl

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
)

// ErrNotNumber says that a file holds something else than the whole number that
// the kernel documents for it.
var ErrNotNumber = errors.New("not a number")

// isAMD reports whether the processor is AMD's or of its licensee Hygon. Only
// the beginning of cpuinfo is read: the kernel asks every CPU for the rest.
func isAMD(root fs.FS) bool {
	f, err := root.Open("proc/cpuinfo")
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, 512)
	n, err := io.ReadFull(f, b)
	if err != nil && err != io.ErrUnexpectedEOF {
		return false
	}
	v := vendor(b[:n])
	return v == "AuthenticAMD" || v == "HygonGenuine"
}

// vendor reads the first vendor_id of /proc/cpuinfo.
func vendor(b []byte) string {
	for line := range bytes.Lines(b) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && string(bytes.TrimSpace(name)) == "vendor_id" {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// parse reads the whole number of a sysfs file: digits, with white space
// around them. One that is larger than an energy.Energy holds is none.
func parse(b []byte) (uint64, error) {
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, ErrNotNumber
	}
	var n uint64
	for _, c := range b {
		digit := uint64(c - '0')
		if digit > 9 || n > (math.MaxInt64-digit)/10 {
			return 0, ErrNotNumber
		}
		n = n*10 + digit
	}
	return n, nil
}

func blank(c byte) bool {
	return c == '\n' || c == ' ' || c == '\t' || c == '\r'
}

// domain is what a zone covers: the part of the chip that its counter is wired to.
type domain uint8

// The domains, in the order in which readings are given.
const (
	unknown domain = iota
	pkg
	core
	uncore
	dram
	psys
)

// key is the physical counter behind a zone. Zones with equal keys are several
// ways to read the same one.
type key struct {
	pkg, die int // die is -1 where the package is not split
	domain   domain
}

// keyOf tells what a zone covers from its name and the one of the zone above it.
// Numbers come from names alone: those in the directory names count zones, not
// sockets.
func keyOf(name, parent string) key {
	if k, ok := packageKey(name); ok {
		return k
	}
	if n, ok := strings.CutPrefix(name, "psys"); ok {
		// Kernels that see one psys in each socket call the later ones psys-N.
		if n == "" {
			return key{0, -1, psys}
		}
		if i, ok := index(strings.TrimPrefix(n, "-")); ok && n[0] == '-' {
			return key{i, -1, psys}
		}
		return key{}
	}
	k, ok := packageKey(parent)
	if !ok {
		return key{}
	}
	switch name {
	case "core":
		k.domain = core
	case "uncore":
		k.domain = uncore
	case "dram":
		k.domain = dram
	default:
		return key{}
	}
	return k
}

// packageKey reads "package-N" and "package-N-die-D".
func packageKey(name string) (key, bool) {
	rest, ok := strings.CutPrefix(name, "package-")
	if !ok {
		return key{}, false
	}
	number, die, split := strings.Cut(rest, "-die-")
	k := key{die: -1, domain: pkg}
	if k.pkg, ok = index(number); !ok {
		return key{}, false
	}
	if split {
		if k.die, ok = index(die); !ok {
			return key{}, false
		}
	}
	return k, true
}

// index reads a socket or die number as the kernel prints it.
func index(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil && strconv.FormatUint(n, 10) == s
}

// compare orders keys: by package, then die, then domain; psys after all of
// them, and what we don't know at the end.
func (k key) compare(o key) int {
	return cmp.Or(
		cmp.Compare(k.last(), o.last()),
		cmp.Compare(k.pkg, o.pkg),
		cmp.Compare(k.die, o.die),
		cmp.Compare(k.domain, o.domain),
	)
}

func (k key) last() int {
	switch k.domain {
	case psys:
		return 1
	case unknown:
		return 2
	}
	return 0
}

// whole returns the key of the package that a die is part of, as if it were not
// split.
func (k key) whole() key {
	k.die = -1
	return k
}

// component returns what a reading of this counter is called.
func (k key) component() energy.Component {
	place := strconv.Itoa(k.pkg)
	spoken := "package " + place
	if k.die >= 0 {
		place += "-die-" + strconv.Itoa(k.die)
		spoken += ", die " + strconv.Itoa(k.die)
	}
	c := energy.Component{
		Kind: energy.CPU, Basis: energy.Measured, Source: "rapl",
		BandLow: 1, BandHigh: 1,
	}
	switch k.domain {
	case pkg:
		c.ID, c.Scope, c.Name = "package-"+place, "package", "CPU "+spoken
	case core:
		c.ID, c.Scope, c.Name = "core-"+place, "core", "cores of "+spoken
		c.Within = "package-" + place
	case uncore:
		c.ID, c.Scope, c.Name = "uncore-"+place, "uncore", "graphics of "+spoken
		c.Within = "package-" + place
	case dram:
		c.Kind = energy.Memory
		c.ID, c.Scope, c.Name = "dram-"+place, "dram", "memory of "+spoken
	case psys:
		c.Kind = energy.Platform
		c.ID, c.Scope, c.Name = "psys", "platform", "whole platform (psys)"
		if k.pkg > 0 {
			c.ID, c.Name = "psys-"+place, "platform of "+spoken+" (psys)"
		}
	default:
		return energy.Component{}
	}
	return c
}
