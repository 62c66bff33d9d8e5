package carbon

import (
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/nvml"
	"github.com/carbonctl/carbonctl/rapl"
)

func (h Host) root() fs.FS {
	if h.Root != nil {
		return h.Root
	}
	return proc.Root("/")
}

// findMeters opens the meters that a machine has: counters, and the model that
// stands in where they are not read. What is missing comes back as faults. once reads
// the same root while everything is opened. calibration is of this machine's model, nil for
// none; one of another machine is a fault, and the model stands without it.
func findMeters(root, once fs.FS, calibration *estimate.Calibration) (meters []energy.Meter, found []footprint.Fault) {
	counters, err := rapl.Open(root)
	if counters != nil {
		meters = append(meters, counters)
	}
	if err != nil && runtime.GOOS == "linux" {
		found = faults(found, err)
	}
	model, err := estimate.Open(once, counters.Components()...)
	if model != nil {
		if calibration != nil {
			if err := model.Calibrate(calibration); err != nil {
				found = append(found, fault(err))
			}
		}
		meters = append(meters, model)
		found = append(found, doubts(model.Model())...)
	}
	if err != nil {
		found = append(found, fault(err))
	}
	return meters, found
}

// doubts are what every report must say of the model. The rest of its notes hold
// for any such machine, and stand in "carbonctl devices".
func doubts(m estimate.Model) (faults []footprint.Fault) {
	for _, n := range m.Notes {
		if strings.HasPrefix(n.Code, "cpu-un") || n.Code == "memory-unknown" {
			faults = append(faults, footprint.Fault{Code: n.Code, Component: "estimate", Text: n.Text})
		}
	}
	return faults
}

// faults adds the errors of a meter, one for each cause: several counters mostly
// fail for the same one, and their error says how many they are.
func faults(to []footprint.Fault, err error) []footprint.Fault {
	list, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return append(to, fault(err))
	}
	first := fault(err)
	if first.Code != footprint.GPUNotMeasured { // that was said when it was opened
		to = append(to, first)
	}
	for _, e := range list.Unwrap() {
		if f := fault(e); f.Code != first.Code && !slices.ContainsFunc(to, func(o footprint.Fault) bool { return o.Code == f.Code }) {
			to = append(to, f)
		}
	}
	return to
}

// fault gives an error of a meter its code.
func fault(err error) footprint.Fault {
	f := footprint.Fault{Code: footprint.ReadFault, Text: err.Error()}
	switch {
	case errors.Is(err, estimate.ErrCalibration):
		f.Code = footprint.CalibrationUnfit
	case errors.Is(err, nvml.ErrUnread): // before the cause
		f.Code = footprint.GPUNotMeasured
	case errors.Is(err, rapl.ErrMasked):
		f.Code = footprint.CounterMasked
	case errors.Is(err, fs.ErrPermission):
		f.Code = footprint.NoPermission
	case errors.Is(err, energy.ErrUnavailable):
		f.Code = footprint.NoCounter
	case errors.Is(err, rapl.ErrSwitched): // before the cause that it names as well
		f.Code = footprint.CounterSwitched
	case errors.Is(err, rapl.ErrNotNumber):
		f.Code = footprint.CounterGarbage
	case errors.Is(err, nvml.ErrStill):
		f.Code = footprint.CounterDead
	case errors.Is(err, nvml.ErrSlow):
		f.Code = footprint.CounterGap
	case errors.Is(err, nvml.ErrUsers):
		f.Code = footprint.ShareUnknown
	case errors.Is(err, rapl.ErrImplausible), errors.Is(err, nvml.ErrImplausible):
		f.Code = footprint.CounterRefused
	case errors.Is(err, rapl.ErrAmbiguous):
		f.Code = footprint.CounterAmbiguous
	case errors.Is(err, rapl.ErrLost), errors.Is(err, nvml.ErrLost):
		f.Code = footprint.CounterLost
	}
	return f
}
