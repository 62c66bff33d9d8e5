package rapl

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strconv"
	"syscall"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

const (
	// tick is how often the hardware brings a counter up to date: about every
	// millisecond, with jitter (Intel SDM vol. 3B, 16.10; Khan et al., "RAPL in
	// Action", ACM ToMPECS 3(2), 2018).
	tick = time.Millisecond
	// steps is 2^32 - 1: counters have 32 bits, and the kernel's
	// max_energy_range_uj is that many units (drivers/powercap/intel_rapl_common.c).
	steps = math.MaxUint32
	// usual is the unit of energy where the range file does not tell: 2^-14 J,
	// that of nearly all Intel packages.
	usual = 61 * energy.Microjoule
	// still is how long a counter may stand still before it counts as dead, or
	// 10 units at 1 W where that is longer (psys of Sapphire Rapids counts whole
	// joules).
	still = 10 * time.Millisecond
	// again is how long to wait before looking once more for a zone that is gone.
	again = time.Second
)

// Plausible power. A limit is what the firmware holds on average, so half of it
// is added. One outside of these bounds is a placeholder, not a limit: boards
// write 4095 W for "none", and users set a few watts to save power.
const (
	defaultPower = 1000 * energy.Watt
	leastPower   = 100 * energy.Watt
	mostPower    = 2000 * energy.Watt
)

// counter is one energy_uj file, held open.
type counter struct {
	key       key
	component energy.Component
	root      fs.FS
	path      string
	control   string      // the zone's control type
	file      fs.File     // nil if it has no io.ReaderAt: then each read opens it anew
	at        io.ReaderAt // file
	length    int         // of the content last read, to read it in one call
	buf       [48]byte

	wrap  energy.Wrap
	unit  energy.Energy
	raw   uint64
	moved time.Time // when the counter was last seen to move
	gone  error     // how the zone was found to have gone, nil if it is there
	retry time.Time // when it is looked for again
}

// openCounter opens the counter of a zone and reads it once: its origin.
func openCounter(root fs.FS, z Zone) (*counter, error) {
	c := &counter{key: z.key, component: z.Component, control: control(z.at), root: root}
	if err := c.hold(z.Path); err != nil {
		return nil, err
	}
	raw, err := c.read()
	if err != nil {
		c.close()
		return nil, err
	}
	c.wrap.Range, c.unit = modulus(root, z.Path, raw)
	c.wrap.MaxPower = maxPower(root, z.Path)
	now := time.Now()
	c.raw, c.moved = raw, now
	c.wrap.Add(energy.Energy(raw), now)
	return c, nil
}

// hold opens the counter file of a zone's directory.
func (c *counter) hold(dir string) error {
	c.path, c.length = path.Join(dir, "energy_uj"), 0
	f, err := c.root.Open(c.path)
	if err != nil {
		return err
	}
	if at, ok := f.(io.ReaderAt); ok {
		c.file, c.at = f, at
		return nil
	}
	c.at = nil
	return f.Close()
}

func (c *counter) close() error {
	if c.file == nil {
		return nil
	}
	f := c.file
	c.file, c.at = nil, nil
	return f.Close()
}

// read returns what the counter shows.
func (c *counter) read() (uint64, error) {
	n, err := c.content()
	if err != nil {
		return 0, err
	}
	raw, err := parse(c.buf[:n])
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: c.path, Err: err}
	}
	c.length = n
	return raw, nil
}

// content fills buf and returns how much of it. An os.File goes on reading
// until the slice is full, so that asking for more than there is costs a second
// system call. Asking for just the last length costs one; if the text does not
// end with a line there, it has grown and is read in full.
func (c *counter) content() (int, error) {
	if c.at == nil {
		return c.reopened()
	}
	if c.length > 0 {
		n, err := c.at.ReadAt(c.buf[:c.length], 0)
		if n > 0 && (err == nil || err == io.EOF) && c.buf[n-1] == '\n' {
			return n, nil
		}
	}
	n, err := c.at.ReadAt(c.buf[:], 0)
	return n, c.failed(err)
}

// reopened reads a counter whose file system has no io.ReaderAt.
func (c *counter) reopened() (int, error) {
	f, err := c.root.Open(c.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, c.buf[:])
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, c.failed(err)
}

// failed gives a read error its path, if it has none. The end of the file is
// no error.
func (c *counter) failed(err error) error {
	var named *fs.PathError
	switch {
	case err == nil || err == io.EOF:
		return nil
	case errors.As(err, &named) && named.Path == c.path:
		return err
	case errors.As(err, &named):
		err = named.Err // a path as the operating system sees it
	}
	return &fs.PathError{Op: "read", Path: c.path, Err: err}
}

// next reads the counter and says what to make of it.
func (c *counter) next() (energy.Reading, error) {
	var raw uint64
	err := c.gone
	if err == nil {
		raw, err = c.read()
	}
	now := time.Now()
	state := energy.OK
	switch {
	case err == nil:
		state, err = c.take(raw, now)
	case c.gone != nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV):
		if state, err = c.seek(now, err); err == nil {
			_, now = c.wrap.Last()
		}
	default:
		c.wrap.Fail()
		state = energy.Held
	}
	return energy.Reading{
		Component: c.component,
		Time:      now,
		Total:     c.wrap.Total(),
		Edge:      c.unit.Plus(c.wrap.MaxPower.Over(tick)),
		Missed:    c.wrap.Missed,
		Raw:       c.raw,
		Range:     uint64(c.wrap.Range),
		MaxPower:  c.wrap.MaxPower,
		Wraps:     c.wrap.Wraps, Resets: c.wrap.Resets, Gaps: c.wrap.Gaps,
		State: state,
	}, err
}

// take adds a reading to the total.
func (c *counter) take(raw uint64, now time.Time) (energy.State, error) {
	moved := raw != c.raw
	c.raw = raw
	last, since := c.wrap.Last()
	if _, ok := c.wrap.Add(energy.Energy(raw), now); !ok {
		return energy.Held, fmt.Errorf("read %s: %d after %d is implausible within %v", c.path, raw, last, now.Sub(since))
	}
	if moved {
		c.moved = now
		return energy.OK, nil
	}
	if c.key.domain != uncore && now.Sub(c.moved) > max(still, time.Duration(10*c.unit)*time.Microsecond) {
		return energy.Dead, nil
	}
	return energy.OK, nil
}

// seek looks for a zone that has gone, by what it covers and not by its path:
// when the last core of a package goes offline its zones vanish, and come back
// under new numbers. It stays with the control type that it was read by, since
// another one may count from another origin.
func (c *counter) seek(now time.Time, cause error) (energy.State, error) {
	if c.gone == nil {
		c.wrap.Fail()
		c.gone = cause
		_ = c.close() // whatever it says, the file is gone
	} else if now.Before(c.retry) {
		return energy.Lost, cause
	}
	c.retry = now.Add(again)
	zones, _ := survey(c.root)
	for _, z := range zones {
		if z.Status != "" || z.key != c.key || control(z.at) != c.control {
			continue
		}
		if err := c.hold(z.Path); err != nil {
			continue
		}
		raw, err := c.read()
		if err != nil {
			_ = c.close()
			continue
		}
		// It may have lost power: a counter that fell has started again.
		c.gone = nil
		modulus := c.wrap.Range
		c.wrap.Range = 0
		state, err := c.take(raw, time.Now())
		c.wrap.Range = modulus
		return state, err
	}
	return energy.Lost, cause
}

// modulus reads at which value a counter starts again, and its unit. The file
// holds the largest value, which is one unit less. 0: not known.
func modulus(root fs.FS, dir string, raw uint64) (energy.Energy, energy.Energy) {
	most, err := number(root, path.Join(dir, "max_energy_range_uj"))
	if err != nil || most == 0 || most < raw {
		return 0, usual
	}
	unit := energy.Energy(max(1, math.Round(float64(most)/steps)))
	return energy.Energy(most).Plus(unit), unit
}

// maxPower returns the largest plausible power of a zone.
func maxPower(root fs.FS, dir string) energy.Power {
	var most uint64
	for i := range 4 { // long term, short term, peak, and one to spare
		name := path.Join(dir, "constraint_"+strconv.Itoa(i))
		for _, file := range []string{"_max_power_uw", "_power_limit_uw"} {
			// Many chips answer ENODATA here; then the other one has to do.
			if n, err := number(root, name+file); err == nil && n < uint64(mostPower) {
				most = max(most, n)
			}
		}
	}
	if most == 0 {
		return defaultPower
	}
	p := energy.Power(most)
	return max(leastPower, p+p/2)
}

func number(root fs.FS, name string) (uint64, error) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, err
	}
	return parse(b)
}
