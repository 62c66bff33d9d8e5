package runs

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A List is runs to be shown one by one.
type List interface {
	Len() int
	At(i int) Row
}

// Rows are a List of whole rows.
type Rows []Row

// Len is how many there are.
func (r Rows) Len() int { return len(r) }

// At is the row at a place.
func (r Rows) At(i int) Row { return r[i] }

// A Listing keeps what a list of runs shows of the Most that started last, or of all
// for 0: 60 bytes a run. The zero Listing is empty.
type Listing struct {
	Most int

	pages  [][]listed // all but the last one are full
	n      int
	order  []uint32 // the places of runs by their starts, nil where one was added
	kinds  []listedKind
	byKind map[listedKind]uint32
	ids    []string // that are no UUIDs
}

// listed is a run in a Listing. Of two that started together the one that came first
// is first.
type listed struct {
	start    int64 // Unix nanoseconds
	duration Number
	energy   energy.Energy
	grams    Number
	low      float32   // of the grams: seven digits, of which at most three are shown
	high     float32   // NaN: the bounds are not known
	id       uuid.UUID // or a place in Listing.ids
	kind     uint32    // its place in Listing.kinds
}

// listedKind is what many runs have in common.
type listedKind struct {
	project, status, zone, counted, scope string
	text                                  bool // the ID is no UUID
}

const listedPage = 1024

// Add takes one row.
func (l *Listing) Add(r *Row) {
	x := listed{start: unixNano(r.StartedAt), duration: r.DurationS, energy: r.Energy, grams: r.Emissions, high: float32(math.NaN())}
	if r.EmissionsLow != nil && r.EmissionsHigh != nil {
		x.low, x.high = float32(*r.EmissionsLow), float32(*r.EmissionsHigh)
	}
	id, err := uuid.Parse(r.RunID)
	text := err != nil || id.String() != r.RunID
	if x.id = id; text {
		x.id = uuid.UUID{}
		binary.BigEndian.PutUint64(x.id[:], uint64(len(l.ids)))
		l.ids = append(l.ids, strings.Clone(r.RunID))
	}
	x.kind = l.kind(listedKind{r.Project, string(r.Status), r.Zone, r.CountedBy, r.IntensityScope, text})
	l.put(x)
	if l.Most > 0 && l.n >= 2*l.Most+listedPage {
		l.cut()
	}
}

func (l *Listing) put(x listed) {
	if l.n%listedPage == 0 {
		l.pages = append(l.pages, make([]listed, 0, listedPage))
	}
	last := &l.pages[len(l.pages)-1]
	*last, l.n, l.order = append(*last, x), l.n+1, nil
}

func (l *Listing) at(i uint32) *listed { return &l.pages[i/listedPage][i%listedPage] }

func unixNano(t Stamp) int64 {
	if t.IsZero() {
		return -1 << 63
	}
	return t.UnixNano()
}

// kind keeps what runs have in common once.
func (l *Listing) kind(k listedKind) uint32 {
	if n, ok := l.byKind[k]; ok {
		return n
	}
	if l.byKind == nil {
		l.byKind = map[listedKind]uint32{}
	}
	for _, s := range []*string{&k.project, &k.status, &k.zone, &k.counted, &k.scope} {
		*s = strings.Clone(*s)
	}
	n := uint32(len(l.kinds))
	l.kinds = append(l.kinds, k)
	l.byKind[k] = n
	return n
}

// sort orders the runs by their starts.
func (l *Listing) sort() {
	if l.order != nil || l.n == 0 {
		return
	}
	l.order = make([]uint32, l.n)
	for i := range l.order {
		l.order[i] = uint32(i)
	}
	slices.SortFunc(l.order, func(a, b uint32) int { return cmp.Or(cmp.Compare(l.at(a).start, l.at(b).start), cmp.Compare(a, b)) })
}

// cut keeps the last runs, and of texts those that they have.
func (l *Listing) cut() {
	l.sort()
	if l.Most == 0 || l.n <= l.Most {
		return
	}
	kept := Listing{Most: l.Most}
	for _, i := range l.order[l.n-l.Most:] {
		x := *l.at(i)
		k := l.kinds[x.kind]
		if k.text {
			id := l.ids[binary.BigEndian.Uint64(x.id[:])]
			binary.BigEndian.PutUint64(x.id[:], uint64(len(kept.ids)))
			kept.ids = append(kept.ids, id)
		}
		x.kind = kept.kind(k)
		kept.put(x)
	}
	kept.sort()
	*l = kept
}

// Len is how many runs it holds.
func (l *Listing) Len() int {
	l.cut()
	return l.n
}

// At is the run at a place, in the order of their starts: its ID, project, status,
// start, duration, zone, energy, emissions with their bounds to seven digits, their scope,
// and what counts it. No more is kept.
func (l *Listing) At(i int) Row {
	l.cut()
	x := l.at(l.order[i])
	k := l.kinds[x.kind]
	r := Row{
		RunID: x.id.String(), Project: k.project, Status: footprint.Status(k.status), Zone: k.zone,
		CountedBy: k.counted, IntensityScope: k.scope, DurationS: x.duration, Energy: x.energy, Emissions: x.grams,
	}
	if k.text {
		r.RunID = l.ids[binary.BigEndian.Uint64(x.id[:])]
	}
	if !math.IsNaN(float64(x.high)) {
		r.EmissionsLow, r.EmissionsHigh = new(Number(x.low)), new(Number(x.high))
	}
	if x.start != -1<<63 {
		r.StartedAt = Stamp{time.Unix(0, x.start).UTC()}
	}
	return r
}
