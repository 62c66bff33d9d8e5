package nvml

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// ErrUnread: a GPU is there and cannot be read. Its readings are never OK: they
// stand for what is missing, with the GPU's power limit as far as it is known.
var ErrUnread = errors.New("not measured")

// An unread is the GPUs that one cause keeps from being read.
type unread struct {
	names []string
	cause error
}

func (u *unread) Error() string {
	what := u.names[0]
	if n := len(u.names); n > 1 {
		what = fmt.Sprintf("%d GPUs", n)
	}
	return what + " not measured: " + reason(u.cause)
}

func (u *unread) Is(target error) bool { return target == ErrUnread }
func (u *unread) Unwrap() error        { return u.cause }

// reason puts a cause in plain words, with what the driver called it.
func reason(err error) string {
	text := err.Error()
	var f fault
	switch {
	case !errors.As(err, &f):
		return text
	case f.code == 18:
		return "driver and library versions differ; reload the driver or reboot (" + text + ")"
	case errors.Is(err, fs.ErrPermission):
		return "no permission (" + text + ")"
	case f.code == 17:
		return "access blocked by the operating system (" + text + ")"
	case f.code == 9:
		return "driver not loaded (" + text + ")"
	case errors.Is(err, ErrLost):
		return "fell off the bus or needs a reset (" + text + ")"
	}
	return text
}

// leaveOut adds a GPU that cannot be read to what a Read says of it.
func (m *Meter) leaveOut(d *device, source string, limit energy.Power, s energy.State, cause error) {
	m.unread = append(m.unread, energy.Reading{
		Component: energy.Component{
			Kind: energy.GPU, ID: cmp.Or(d.uuid, address(d.bus), "gpu"), Basis: energy.Measured,
			Name: d.name, Source: source, Scope: "gpu", BandLow: 1, BandHigh: 1,
		},
		MaxPower: limit, State: s,
	})
	for _, err := range m.why {
		if u := err.(*unread); u.cause.Error() == cause.Error() {
			u.names = append(u.names, d.name)
			return
		}
	}
	m.why = append(m.why, &unread{[]string{d.name}, cause})
}

// address is a PCI address as the kernel writes it, "" if it is none.
func address(bus string) string {
	if !strings.Contains(bus, ":") {
		return ""
	}
	return strings.TrimPrefix(bus, "0000") + ".0"
}

// stillUnread appends the readings of the GPUs that cannot be read.
func (m *Meter) stillUnread(to []energy.Reading, now time.Time) []energy.Reading {
	for i := range m.unread {
		m.unread[i].Before, m.unread[i].Time = now, now
	}
	return append(to, m.unread...)
}
