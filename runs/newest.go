package runs

import "slices"

// Newest keeps the rows of the Most runs that started last, or of all for 0. The zero
// value is empty. Unlike a [Listing] it keeps rows whole.
type Newest struct {
	Most int

	rows []Row // in no order, and at times more than wanted
}

// Add takes one row.
func (n *Newest) Add(r *Row) {
	if n.rows = append(n.rows, *r); n.Most > 0 && len(n.rows) >= 2*n.Most+64 {
		n.rows = append([]Row(nil), n.Rows()...) // not to keep the others' strings
	}
}

// Rows gives the rows in the order of their starts; of those that started together the
// one that came first is first. The slice is good until the next Add.
func (n *Newest) Rows() []Row {
	slices.SortStableFunc(n.rows, func(a, b Row) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	if n.Most > 0 && len(n.rows) > n.Most {
		n.rows = n.rows[len(n.rows)-n.Most:]
	}
	return n.rows
}
