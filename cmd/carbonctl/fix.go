package main

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/rapl"
)

// reason says in a line what becomes of a zone, and why.
func reason(z rapl.Zone) string {
	switch z.Status {
	case rapl.Counted:
		return "read, and in the totals"
	case rapl.Inside:
		return "read, and already a part of " + z.Component.Within
	case rapl.CrossCheck:
		return "read and never added: it is the whole platform"
	case rapl.Dead:
		return "answers and does not move, so it is not counted: the firmware does not fill it, or this is a virtual machine"
	case rapl.Twin:
		return "the same counter as " + z.Of + ", which is read"
	case rapl.Mirrored:
		return "claims to be another die and shows the counter of " + z.Of + ": counted once"
	case rapl.PerCore:
		return "one core's counter under the name of all: never used"
	case rapl.Orphan:
		return "a part of a package that can't be read"
	case rapl.Masked:
		return "hidden by a container runtime"
	case rapl.Unknown:
		return "not of a processor, or without a counter"
	}
	if z.Err != nil {
		return z.Err.Error()
	}
	return "not read"
}

// counterState says what is in the way of reading all counters: a warning's
// code, or "read" if nothing is.
func counterState(zones []rapl.Zone, err error) string {
	has := func(s rapl.Status) bool {
		return slices.ContainsFunc(zones, func(z rapl.Zone) bool { return z.Status == s })
	}
	switch {
	case has(rapl.Refused), errors.Is(err, fs.ErrPermission):
		return footprint.NoPermission
	case has(rapl.Masked), errors.Is(err, rapl.ErrMasked):
		return footprint.CounterMasked
	case errors.Is(err, energy.ErrUnavailable):
		return footprint.NoCounter
	case err != nil:
		return footprint.ReadFault
	}
	return "read"
}

// hasPerf reports whether the kernel also offers the counters as perf events,
// for which a capability is enough.
func hasPerf(root fs.FS) bool {
	_, err := fs.Stat(root, "sys/bus/event_source/devices/power/events/energy-pkg")
	return err == nil
}

// fixes gives the commands that would make counters readable, those that give
// the least privilege first.
func fixes(state string, perf bool) []string {
	switch {
	case state == footprint.NoPermission && perf:
		return []string{`sudo setcap cap_perfmon+ep "$(command -v carbonctl)"`}
	case state == footprint.NoPermission:
		return []string{
			`sudo groupadd --force energy && sudo usermod --append --groups energy "$USER"`,
			`echo 'SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chgrp energy /sys%p/energy_uj", RUN+="/bin/chmod 0440 /sys%p/energy_uj"' | sudo tee /etc/udev/rules.d/70-carbonctl.rules`,
			`sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=powercap --action=add`,
			`newgrp energy`,
		}
	case state == footprint.CounterMasked:
		return []string{`docker run -v /proc:/host/proc:ro -v /sys:/host/sys:ro … carbonctl wrap --root /host -- CMD`}
	}
	return nil
}

const platypus = "Whoever reads these counters a thousand times a second may learn secrets of other processes from how much energy the processor uses (PLATYPUS, CVE-2020-8694)."

// fixNote says what a fix opens, or why there is none.
func fixNote(state string, perf, virtual bool) string {
	switch {
	case state == footprint.NoPermission && perf:
		return "This gives carbonctl alone the right to count energy by perf events, from Linux 5.8 on; the command that it wraps does not get it. Give it again after an update. " + platypus
	case state == footprint.NoPermission:
		return "This lets the members of one group read the counters. " + platypus
	case state == footprint.CounterMasked:
		return "Container runtimes hide the counters. These mounts show the container the whole of the host's /proc and /sys, read only; the counters are still closed to a user who may not read them on the host. " + platypus
	case state == footprint.NoCounter && virtual:
		return "A virtual machine has no counters of its own; only the host could pass its on. The model is used."
	case state == footprint.NoCounter:
		return "The kernel shows no counters. On Intel and AMD they need a module: sudo modprobe intel_rapl_msr"
	}
	return ""
}
