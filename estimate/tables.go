package estimate

import (
	_ "embed"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/internal/proc"
)

// cpus is the TDP of each CPU model: lines "key,watts,cores,threads" of one
// socket, sorted by key, 0 where not known, and for models with published limits
// also ",form,turbo watts,E cores". It is made from data/cpus.csv and
// data/limits.csv, which say where each row comes from, by
//
//go:generate go test -run TestTables -update .
//go:generate go test -run Accuracy|WellKnown -update .
//go:embed data/cpus.txt
var cpus string

// microarchs is what is known of CPUs by family and model: see
// docs/estimator.md for its columns.
//
//go:embed data/microarch.csv
var microarchs string

// sku is one CPU model. Cores and threads are 0 where not known.
type sku struct {
	tdp            float64 // W
	cores, threads int
	form           string  // desktop, laptop, server …; "" if not known
	turbo          float64 // W: the published limit above the TDP, 0 if none
	ecores         int     // of cores: the small ones
}

// lookup finds a key in a table such as cpus, by halving, with nothing parsed
// before.
func lookup(table, key string) (s sku, ok bool) {
	if key == "" {
		return sku{}, false
	}
	// The first line whose key is not below ours begins at the first position
	// for which the line around it is not below.
	at := sort.Search(len(table), func(i int) bool { return keyAt(table, i) >= key })
	if at == len(table) || keyAt(table, at) != key {
		return sku{}, false
	}
	row, _, _ := strings.Cut(table[lineStart(table, at):], "\n")
	f := strings.Split(row, ",")
	if len(f) != 4 && len(f) != 7 {
		return sku{}, false
	}
	s.tdp, _ = strconv.ParseFloat(f[1], 64)
	s.cores, _ = strconv.Atoi(f[2])
	s.threads, _ = strconv.Atoi(f[3])
	if len(f) == 7 {
		s.form = f[4]
		s.turbo, _ = strconv.ParseFloat(f[5], 64)
		s.ecores, _ = strconv.Atoi(f[6])
	}
	return s, s.tdp > 0
}

func lineStart(table string, i int) int { return strings.LastIndexByte(table[:i], '\n') + 1 }

func keyAt(table string, i int) string {
	row := table[lineStart(table, i):]
	if end := strings.IndexAny(row, ",\n"); end >= 0 {
		row = row[:end]
	}
	return row
}

// microarch is one row of microarchs.
type microarch struct {
	vendor         string
	family, model  int // ARM: implementer and part
	from, to       int // steppings, both included; -1, -1: any
	name           string
	class          class
	memory         string
	sku            string  // the model that stands for all of them
	tdp            float64 // and its watts, 0 if never published
	cores, threads int     // of one socket
	idle, most     float64 // W a thread, as measured; 0 if not
	band           float64 // the smallest factor of the 90 % band
}

// smt reports whether its cores run two threads.
func (m microarch) smt() bool { return m.threads > m.cores }

// find returns the row of a CPU. Only rows of its family and model are parsed.
func find(table string, c proc.CPU) (microarch, bool) {
	prefix := fmt.Sprintf("%s,%d,%d,", c.Vendor, c.Family, c.Model)
	switch {
	case c.Implementer != 0:
		prefix = fmt.Sprintf("ARM,0x%02x,0x%03x,", c.Implementer, c.Part)
	case c.Vendor == "":
		return microarch{}, false
	}
	var found microarch
	ok := false
	for row := range strings.Lines(table) {
		if !strings.HasPrefix(row, prefix) {
			continue
		}
		m, err := parseMicroarch(row)
		if err != nil || m.from >= 0 && (c.Stepping < m.from || c.Stepping > m.to) {
			continue
		}
		// Bergamo and Siena are one model; only a brand EPYC 8xx4 tells Siena.
		if !ok || strings.HasSuffix(m.name, "Siena") && siena(c.Brand) {
			found, ok = m, true
		}
	}
	return found, ok
}

func siena(brand string) bool {
	_, model, ok := strings.Cut(key(brand), "epyc ")
	return ok && len(model) >= 4 && model[0] == '8' && model[3] == '4'
}

// parseMicroarch reads one row of microarchs.
func parseMicroarch(row string) (microarch, error) {
	f := strings.Split(strings.TrimRight(row, "\r\n"), ",")
	if len(f) != 16 {
		return microarch{}, fmt.Errorf("microarchitecture %q: %d columns, not 16", row, len(f))
	}
	var bad error
	whole := func(s string, none int) int {
		if s == "" {
			return none
		}
		n, err := strconv.ParseInt(s, 0, 32)
		if err != nil || n < 0 {
			bad = fmt.Errorf("microarchitecture %q: %q is not a count", row, s)
		}
		return int(n)
	}
	watts := func(s string) float64 {
		if s == "" {
			return 0
		}
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || !(x >= 0 && x < 1e4) {
			bad = fmt.Errorf("microarchitecture %q: %q is not an amount", row, s)
		}
		return x
	}
	m := microarch{
		vendor: f[0], family: whole(f[1], 0), model: whole(f[2], 0), from: whole(f[3], -1), to: whole(f[4], -1),
		name: f[5], class: class(f[6]), memory: f[7], sku: f[8], tdp: watts(f[9]), cores: whole(f[10], 0), threads: whole(f[11], 0),
		idle: watts(f[12]), most: watts(f[13]), band: watts(f[14]),
	}
	if bad == nil && ((m.tdp > 0 || m.most > 0) && (m.threads <= 0 || m.cores <= 0) || m.most < m.idle) {
		bad = fmt.Errorf("microarchitecture %q: no threads, or less at work than idle", row)
	}
	return m, bad
}
