package store

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/runs"
)

// A coder writes a row into few bytes, or reads it from them: one list of fields for
// both, so that they cannot differ. Text that many rows have in common is a number in a
// dictionary. A row that was read is lent until the next one.
type coder struct {
	words *words
	known map[string]uint32 // of words, what was written here: asked without a lock
	list  []string          // to read by
	out   []byte
	in    []byte
	read  bool
	whole bool // its hashes too
	short bool // not its JSON
	// Room for the values of cells that may be empty.
	energies [8]energy.Energy
	numbers  [10]runs.Number
	ints     [3]int
	e, n, i  int
	// Of JSON that is packed.
	buf  []byte
	nums []uint64
}

// newCoder makes one that writes.
func newCoder(w *words) *coder { return &coder{words: w, known: map[string]uint32{}} }

// encode gives the bytes of a row, valid until the next one. PreviousHash is not kept.
func (c *coder) encode(r *runs.Row) []byte {
	c.read, c.out = false, c.out[:0]
	c.row(r)
	return c.out
}

// decode reads a row back; its two hashes only where the whole is asked for.
func (c *coder) decode(b []byte, r *runs.Row, whole bool) {
	c.read, c.in, c.whole = true, b, whole
	c.e, c.n, c.i = 0, 0, 0
	*r = runs.Row{}
	c.row(r)
}

func (c *coder) row(r *runs.Row) {
	c.text(&r.RunID)
	for _, s := range []*string{
		&r.Schema, &r.LedgerID, &r.ParentRunID, &r.CountedBy, &r.Project, &r.Labels, &r.User, &r.Host, &r.JobID,
		(*string)(&r.Status), &r.Zone, &r.Provider, &r.CloudRegion, &r.IntensityKind, &r.IntensityScope,
		&r.IntensitySource, (*string)(&r.Charge), &r.Budget, &r.Warnings, &r.Machine, &r.Revision, &r.ToolVersion, &r.DataVersion,
	} {
		c.word(s)
	}
	for _, p := range []**int{&r.JobRank, &r.ExitCode, &r.IntensityYear} {
		c.maybeInt(p)
	}
	c.stamp(&r.StartedAt)
	c.stamp(&r.EndedAt)
	for _, p := range []*runs.Number{&r.DurationS, &r.PerKWh, &r.Coverage, &r.Emissions} {
		c.number(p)
	}
	for _, p := range []**runs.Number{&r.PUE, &r.MeasuredShare, &r.EmissionsLow, &r.EmissionsHigh, &r.MarketEmissions, &r.Embodied, &r.PredictedEmissions, &r.Water, &r.IntensityLow, &r.IntensityHigh} {
		c.maybeNumber(p)
	}
	for _, p := range []*energy.Energy{&r.MachineEnergy, &r.Energy} {
		v := int64(*p)
		c.int(&v)
		*p = energy.Energy(v)
	}
	for _, p := range []**energy.Energy{&r.ProcessEnergy, &r.EnergyLow, &r.EnergyHigh, &r.CPU, &r.Memory, &r.GPU, &r.Other, &r.PredictedEnergy} {
		c.maybeEnergy(p)
	}
	epochs := int64(r.Epochs)
	c.int(&epochs)
	r.Epochs = int(epochs)
	if c.read && c.short {
		return
	}
	c.packed(&r.Components)
	c.packed(&r.Details)
	c.packed(&r.Work)
	c.text(&r.Cost)
	if !c.read || c.whole {
		c.hash(&r.RunHash)
		c.hash(&r.Hash)
	}
}

// word is text that other rows have too.
func (c *coder) word(s *string) {
	if c.read {
		*s = c.list[c.uint()]
		return
	}
	c.out = binary.AppendUvarint(c.out, uint64(c.numberOf(*s)))
}

// text is text that is each row's own.
func (c *coder) text(s *string) {
	if c.read {
		*s = string(c.take(int(c.uint())))
		return
	}
	c.out = binary.AppendUvarint(c.out, uint64(len(*s)))
	c.out = append(c.out, *s...)
}

const hashLength = 32

// hash is a SHA-256 in hexadecimal digits, or any other text.
func (c *coder) hash(s *string) {
	if c.read {
		switch n := c.uint(); n {
		case 0:
			*s = hex.EncodeToString(c.take(hashLength))
		default:
			*s = string(c.take(int(n - 1)))
		}
		return
	}
	if b, err := hex.DecodeString(*s); err == nil && len(b) == hashLength && hex.EncodeToString(b) == *s {
		c.out = append(append(c.out, 0), b...)
		return
	}
	c.out = binary.AppendUvarint(c.out, uint64(len(*s))+1)
	c.out = append(c.out, *s...)
}

func (c *coder) take(n int) []byte {
	b := c.in[:n]
	c.in = c.in[n:]
	return b
}

func (c *coder) uint() uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		b := c.in[0]
		c.in = c.in[1:]
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

func (c *coder) int(v *int64) {
	if c.read {
		u := c.uint()
		*v = int64(u>>1) ^ -int64(u&1)
		return
	}
	c.out = binary.AppendVarint(c.out, *v)
}

func (c *coder) number(v *runs.Number) {
	if c.read {
		*v = runs.Number(math.Float64frombits(binary.BigEndian.Uint64(c.take(8))))
		return
	}
	c.out = binary.BigEndian.AppendUint64(c.out, math.Float64bits(float64(*v)))
}

// there says whether a value is there.
func (c *coder) there(is bool) bool {
	if c.read {
		return c.take(1)[0] == 1
	}
	b := byte(0)
	if is {
		b = 1
	}
	c.out = append(c.out, b)
	return is
}

func (c *coder) maybeNumber(p **runs.Number) {
	if !c.there(*p != nil) {
		return
	}
	if c.read {
		*p = &c.numbers[c.n]
		c.n++
	}
	c.number(*p)
}

func (c *coder) maybeEnergy(p **energy.Energy) {
	if !c.there(*p != nil) {
		return
	}
	if c.read {
		*p = &c.energies[c.e]
		c.e++
	}
	v := int64(**p)
	c.int(&v)
	**p = energy.Energy(v)
}

func (c *coder) maybeInt(p **int) {
	if !c.there(*p != nil) {
		return
	}
	if c.read {
		*p = &c.ints[c.i]
		c.i++
	}
	v := int64(**p)
	c.int(&v)
	**p = int(v)
}

// stamp is a time to the nanosecond; the zero time is kept as such.
func (c *coder) stamp(t *runs.Stamp) {
	if !c.there(!t.IsZero()) {
		return
	}
	s, ns := t.Unix(), int64(t.Nanosecond())
	c.int(&s)
	c.int(&ns)
	if c.read {
		t.Time = time.Unix(s, ns).UTC()
	}
}

// numberOf gives the number of a word.
func (c *coder) numberOf(s string) uint32 {
	n, ok := c.known[s]
	if !ok {
		n, s = c.words.add(s)
		c.known[s] = n
	}
	return n
}

// words is a dictionary. It only grows: a list that was taken from it stays right.
type words struct {
	mu        sync.Mutex
	list      []string
	at        map[string]uint32
	skeletons int // of those how many are of JSON
}

// add gives the number of a word, and the word as it is kept.
func (w *words) add(s string) (uint32, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.put(s)
}

func (w *words) put(s string) (uint32, string) {
	n, ok := w.at[s]
	if !ok {
		n = uint32(len(w.list))
		s = strings.Clone(s) // a cell would keep its whole line
		w.list = append(w.list, s)
		w.at[s] = n
	}
	return n, w.list[n]
}

// skeleton does the same for JSON without its numbers; ok is false where there are too many,
// or nothing is saved by it.
func (w *words) skeleton(b []byte, numbers int) (n uint32, s string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n, ok = w.at[string(b)]; ok {
		return n, w.list[n], true
	}
	if numbers == 0 || w.skeletons >= maxSkeletons {
		return 0, "", false
	}
	w.skeletons++
	n, s = w.put(string(b))
	return n, s, true
}

func (w *words) snapshot() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.list[:len(w.list):len(w.list)]
}
