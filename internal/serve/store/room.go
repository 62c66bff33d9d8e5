package store

// A room keeps bytes in pages that never move or change: what was put can be read while more
// is put.
type room struct {
	pages [][]byte
	used  int // of the last page
}

// A place in a room: the page, and where in it.
type place struct{ page, at uint32 }

const pageSize = 1 << 20

func (m *room) put(b []byte) place {
	if n := len(m.pages); n == 0 || m.used+len(b) > len(m.pages[n-1]) {
		m.pages, m.used = append(m.pages, make([]byte, max(pageSize, len(b)))), 0
	}
	n := len(m.pages) - 1
	p := place{uint32(n), uint32(m.used)}
	m.used += copy(m.pages[n][m.used:], b)
	return p
}

// at gives what was put at a place, and what follows.
func (m *room) at(p place) []byte { return m.pages[p.page][p.at:] }

func (m *room) snapshot() room { return room{pages: m.pages[:len(m.pages):len(m.pages)]} }
