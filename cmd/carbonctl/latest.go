package main

import (
	"container/heap"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/runs"
)

// latest keeps the runs that started last, most of them, 0 for all. It holds no
// more than these.
type latest struct {
	most  int
	rows  []runs.Row
	order []place // a heap, the earliest first
	seen  int
}

// A place says where a row stands in latest.rows, and when it started; of two
// that started together the one that came first is earlier.
type place struct {
	start  time.Time
	came   int
	stands int
}

func (p place) compare(o place) int {
	if c := p.start.Compare(o.start); c != 0 {
		return c
	}
	return p.came - o.came
}

// The methods of heap.Interface.

func (l *latest) Len() int           { return len(l.order) }
func (l *latest) Less(i, j int) bool { return l.order[i].compare(l.order[j]) < 0 }
func (l *latest) Swap(i, j int)      { l.order[i], l.order[j] = l.order[j], l.order[i] }
func (l *latest) Push(x any)         { l.order = append(l.order, x.(place)) }
func (l *latest) Pop() any           { panic("nothing is taken out") }

func (l *latest) add(row *runs.Row) {
	p := place{row.StartedAt.Time, l.seen, len(l.rows)}
	l.seen++
	if l.most == 0 || len(l.rows) < l.most {
		l.rows = append(l.rows, *row)
		heap.Push(l, p)
		return
	}
	if p.compare(l.order[0]) < 0 {
		return
	}
	p.stands = l.order[0].stands
	l.rows[p.stands] = *row
	l.order[0] = p
	heap.Fix(l, 0)
}

// list gives the runs in the order of their starts.
func (l *latest) list() []runs.Row {
	list := make([]runs.Row, 0, len(l.rows))
	for _, p := range slices.SortedFunc(slices.Values(l.order), place.compare) {
		list = append(list, l.rows[p.stands])
	}
	return list
}
