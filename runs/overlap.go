package runs

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
)

// overlaps finds the rows of one machine that ran at the same time, and what each
// of them counts for then. It keeps about 60 bytes of each row that names its
// machine and times, until it has settled. The zero value is empty.
type overlaps struct {
	machines map[string]*[]span
	long     map[uint32]int64 // the ends of spans of 49 days and more, by their at
	book     book
	parts    []part // of the cluster at hand
}

// A span is when a row ran; at is where the book has the rest.
type span struct {
	start  int64  // Unix milliseconds
	length uint32 // milliseconds
	at     uint32
}

const endless = ^uint32(0) // the length of a span whose end is in overlaps.long

func (o *overlaps) end(s span) int64 {
	if s.length == endless {
		return o.long[s.at]
	}
	return s.start + int64(s.length)
}

// add takes a row; bucket names whom its share is told to. A row of which it is
// not known where or when it ran counts for what it is. again is kept for who
// computes with other factors: grams per joule, 0 for none.
func (o *overlaps) add(r *Row, again float64, bucket func() uint32) {
	imported := r.imported()
	start, end, ok := r.time(imported)
	if !ok || r.Energy < 0 {
		return
	}
	machine := r.place(imported)
	if machine == "" {
		return
	}
	at, ok := o.book.put(r, again, bucket())
	if !ok {
		return
	}
	spans := o.machines[machine]
	if spans == nil {
		if o.machines == nil {
			o.machines = map[string]*[]span{}
		}
		spans = new([]span)
		o.machines[strings.Clone(machine)] = spans
	}
	s := span{start: start, at: at}
	if s.length = uint32(min(end-start, int64(endless))); s.length == endless {
		if o.long == nil {
			o.long = map[uint32]int64{}
		}
		o.long[s.at] = end
	}
	*spans = append(*spans, s)
}

// time gives the row's in Unix milliseconds; ok is false where it is not known,
// or too short to share anything. CodeCarbon and its kin stamp whole seconds, so
// that runs one after the other seem to overlap: up to two seconds are none.
func (r *Row) time(imported bool) (start, end int64, ok bool) {
	if r.StartedAt.IsZero() || r.EndedAt.IsZero() {
		return 0, 0, false
	}
	start, end = r.StartedAt.UnixMilli(), r.EndedAt.UnixMilli()
	if imported {
		const second = 1000
		start, end = start+second, end-second
	}
	return start, end, start < end
}

// Imported is the code among a row's warnings that says that another tool
// measured it.
const Imported = "imported"

func (r *Row) imported() bool {
	return strings.Contains(r.Warnings, Imported) && slices.Contains(strings.Fields(r.Warnings), Imported)
}

// place names where the row ran: rows of one place shared a machine if they ran
// at the same time. It is "" where nothing tells. A row of v1 has its host, an
// imported one the file that it came from.
func (r *Row) place(imported bool) string {
	switch {
	case r.Machine != "":
		return "machine " + r.Machine
	case imported:
		var details struct {
			Imported struct {
				File string `json:"file"`
			} `json:"imported"`
		}
		if json.Unmarshal([]byte(r.Details), &details) != nil || details.Imported.File == "" {
			return ""
		}
		return "file " + details.Imported.File
	case r.Host != "":
		return "host " + r.Host
	}
	return ""
}

// settle tells what each row counts for that shared its machine: told gets the
// rows of one cluster after the other, and whether they contradict each other.
// Then it is empty again.
func (o *overlaps) settle(told func(cluster []entry, ok bool)) {
	var cluster []entry
	var s sharing
	for _, machine := range slices.Sorted(maps.Keys(o.machines)) {
		spans := *o.machines[machine]
		slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
		for from := 0; from < len(spans); {
			to, end := from+1, o.end(spans[from])
			for to < len(spans) && spans[to].start < end {
				end = max(end, o.end(spans[to]))
				to++
			}
			if cluster = o.cluster(cluster[:0], spans[from:to]); len(cluster) > 0 {
				told(cluster, s.share(cluster))
			}
			from = to
		}
	}
	*o = overlaps{}
}

const roomForParts = 16 // more than nearly all rows have

// cluster reads rows that are connected in time. There are none where they share
// nothing: if each of them is charged the work's part alone.
func (o *overlaps) cluster(to []entry, spans []span) []entry {
	if len(spans) < 2 {
		return to
	}
	machine := false
	to, o.parts = slices.Grow(to, len(spans)), o.parts[:0]
	for _, s := range spans {
		// A part stays where it was put: to move them all as they grow would keep the
		// old places too, since the entries point there.
		if cap(o.parts)-len(o.parts) < roomForParts {
			o.parts = make([]part, 0, min(max(2*len(spans), 2*roomForParts), 4096))
		}
		var e entry
		e, o.parts = o.book.get(s.at, o.parts)
		e.start, e.end = s.start, o.end(s)
		machine = machine || !e.process
		to = append(to, e)
	}
	if !machine {
		return to[:0]
	}
	return to
}

// charged says whether only the work's part of the machine is in the row.
func (r *Row) charged() bool { return r.Charge == footprint.ChargeProcess }
