package machinetest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
	"syscall"
	"testing/fstest"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// A Live is a host whose counters count by the clock, real or of a synctest bubble:
// their truth is known at every instant. It is safe for concurrent use.
type Live struct {
	// Lose, if not nil, is called before and after a counter is looked at: it may
	// sleep, as a reader that loses the CPU does.
	Lose func()

	mu       sync.Mutex
	files    fstest.MapFS
	counters map[string]*Counter // by the path of energy_uj
}

// Ticks is how often a Live counter is brought up to date.
const Ticks = time.Millisecond

// A Counter is one register of a Live host. Its fields are set before it is added,
// and changed by its methods only.
type Counter struct {
	Dir, Name string        // "sys/class/powercap/intel-rapl:0", "package-0"
	Unit      energy.Energy // of its steps
	Max       energy.Energy // its largest value
	Cap       energy.Power  // the limit in its files, 0: none
	Start     energy.Energy // what it shows first

	host   *Live
	base   energy.Energy // the truth at since
	since  time.Time     // of the power
	power  energy.Power
	zero   energy.Energy // the truth at which the register stood at 0
	shown  energy.Energy // of the truth, as last brought up to date
	glitch energy.Energy // what the next read shows, 0: the truth
	stuck  bool
	err    error
}

// NewLive returns a host without counters.
func NewLive() *Live {
	return &Live{files: fstest.MapFS{}, counters: map[string]*Counter{}}
}

// Add puts a counter into the host, at a power of 0.
func (l *Live) Add(c *Counter) *Counter {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.host, c.since, c.zero = l, time.Now(), -c.Start
	c.place()
	return c
}

// place makes the files of a counter.
func (c *Counter) place() {
	write := func(name string, text any) {
		c.host.files[path.Join(c.Dir, name)] = &fstest.MapFile{Data: fmt.Appendf(nil, "%v\n", text)}
	}
	write("name", c.Name)
	write("energy_uj", "")
	write("max_energy_range_uj", int64(c.Max))
	if c.Cap > 0 {
		write("constraint_0_power_limit_uw", int64(c.Cap))
	}
	c.host.counters[path.Join(c.Dir, "energy_uj")] = c
}

// advance brings the register up to now.
func (c *Counter) advance() {
	now := time.Now()
	lag := time.Duration(now.UnixNano()) % Ticks
	c.shown = max(c.shown, c.truth(now)-c.power.Over(lag))
}

func (c *Counter) truth(t time.Time) energy.Energy {
	return c.base.Plus(c.power.Over(t.Sub(c.since)))
}

func (c *Counter) locked(do func()) {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	c.advance()
	do()
}

// Truth returns all that has flowed until t, which must lie after the last
// SetPower or Draw.
func (c *Counter) Truth(t time.Time) (e energy.Energy) {
	c.locked(func() { e = c.truth(t) })
	return e
}

// Total returns all that the register has counted, through wraps and resets.
func (c *Counter) Total() (e energy.Energy) {
	c.locked(func() { e = c.shown })
	return e
}

// Glitch lets the next read show something else, once.
func (c *Counter) Glitch(e energy.Energy) { c.locked(func() { c.glitch = e }) }

// Shows returns what the register shows now.
func (c *Counter) Shows() (e energy.Energy) {
	c.locked(func() { e = c.value() })
	return e
}

func (c *Counter) value() energy.Energy {
	return (c.shown - c.zero) / c.Unit * c.Unit % (c.Max + c.Unit)
}

// SetPower sets the power from now on.
func (c *Counter) SetPower(p energy.Power) { c.locked(func() { c.settle(0); c.power = p }) }

// settle begins a new stretch of power, with some energy more.
func (c *Counter) settle(more energy.Energy) {
	now := time.Now()
	c.base, c.since = c.truth(now)+more, now
	c.shown += more
}

// Draw adds energy at once, as while the machine sleeps.
func (c *Counter) Draw(e energy.Energy) {
	c.locked(func() { c.settle(e) })
}

// Raise sets the limit in the files.
func (c *Counter) Raise(limit energy.Power) {
	c.locked(func() { c.Cap = limit; c.place() })
}

// Reset lets the register start again, e of its energy before now.
func (c *Counter) Reset(e energy.Energy) {
	c.locked(func() { c.zero = c.shown - e })
}

// Stick lets the register answer and not move any more.
func (c *Counter) Stick() { c.locked(func() { c.stuck = true; c.freeze() }) }

// freeze writes the value of now into the file.
func (c *Counter) freeze() {
	c.host.files[path.Join(c.Dir, "energy_uj")].Data = fmt.Appendf(nil, "%d\n", c.value())
}

// Fail lets reads fail with an error; nil ends it.
func (c *Counter) Fail(err error) { c.locked(func() { c.err = err }) }

// Vanish takes the zone away: whoever holds its file gets ENODEV.
func (c *Counter) Vanish() {
	c.locked(func() {
		for _, name := range []string{"name", "energy_uj", "max_energy_range_uj", "constraint_0_power_limit_uw"} {
			delete(c.host.files, path.Join(c.Dir, name))
		}
		delete(c.host.counters, path.Join(c.Dir, "energy_uj"))
	})
}

// Return brings a zone that had vanished back under another directory.
func (c *Counter) Return(dir string) {
	c.locked(func() { c.Dir = dir; c.place() })
}

// Open opens a file. That of a counter has an io.ReaderAt that shows what it counts.
func (l *Live) Open(name string) (fs.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := l.files.Open(name)
	if c := l.counters[name]; err == nil && c != nil {
		return &liveFile{f, c, name}, nil
	}
	return f, err
}

// ReadDir lists a directory.
func (l *Live) ReadDir(name string) ([]fs.DirEntry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.files.ReadDir(name)
}

// ReadFile reads a file whole.
func (l *Live) ReadFile(name string) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, err := l.files.ReadFile(name)
	return bytes.Clone(b), err
}

type liveFile struct {
	fs.File
	c    *Counter
	name string
}

func (f *liveFile) ReadAt(b []byte, _ int64) (n int, err error) {
	f.c.host.lose()
	f.c.locked(func() {
		switch c := f.c; {
		case c.host.counters[f.name] != c:
			err = &fs.PathError{Op: "read", Path: f.name, Err: syscall.ENODEV}
		case c.err != nil:
			err = &fs.PathError{Op: "read", Path: f.name, Err: c.err}
		case c.stuck:
			n = copy(b, c.host.files[f.name].Data)
		case c.glitch > 0:
			n = copy(b, fmt.Sprintf("%d\n", c.glitch))
			c.glitch = 0
		default:
			var text [24]byte
			n = copy(b, fmt.Appendf(text[:0], "%d\n", c.value()))
		}
	})
	f.c.host.lose()
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

func (l *Live) lose() {
	if l.Lose != nil {
		l.Lose()
	}
}
