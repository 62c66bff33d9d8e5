package nvml

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Why it is not known who used a GPU. What is not known is not shared: the whole
// GPU is then charged.
var (
	errHidden  = errors.New("the driver lists no processes in this container")
	errForeign = errors.New("the driver lists processes that this /proc does not show")
	errNobody  = errors.New("the driver does not report its processes")
	errMixed   = errors.New("several programs use it, and the driver does not report how much each")
)

// settle is how long the driver may take to show what a busy process did.
const settle = 2 * time.Second

// A userReport is what the driver said of a GPU's users, at one time.
type userReport struct {
	at       time.Time // zero if not yet
	busy     []busy
	busyErr  error
	pids     []int // with a context on it
	pidsErr  error
	accounts []account
	accErr   error
	slices   []occupied // as in device

	since int64 // stamp of the latest busy entry
}

// occupied is who was on a slice.
type occupied struct {
	percent uint32
	busyErr error
	pids    []int
	pidsErr error
}

// Asking for users may take as long as this each time. If it takes longer, it is
// left for a while, so that the readings come in time.
const (
	quick = 20 * time.Millisecond
	rest  = 10 * time.Second
)

// askUsers asks the driver who uses the GPU.
func (g *gpu) askUsers() {
	now := time.Now()
	var err error
	defer recovered(&err)
	a, d := &g.users, g.dev
	if !g.lostAt.IsZero() || g.cost > quick && now.Sub(a.at) < rest {
		return
	}
	defer func() { a.at, g.cost = now, time.Since(now) }()
	if d.mig {
		a.ask(d)
		return
	}
	if a.since == 0 {
		a.since = now.UnixMicro() // nothing from before us
	}
	a.busyErr, a.pidsErr, a.accErr = errNobody, errNobody, errNobody
	if a.busy = a.busy[:0]; d.busy != nil {
		a.busy, a.busyErr = d.busy(a.since, a.busy)
		if never(a.busyErr) {
			d.busy = nil
		}
		a.clean()
	}
	if a.pids = a.pids[:0]; d.processes != nil {
		if a.pids, a.pidsErr = d.processes(a.pids); never(a.pidsErr) {
			d.processes = nil
		}
	}
	if a.accounts = a.accounts[:0]; d.busy == nil && d.accounts != nil {
		a.accounts, a.accErr = d.accounts(a.accounts)
	}
}

// clean leaves out what a driver sometimes adds: entries that are old, of no
// process, or of more than all the time there is.
func (a *userReport) clean() {
	kept, latest := a.busy[:0], a.since
	for _, b := range a.busy {
		if b.stamp > a.since && b.pid > 0 && b.percent <= 100 {
			kept = append(kept, b)
			latest = max(latest, b.stamp)
		}
	}
	a.busy, a.since = kept, latest
}

func (a *userReport) ask(d *device) {
	if a.slices == nil {
		a.slices = make([]occupied, len(d.slices))
	}
	for i := range d.slices {
		s, o := &d.slices[i], &a.slices[i]
		o.busyErr = errNobody
		if s.busy != nil {
			o.percent, o.busyErr = s.busy()
		}
		if o.pids, o.pidsErr = o.pids[:0], errNobody; s.processes != nil {
			o.pids, o.pidsErr = s.processes(o.pids)
		}
	}
}

// A usage adds up who used a GPU. Its amounts are integers, in percent of the
// GPU × microseconds, so that the parts of several works add up to the whole.
type usage struct {
	at        time.Time // up to which the amounts are
	busyAt    time.Time // when a process was last seen busy
	mine, all uint64
	capacity  uint64
	booked    map[[2]uint64]uint64 // accounts, by pid and start
	fresh     bool                 // the last call has added
	why, full error                // it has not, and in full
}

// Use appends how much of each GPU the work has used; see energy.Sharer. The
// driver is asked for that here and not by Read, and may take as long. The unit is
// percent of the GPU × microseconds.
//
// Where the driver tells how busy each process kept it, that is what counts, and
// a process that only holds a context counts as one percent busy: what an idle
// GPU uses is paid by those who hold it. Without, a GPU that the work has for
// itself is its own. On a GPU that is cut into MIG instances, the work uses the
// instances that it is on: as busy as they are where the hardware tells, else by
// their size. A GPU of which nothing of that is known is not Known, and the error
// says why.
func (m *Meter) Use(ctx context.Context, mine func(pid int) bool, to []energy.Use) ([]energy.Use, error) {
	if err := ctx.Err(); err != nil {
		return to, fmt.Errorf("nvml: %w", err)
	}
	m.ask(ctx, forUsers)
	m.pids.forget(time.Now())
	var errs deviceErrors
	who := func(pid int) (bool, bool) { return m.pids.mine(pid, mine) }
	for _, g := range m.gpus {
		u := &g.use
		u.fresh = false
		if g.fresh && g.users.at.After(u.at) {
			u.count(g, who, m.pids.silent())
		}
		if u.full != nil {
			errs = append(errs, u.full)
		}
		for i := range g.last {
			to = append(to, energy.Use{
				Kind: energy.GPU, ID: g.last[i].Component.ID,
				Mine: float64(u.mine), All: float64(u.all), Capacity: float64(u.capacity), Known: u.fresh,
			})
		}
	}
	if len(errs) > 0 {
		return to, errs
	}
	return to, nil
}

// count takes what was asked last. The error is made once for each reason.
func (u *usage) count(g *gpu, who resolver, silent bool) {
	was := u.why
	u.why = u.add(g.dev, &g.users, g.named, who, silent)
	switch u.fresh = u.why == nil; {
	case u.why == nil || errors.Is(u.why, errNothing):
		u.full = nil
	case u.full == nil || u.why != was:
		u.full = fmt.Errorf("GPU %s: %w: %w", g.dev.uuid, ErrUsers, u.why)
	}
}

// A resolver says of a pid of the driver's whether it is the work's, and
// whether it can be told.
type resolver func(pid int) (mine, told bool)

// A tally counts for one stretch of time.
type tally struct {
	who        resolver
	mine, all  uint64
	told, lost int
}

func (t *tally) add(pid int, amount uint64) {
	mine, told := t.who(pid)
	if t.all += amount; mine {
		t.mine += amount
	}
	if told {
		t.told++
	} else {
		t.lost++
	}
}

// foreign reports whether the driver's processes are those of another namespace:
// some can't be told, and none can.
func (t *tally) foreign() bool { return t.lost > 0 && t.told == 0 }

// add counts what was asked up to its time. silent says that a driver which lists
// nobody says nothing. With an error nothing is counted,
// and the next one that succeeds counts for the time between.
func (u *usage) add(d *device, a *userReport, named map[string]bool, who resolver, silent bool) error {
	if u.at.IsZero() {
		u.at, u.busyAt = a.at, a.at
		u.book(a.accounts, nil)
		return nil
	}
	span := uint64(a.at.Sub(u.at).Microseconds())
	t := tally{who: who}
	var err error
	switch {
	case d.mig:
		err = u.cut(d, a, named, span, &t)
	case a.busyErr == nil || errors.Is(a.busyErr, errNothing):
		err = u.utilised(a, span, &t)
	case a.accErr == nil:
		err = u.book(a.accounts, &t)
	case a.pidsErr == nil:
		err = u.held(a, span, &t)
	default:
		err = errNobody
	}
	switch {
	case err == nil && t.foreign():
		err = errForeign
	case err == nil && silent && t.told == 0 && t.mine == 0: // silent, as it was before
		err = errHidden
	}
	if err != nil {
		return err
	}
	u.at = a.at
	u.mine += t.mine
	u.all += t.all
	u.capacity += max(100*span, t.all)
	return nil
}

// utilised counts by how busy each process was. A process has at most one entry
// a sampling period, so the one with most tells how many periods there were.
func (u *usage) utilised(a *userReport, span uint64, t *tally) error {
	if len(a.busy) > 0 {
		u.busyAt = a.at
	} else if len(a.pids) > 0 && a.at.Sub(u.busyAt) < settle {
		return errNothing // it may still come
	}
	periods := 1
	for i, b := range a.busy {
		n := 0
		for _, c := range a.busy[:i+1] {
			if c.pid == b.pid {
				n++
			}
		}
		periods = max(periods, n)
	}
	for _, b := range a.busy {
		t.add(b.pid, uint64(b.percent)*span/uint64(periods))
	}
	for _, pid := range a.pids {
		t.add(pid, span)
	}
	return nil
}

// held counts where only the holders of contexts are known.
func (u *usage) held(a *userReport, span uint64, t *tally) error {
	for _, pid := range a.pids {
		t.add(pid, span)
	}
	if t.mine > 0 && t.mine < t.all {
		return errMixed
	}
	return nil
}

// book counts what the driver's accounts have grown by; with a nil tally it
// only notes where they stand. Those that the driver has dropped are forgotten.
func (u *usage) book(list []account, t *tally) error {
	if u.booked == nil {
		u.booked = map[[2]uint64]uint64{}
	}
	if len(u.booked) > 2*len(list) {
		maps.DeleteFunc(u.booked, func(key [2]uint64, _ uint64) bool {
			return !slices.ContainsFunc(list, func(acc account) bool { return key == [2]uint64{uint64(acc.pid), acc.start} })
		})
	}
	for _, acc := range list {
		key := [2]uint64{uint64(acc.pid), acc.start}
		now := uint64(acc.time.Microseconds()) * uint64(min(acc.percent, 100))
		if was := u.booked[key]; now > was {
			if u.booked[key] = now; t != nil {
				t.add(acc.pid, now-was)
			}
		}
	}
	return nil
}

// cut counts on a GPU of MIG instances. Where the hardware does not tell how
// busy they are, one pays for its size, and what belongs to no instance or to an
// empty one is nobody's. An instance whose users can't be told makes the whole
// GPU unknown.
func (u *usage) cut(d *device, a *userReport, named map[string]bool, span uint64, t *tally) error {
	whole := uint64(max(d.whole, 1))
	bySize := false
	for i := range a.slices {
		o := &a.slices[i]
		if errors.Is(o.busyErr, errNothing) {
			return errNothing // its first sample
		}
		part := span * uint64(d.slices[i].size) / whole // one percent of it
		amount := 100 * part
		if o.busyErr == nil {
			amount = part * uint64(min(o.percent, 100))
			if len(o.pids) > 0 {
				amount += part
			}
		} else {
			bySize = true
		}
		t.slice(o, amount, named[d.slices[i].uuid])
	}
	if bySize {
		t.all = max(t.all, 100*span)
	}
	return nil
}

// slice shares the amount of a slice between those who are on it, equally. ours
// says that the work was told to use it, which decides where the driver does not.
func (t *tally) slice(o *occupied, amount uint64, ours bool) {
	var mine, told uint64
	for _, pid := range o.pids {
		m, ok := t.who(pid)
		if m {
			mine++
		}
		if ok {
			told++
		}
	}
	n := uint64(max(len(o.pids), 1))
	each := amount / n // so that the parts of all add up
	t.all += each * n
	switch {
	case o.pidsErr == nil && (len(o.pids) == 0 || told > 0):
		t.mine += each * mine
	case ours:
		t.mine += each * n
	default:
		t.lost++
	}
}
