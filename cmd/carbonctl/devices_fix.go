package main

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/rapl"
)

// reason says in a line what becomes of a zone, and why.
func reason(z rapl.Zone) string {
	switch z.Status {
	case rapl.Counted:
		return "read, and in the totals"
	case rapl.Inside:
		return "read, inside " + z.Component.Within
	case rapl.CrossCheck:
		return "read, never added: the whole platform"
	case rapl.Dead:
		return "does not move, so not counted: firmware, or a virtual machine"
	case rapl.Twin:
		return "same counter as " + z.Of + ", which is read"
	case rapl.Mirrored:
		return "another die's name, same counter as " + z.Of + ": counted once"
	case rapl.PerCore:
		return "counter of a single core under the name of the package: not used"
	case rapl.Orphan:
		return "inside a package that can't be read"
	case rapl.Masked:
		return "masked by a container runtime"
	case rapl.Unknown:
		return "not a processor's, or without a counter"
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

// calibrateFix is the command that measures a machine whose counters are there and closed,
// once, for the model of later runs; "" where that is impossible, or has been done.
func calibrateFix(inv screen.Inventory) (command, note string) {
	if inv.Host.Virtual || inv.Model == nil || inv.Model.How == string(estimate.ByCalibration) {
		return "", ""
	}
	switch inv.CounterState {
	case footprint.NoPermission:
		return `sudo carbonctl calibrate --output calibration.json`, "leave them closed, measure once as root, and set calibration = FILE: modelled, at ± 20 % or what was measured"
	case footprint.CounterMasked:
		return `carbonctl calibrate --output calibration.json`, "measure once on the host, and set calibration = FILE in here: modelled, at ± 20 % or what was measured"
	}
	return "", ""
}

// platypus is the trade-off of open counters.
const platypus = "fast readings of these counters can leak secrets of other processes (PLATYPUS, CVE-2020-8694)"

// fixNote says what a fix opens, or why there is none: a line, and then what else
// to know.
func fixNote(state string, perf, virtual bool) string {
	switch {
	case state == footprint.NoPermission && perf:
		return "let carbonctl alone read them, from Linux 5.8 on; trade-off: " + platypus + "\nthe wrapped command does not get the capability; an update of carbonctl drops it"
	case state == footprint.NoPermission:
		return "let one group read them; trade-off: " + platypus
	case state == footprint.CounterMasked:
		return "mount the host's /proc and /sys, read-only; trade-off: " + platypus + "\nthe counters stay closed to a user who may not read them on the host"
	case state == footprint.NoCounter && virtual:
		return "only the host can pass its counters on; nothing to do inside this virtual machine"
	case state == footprint.NoCounter:
		return "on Intel and AMD the kernel module offers them: sudo modprobe intel_rapl_msr"
	}
	return ""
}
