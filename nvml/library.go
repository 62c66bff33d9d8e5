package nvml

import (
	"errors"
	"io/fs"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

//go:generate go run ./internal/gen

// Errors of a Meter, for errors.Is. They come with the GPU and what the driver
// said.
var (
	// ErrLost: the GPU has fallen off the bus, or its driver is gone.
	ErrLost = errors.New("GPU lost")
	// ErrImplausible: the driver answered, with more than a GPU can use.
	ErrImplausible = errors.New("implausibly high reading")
	// ErrSlow: the driver has not answered in time.
	ErrSlow = errors.New("driver not responding")
	// ErrUsers: it is not known who used the GPU, so that the whole is charged.
	ErrUsers = errors.New("no per-process data, charging the whole GPU")
)

// What else an answer of the driver can mean to us.
var (
	errMissing     = errors.New("not in this driver")        // it is older than the function
	errUnsupported = errors.New("not supported by this GPU") // nor will it ever be
	errNothing     = errors.New("nothing new")               // no sample since the last one
	errAnswer      = errors.New("the driver failed")         // this time
	errNoEnergy    = errors.New("no energy or power reading")
)

// An opener loads a library and initialises it. It may take seconds, or never
// return.
type opener func() (library, error)

// A library is one way to ask for GPUs: NVIDIA's own, nvidia-smi, or a script in
// a test. It is the only thing that the rest of the package knows of them.
type library struct {
	source  string // as it stands in energy.Component
	driver  string // its version, or ""
	devices []device
	close   func()
	err     error // it could not be opened: the devices are what the kernel shows
}

// A device is one GPU, and what can be asked about it. A function that is nil is
// not there. One device is asked by one goroutine at a time, different ones at
// the same time; every call may be slow.
type device struct {
	uuid, name string
	bus        string       // its PCI address, which sorts
	limit      energy.Power // the highest power limit it can be given, 0 if not known
	mig        bool         // cut into slices
	part       bool         // a virtual GPU, that is a part of one
	whole      int          // slices that it can be cut into
	slices     []slice
	missing    []string // what could not be asked, and why
	err        error    // why it can't be read at all

	fields    func([]field) error
	total     func() (millijoules uint64, err error)
	power     func() (milliwatts uint64, at time.Time, err error)
	every     time.Duration // how old power may be, besides what its sensor is
	use       func() (used, error)
	samples   func(module bool, since int64, to []sample) ([]sample, error)
	busy      func(since int64, to []busy) ([]busy, error)
	processes func(to []int) ([]int, error)
	accounts  func(to []account) ([]account, error)
}

// A field is a question to the driver, and its answer.
type field struct {
	id, scope uint32
	value     uint64
	stamp     int64 // microseconds since 1970, 0 if not known
	err       error
}

// The fields of NVML that we read (nvml.h of driver 580: NVML_FI_DEV_ENERGY,
// NVML_FI_DEV_POWER_INSTANT), and the scopes that they can be asked for
// (NVML_POWER_SCOPE_*).
const (
	fieldEnergy = 191 // mJ since the driver was loaded
	fieldTotal  = 83  // the same, in drivers that do not know 191; has no scope
	fieldPower  = 186 // mW now

	scopeGPU    = 0
	scopeModule = 1
	scopeMemory = 2
)

// A sample is one entry of the driver's own record of power.
type sample struct {
	stamp      int64 // microseconds since 1970
	milliwatts uint64
}

// A busy entry says for how much of a sampling period a process kept the GPU's
// multiprocessors busy.
type busy struct {
	pid     int
	stamp   int64 // microseconds since 1970
	percent uint32
}

// An account is what the driver has booked for a process since it began.
type account struct {
	pid     int
	start   uint64        // tells two processes of one pid apart
	time    time.Duration // that it has had a context
	percent uint32        // of that time, busy
}

// A slice is a MIG instance.
type slice struct {
	uuid      string
	size      int                                // of the device's whole
	busy      func() (percent uint32, err error) // nil: the hardware does not tell
	processes func(to []int) ([]int, error)
}

// meaning turns an answer into one of ours.
func meaning(code int) error {
	switch code {
	case 0:
		return nil
	// INVALID_ARGUMENT: it does not know the field; NOT_SUPPORTED;
	// OPERATING_SYSTEM: a sandbox such as gVisor lets single questions through;
	// ARGUMENT_VERSION_MISMATCH; DEPRECATED
	case 2, 3, 17, 25, 26:
		return errUnsupported
	case 4:
		return fs.ErrPermission
	case 6, 21: // NOT_FOUND, NO_DATA
		return errNothing
	case 13: // FUNCTION_NOT_FOUND
		return errMissing
	case 1, 9, 15, 16, 18, 28: // UNINITIALIZED, DRIVER_NOT_LOADED, GPU_IS_LOST, RESET_REQUIRED, LIB_RM_VERSION_MISMATCH, GPU_NOT_FOUND
		return ErrLost
	}
	return errAnswer
}

// A fault is an answer of the driver other than success.
type fault struct {
	call, text string
	code       int
}

func (f fault) Error() string { return f.call + ": " + f.text }
func (f fault) Unwrap() error { return meaning(f.code) }

// never reports whether asking again is in vain.
func never(err error) bool { return errors.Is(err, errUnsupported) || errors.Is(err, errMissing) }
