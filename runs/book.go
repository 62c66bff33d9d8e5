package runs

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
)

// A book keeps what overlaps need of rows, in few bytes each. A row's layout
// (which components it has, measured or modelled) is most often that of the row
// before, so it is kept apart.
type book struct {
	pages      [][]byte
	layouts    []layout
	byName     map[string]uint32 // layouts
	components map[string]int    // by kind and id
	factors    factors
	line, name []byte // of the row at hand
	parts      []part
}

// A layout names the components of a row, in the order of its cell.
type layout []slot

type slot struct {
	component int
	kind      kind
	measured  bool
}

const page = 1 << 20

// What of a row stands in its line, beside the components.
const (
	isProcess = 1 << iota
	isWhole
	isOpen
	isUnknown
	hasMarket
	hasBounds   // they are not the sums of those of the components
	hasMeasured // it is not the sum of the components that are
	hasAgain
)

// put keeps a row and its bucket, and gives where; ok is false where there is no room for more
// than the 4 GiB that it has.
func (b *book) put(r *Row, again float64, bucket uint32) (at uint32, ok bool) {
	b.line = b.line[:0]
	b.write(r, again, bucket)
	if n := len(b.pages); n == 0 || len(b.pages[n-1])+len(b.line) > page {
		if n == math.MaxUint32/page {
			return 0, false
		}
		b.pages = append(b.pages, make([]byte, 0, max(page, len(b.line))))
	}
	n := len(b.pages) - 1
	at = uint32(n)*page + uint32(len(b.pages[n]))
	b.pages[n] = append(b.pages[n], b.line...)
	return at, true
}

func (b *book) write(r *Row, again float64, bucket uint32) {
	low, high, open := r.Bounds()
	flags := byte(0)
	set := func(flag byte, on bool) {
		if on {
			flags |= flag
		}
	}
	parts, lay, ok := b.read(r)
	set(isProcess, r.charged())
	set(isOpen, open)
	set(isUnknown, r.MeasuredShare == nil)
	set(hasMarket, r.MarketEmissions != nil)
	set(isWhole, !ok)
	set(hasAgain, again != 0)
	measured := r.measured()
	if ok {
		l, h, o := sums(parts)
		set(hasBounds, r.charged() || l != low || o != open || !o && h != high)
		set(hasMeasured, r.MeasuredShare != nil && seen(parts) != measured)
	}
	whole := flags&isWhole != 0
	b.line = append(b.line, flags)
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.RunID))
	sum := h.Sum32()
	b.line = binary.BigEndian.AppendUint16(b.line, uint16(sum^sum>>16)) // folded, as FNV is to be
	b.count(uint64(bucket))
	b.writeFactor(r.perJoule())
	if again != 0 {
		b.writeFactor(again)
	}
	if r.MarketEmissions != nil {
		b.number(float64(*r.MarketEmissions))
	}
	if whole || flags&hasBounds != 0 {
		b.amount(r.Energy - low)
		b.amount(high - r.Energy)
	}
	if whole && flags&isUnknown == 0 || flags&hasMeasured != 0 {
		b.amount(measured)
	}
	if whole {
		b.amount(r.Energy)
		for _, e := range []*energy.Energy{r.CPU, r.Memory, r.GPU, r.Other} {
			b.amount(or(e, 0))
		}
		return
	}
	b.count(uint64(lay))
	for _, p := range parts {
		if r.charged() {
			b.count(uint64(p.own))
			continue
		}
		b.count(uint64(p.energy))
		below := p.energy - p.low
		b.amount(below)
		if p.open {
			b.count(0)
		} else { // most bounds are as far above as below
			b.count(zigzag(p.high-p.energy-below) + 1)
		}
		if !p.known {
			b.count(0)
		} else {
			b.count(uint64(p.own) + 1)
		}
	}
}

// perJoule is the grams per microjoule of the row's energy, 0 where it used none.
func (r *Row) perJoule() float64 {
	if r.Energy <= 0 {
		return 0
	}
	return float64(r.Emissions) / float64(r.Energy)
}

func (b *book) writeFactor(f float64) {
	near, off := b.factors.near(f)
	b.count(uint64(near))
	b.count(off)
}

// get gives the row at a place back, but for its time. Its parts are
// behind those that are there.
func (b *book) get(at uint32, parts []part) (entry, []part) {
	from := len(parts)
	in := line(b.pages[at/page][at%page:])
	flags := in.take(1)[0]
	e := entry{process: flags&isProcess != 0, whole: flags&isWhole != 0, unknown: flags&isUnknown != 0, market: math.NaN()}
	e.order = binary.BigEndian.Uint16(in.take(2))
	e.bucket = uint32(in.count())
	e.perJoule = b.readFactor(&in)
	if flags&hasAgain != 0 {
		e.again = b.readFactor(&in)
	}
	if flags&hasMarket != 0 {
		e.market = in.number()
	}
	var below, above energy.Energy
	bounds := e.whole || flags&hasBounds != 0
	if bounds {
		below, above = in.amount(), in.amount()
	}
	if e.whole && !e.unknown || flags&hasMeasured != 0 {
		e.measured = in.amount()
	}
	if e.whole {
		e.energy = in.amount()
		rest := e.energy
		for k := kindCPU; k <= kindNone; k++ {
			p := part{kind: k, energy: rest}
			if k != kindNone {
				p.energy = in.amount()
				rest -= p.energy
			}
			parts = append(parts, p)
		}
	} else {
		parts = b.readParts(&in, e.process, parts)
		for _, p := range parts[from:] {
			if e.process {
				e.energy = e.energy.Plus(p.own)
			} else {
				e.energy = e.energy.Plus(p.energy)
			}
		}
		if flags&hasMeasured == 0 {
			e.measured = seen(parts[from:])
		}
	}
	e.open = flags&isOpen != 0
	e.wasOpen = e.open
	if bounds {
		e.low, e.high = e.energy-below, e.energy+above
	} else {
		e.low, e.high, _ = sums(parts[from:])
		if e.open {
			e.high = e.energy
		}
	}
	e.parts = parts[from:len(parts):len(parts)]
	return e, parts
}

func (b *book) readFactor(in *line) float64 {
	near := in.count()
	return b.factors.at(near, in.count())
}

// readParts reads the components of a row, and puts the two lines together of one
// that was measured for a part of the run and modelled for the rest.
func (b *book) readParts(in *line, process bool, parts []part) []part {
	from := len(parts)
	for _, c := range b.layouts[in.count()] {
		p := part{component: c.component, kind: c.kind}
		if process {
			p.own, p.known = energy.Energy(in.count()), true
			p.energy = p.own
		} else {
			p.energy = energy.Energy(in.count())
			below := in.amount()
			p.low = p.energy - below
			if n := in.count(); n == 0 {
				p.open = true
			} else {
				p.high = p.energy + below + unzigzag(n-1)
			}
			if n := in.count(); n > 0 {
				p.own, p.known = energy.Energy(n-1), true
			}
		}
		if c.measured {
			p.seen = p.energy
		}
		parts = merge(parts, from, p)
	}
	return parts
}

func merge(parts []part, from int, p part) []part {
	for i := from; i < len(parts); i++ {
		if q := &parts[i]; q.component == p.component {
			q.energy, q.seen, q.own = q.energy.Plus(p.energy), q.seen.Plus(p.seen), q.own.Plus(p.own)
			q.low, q.high = q.low.Plus(p.low), q.high.Plus(p.high)
			q.open, q.known = q.open || p.open, q.known && p.known
			return parts
		}
	}
	return append(parts, p)
}

func sums(parts []part) (low, high energy.Energy, open bool) {
	for _, p := range parts {
		low, high, open = low.Plus(p.low), high.Plus(p.high), open || p.open
	}
	return low, high, open
}

func seen(parts []part) (sum energy.Energy) {
	for _, p := range parts {
		sum = sum.Plus(p.seen)
	}
	return sum
}

// read reads the components of a row; ok is false where it has none, or they
// are not all of what it is charged.
func (b *book) read(r *Row) (parts []part, lay uint32, ok bool) {
	if r.Components == "" {
		return nil, 0, false
	}
	b.name, b.parts = b.name[:0], b.parts[:0]
	var sum energy.Energy
	good := true
	add := func(c *Component) {
		p := part{energy: or(c.Energy, 0), low: or(c.Low, 0), open: c.High == nil, high: or(c.High, 0), known: c.Process != nil, own: or(c.Process, 0)}
		good = good && p.energy >= 0 && p.own >= 0
		if r.charged() { // of what has no known user, all is charged
			p.own = or(c.Process, p.energy)
			p.energy, p.low, p.high, p.open = p.own, 0, 0, false
		}
		if c.Basis == energy.Measured {
			p.seen = p.energy
		}
		sum = sum.Plus(p.energy)
		b.parts = append(b.parts, p)
		b.name = append(append(append(append(append(append(b.name, c.Kind...), 0), c.ID...), 0), c.Basis...), 0)
	}
	if !scanComponents(r.Components, add) {
		b.name, b.parts, sum, good = b.name[:0], b.parts[:0], 0, true
		all, err := ParseComponents(r.Components)
		if err != nil {
			return nil, 0, false
		}
		for i := range all {
			add(&all[i])
		}
	}
	if !good || sum != r.Energy {
		return nil, 0, false
	}
	lay, ok = b.byName[string(b.name)]
	if !ok {
		lay = b.learn(r.Components)
	}
	return b.parts, lay, true
}

// learn keeps the layout that b.name names.
func (b *book) learn(cell string) (lay uint32) {
	if b.byName == nil {
		b.byName, b.components = map[string]uint32{}, map[string]int{}
	}
	var l layout
	all, _ := ParseComponents(cell) // it was read before
	for _, c := range all {
		name := string(c.Kind) + "\x00" + c.ID
		n, ok := b.components[name]
		if !ok {
			n = len(b.components) + 1 // 0 is a row as a whole
			b.components[name] = n
		}
		l = append(l, slot{n, kindOf(c.Kind), c.Basis == energy.Measured})
	}
	lay = uint32(len(b.layouts))
	b.layouts = append(b.layouts, l)
	b.byName[strings.Clone(string(b.name))] = lay
	return lay
}

func kindOf(k energy.Kind) kind {
	switch k {
	case energy.CPU:
		return kindCPU
	case energy.Memory:
		return kindMemory
	case energy.GPU:
		return kindGPU
	}
	return kindOther
}
