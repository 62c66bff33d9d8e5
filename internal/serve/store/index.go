package store

import (
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/runs"
)

// An index keeps rows in some 500 bytes each, of which only the newest State adds to.
type index struct {
	coder coder
	words words
	rows  []string
	from  []uint32 // the file of each, a place in paths
	paths []string

	mu  sync.RWMutex
	ids map[string]int32 // of a run: its row
}

func newIndex() *index {
	x := &index{ids: map[string]int32{}}
	x.words.at = map[string]uint32{}
	x.coder.words = &x.words
	return x
}

// add keeps a row of a run that was not there before; else ok is false, and known the file
// in which it was.
func (x *index) add(r *runs.Row, file uint32) (known uint32, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if at, ok := x.ids[r.RunID]; ok && r.RunID != "" {
		return x.from[at], false
	}
	s := x.coder.encode(r)
	if r.RunID != "" {
		x.ids[idOf(s)] = int32(len(x.rows))
	}
	x.rows, x.from = append(x.rows, s), append(x.from, file)
	return file, true
}

// idOf gives the run ID that an encoded row begins with.
func idOf(s string) string {
	c := coder{in: s, read: true}
	var id string
	c.text(&id)
	return id
}

// Rows are the rows that a State has. It is safe for concurrent use.
type Rows struct {
	index *index
	words words
	rows  []string
	from  []uint32
	paths []string
}

func (x *index) snapshot() Rows {
	return Rows{x, words{list: x.words.list[:len(x.words.list):len(x.words.list)]}, x.rows[:len(x.rows):len(x.rows)], x.from, x.paths}
}

// Len is how many there are.
func (r Rows) Len() int { return len(r.rows) }

// Extends reports whether these rows begin with those of an older state.
func (r Rows) Extends(old Rows) bool { return r.index == old.index && len(old.rows) <= len(r.rows) }

// Each gives the rows from a place on, without their hashes. A row is lent until the
// function returns.
func (r Rows) Each(from int, to func(*runs.Row)) { r.each(from, &coder{words: &r.words}, to) }

// EachShort does the same without Components, Details, Work and Cost, which is faster.
func (r Rows) EachShort(from int, to func(*runs.Row)) {
	r.each(from, &coder{words: &r.words, short: true}, to)
}

func (r Rows) each(from int, c *coder, to func(*runs.Row)) {
	var row runs.Row
	for _, s := range r.rows[from:] {
		c.decode(s, &row, false)
		to(&row)
	}
}

// At gives the whole row at a place, but for PreviousHash, and the file that it is in.
func (r Rows) At(i int) (row runs.Row, path string) {
	(&coder{words: &r.words}).decode(r.rows[i], &row, true)
	return row, r.paths[r.from[i]]
}

// Find gives the place of a run by its ID, or by the beginning of one that only it has; -1 where
// several have it.
func (r Rows) Find(id string) (i int, ok bool) {
	if i, ok = r.exact(id); ok || len(id) < minPrefix {
		return i, ok
	}
	for at, s := range r.rows {
		if strings.HasPrefix(idOf(s), id) {
			if ok {
				return -1, false // two
			}
			i, ok = at, true
		}
	}
	return i, ok
}

func (r Rows) exact(id string) (i int, ok bool) {
	if id == "" || r.index == nil {
		return 0, false
	}
	r.index.mu.RLock()
	defer r.index.mu.RUnlock()
	at, ok := r.index.ids[id]
	return int(at), ok && int(at) < len(r.rows)
}

// minPrefix is the least length of the beginning of an ID that names a run.
const minPrefix = 4
