package store

import (
	"bytes"
	"sync"

	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/runs"
)

// An index keeps rows in some 400 bytes each, of which only the newest State adds to. Nothing
// of a row is a pointer: a collection of garbage passes them over.
type index struct {
	words words
	room  room
	rows  []place
	from  []uint32 // the file of each, a place in paths
	paths []string

	mu   sync.RWMutex
	runs map[uuid.UUID]int32 // of a run: its row
	odd  map[string]int32    // of runs whose IDs are no UUIDs
}

func newIndex() *index {
	return &index{runs: map[uuid.UUID]int32{}, odd: map[string]int32{}, words: words{at: map[string]uint32{}}}
}

// add keeps a row that was written with words, of a run that was not there before; else ok is
// false, and known the file in which it was.
func (x *index) add(id string, row []byte, file uint32) (known uint32, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	u, regular := canonical(id)
	at, ok := x.odd[id]
	if regular {
		at, ok = x.runs[u]
	}
	if ok {
		return x.from[at], false
	}
	if n := int32(len(x.rows)); regular {
		x.runs[u] = n
	} else if id != "" {
		x.odd[id] = n
	}
	x.rows, x.from = append(x.rows, x.room.put(row)), append(x.from, file)
	return file, true
}

// canonical reads an ID that is written as UUIDs are.
func canonical(id string) (u uuid.UUID, ok bool) {
	const length = 36
	if len(id) != length {
		return u, false
	}
	u, err := uuid.Parse(id)
	return u, err == nil && u.String() == id
}

// Rows are the rows that a State has. It is safe for concurrent use.
type Rows struct {
	index *index
	words []string
	room  room
	rows  []place
	from  []uint32
	paths []string
}

func (x *index) snapshot() Rows {
	return Rows{x, x.words.snapshot(), x.room.snapshot(), x.rows[:len(x.rows):len(x.rows)], x.from, x.paths}
}

// Len is how many there are.
func (r Rows) Len() int { return len(r.rows) }

// Extends reports whether these rows begin with those of an older state.
func (r Rows) Extends(old Rows) bool { return r.index == old.index && len(old.rows) <= len(r.rows) }

// Each gives the rows from a place on, without their hashes. A row is lent until the
// function returns.
func (r Rows) Each(from int, to func(*runs.Row)) { r.each(from, &coder{list: r.words}, to) }

// EachShort does the same without Components, Details, Work and Cost, which is faster.
func (r Rows) EachShort(from int, to func(*runs.Row)) {
	r.each(from, &coder{list: r.words, short: true}, to)
}

func (r Rows) each(from int, c *coder, to func(*runs.Row)) {
	var row runs.Row
	for _, at := range r.rows[from:] {
		c.decode(r.room.at(at), &row, false)
		to(&row)
	}
}

// At gives the whole row at a place, but for PreviousHash, and the file that it is in.
func (r Rows) At(i int) (row runs.Row, path string) {
	(&coder{list: r.words}).decode(r.room.at(r.rows[i]), &row, true)
	return row, r.paths[r.from[i]]
}

// Find gives the place of a run by its ID, or by the beginning of one that only it has; -1 where
// several have it.
func (r Rows) Find(id string) (i int, ok bool) {
	if i, ok = r.exact(id); ok || len(id) < minPrefix {
		return i, ok
	}
	for at, place := range r.rows {
		c := coder{in: r.room.at(place)}
		if bytes.HasPrefix(c.take(int(c.uint())), []byte(id)) { // a row begins with its ID
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
	at, ok := r.index.odd[id]
	if u, regular := canonical(id); regular {
		at, ok = r.index.runs[u]
	}
	return int(at), ok && int(at) < len(r.rows)
}

// minPrefix is the least length of the beginning of an ID that names a run.
const minPrefix = 4
