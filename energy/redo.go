package energy

// Redo makes the totals of one component again from a record of its readings:
// Add them in order, from the first on. The zero value is ready. It is for one
// goroutine at a time.
type Redo struct {
	wrap Wrap
	base Reading // the first that was read
	last Reading
	seen bool // base is set
}

// Add takes the next reading and returns it with Total, Missed, Wraps and Resets
// made again, from its Before, Time, Raw, Range, MaxPower, Slept and State alone. They
// count from the first reading. If the record is complete and true, the result is
// the reading itself. What has no Raw and no Range is returned as it is.
func (p *Redo) Add(r Reading) Reading {
	read := r.State == OK || r.State == Dead
	if r.Raw == 0 && r.Range == 0 || !p.seen && !read {
		return r
	}
	w := &p.wrap
	w.Range = Energy(r.Range)
	if !p.seen {
		p.seen, p.base, p.last = true, r, r
		w.MaxPower = r.MaxPower
	}
	w.Limit = func() Power { return r.MaxPower } // what the meter found then
	if r.Slept > p.last.Slept {
		w.Break(r.Slept - p.last.Slept)
	}
	if p.last.State == Lost && r.State != Lost {
		w.Break(0)
	}
	if read || r.State == Refused {
		w.Add(Energy(r.Raw), r.Before, r.Time)
	}
	w.MaxPower = r.MaxPower
	p.last = r
	r.Total, r.Missed = p.base.Total.Plus(w.Total()), p.base.Missed.Plus(w.Missed)
	r.Wraps, r.Resets = p.base.Wraps+w.Wraps, p.base.Resets+w.Resets
	return r
}
