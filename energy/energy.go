// Package energy holds the words that every other package speaks: amounts of
// energy and power, the component that used it, one reading of its counter, and
// the Meter that reads. It imports nothing but the standard library and does no
// I/O.
//
// Start with [Meter]; [Wrap] and [Gauge] are for those who write one.
package energy

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Energy is an amount of energy in microjoules. It is an integer, like a
// time.Duration, so that sums are exact and do not depend on their order. The
// largest is about 2.56 GWh. The zero value is no energy. In JSON it is a number
// of joules, in CSV the same with six decimals.
type Energy int64

// Amounts of energy.
const (
	Microjoule   Energy = 1
	Millijoule          = 1000 * Microjoule
	Joule               = 1000 * Millijoule
	WattHour            = 3600 * Joule
	KilowattHour        = 1000 * WattHour
)

// MaxEnergy is the largest Energy, about 2.56 GWh. Arithmetic that would pass it
// stays there, so that a sum of MaxEnergy is known to be at least that much: whoever
// shows a sum says so. -MaxEnergy is the same at the other end.
const MaxEnergy Energy = math.MaxInt64

// Joules returns e in joules.
func (e Energy) Joules() float64 { return float64(e) / float64(Joule) }

// KilowattHours returns e in kWh.
func (e Energy) KilowattHours() float64 { return float64(e) / float64(KilowattHour) }

// Scale returns e times f, rounded to the nearest microjoule. A factor that is
// NaN counts as 0; a result beyond the range of Energy is the nearest end of it.
func (e Energy) Scale(f float64) Energy {
	x := math.Round(float64(e) * f)
	switch {
	case math.IsNaN(x):
		return 0
	case x >= math.MaxInt64:
		return MaxEnergy
	case x <= -math.MaxInt64:
		return -MaxEnergy
	}
	return Energy(x)
}

// Plus returns e + o, or the end of the range, MaxEnergy or -MaxEnergy, that it
// would pass.
func (e Energy) Plus(o Energy) Energy {
	switch {
	case e > 0 && o > MaxEnergy-e:
		return MaxEnergy
	case e < 0 && o < -MaxEnergy-e:
		return -MaxEnergy
	}
	return e + o
}

// Joules returns the Energy of j joules, rounded to the nearest microjoule.
func Joules(j float64) Energy { return Joule.Scale(j) }

// String returns e in joules with as many decimals as it has, such as "12.5 J".
func (e Energy) String() string {
	return string(e.append(make([]byte, 0, 24), 0)) + " J"
}

// Fixed returns e in joules with exactly six decimals, as it stands in a CSV.
func (e Energy) Fixed() string {
	return string(e.append(make([]byte, 0, 24), 6))
}

// append writes joules with at least min decimals and at most six.
func (e Energy) append(to []byte, min int) []byte {
	u := uint64(e)
	if e < 0 {
		to = append(to, '-')
		u = -u
	}
	to = strconv.AppendUint(to, u/1e6, 10)
	frac := u % 1e6
	digits := 6
	for digits > min && frac%10 == 0 {
		frac /= 10
		digits--
	}
	if digits == 0 {
		return to
	}
	to = append(to, '.')
	for pad := digits - len(strconv.FormatUint(frac, 10)); pad > 0; pad-- {
		to = append(to, '0')
	}
	return strconv.AppendUint(to, frac, 10)
}

// ParseJoules reads a decimal number of joules, such as "12.345678" or
// "1.5e3", exactly. More than six decimals are rounded to the nearest
// microjoule. What is not a number, or does not fit, is an error.
func ParseJoules(s string) (Energy, error) {
	if s == "" || len(s) > 64 || strings.ContainsAny(s, "_/xXbBoOpPnN") {
		return 0, fmt.Errorf("energy: %q is not a number of joules", clip(s))
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if exp, err := strconv.Atoi(s[i+1:]); err != nil || exp > 40 || exp < -60 {
			return 0, fmt.Errorf("energy: %q is not a number of joules", clip(s))
		}
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fmt.Errorf("energy: %q is not a number of joules", clip(s))
	}
	r.Mul(r, big.NewRat(int64(Joule), 1))
	half := big.NewRat(1, 2)
	if r.Sign() < 0 {
		r.Sub(r, half)
	} else {
		r.Add(r, half)
	}
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return 0, fmt.Errorf("energy: %q joules is more than can be held", clip(s))
	}
	return Energy(n.Int64()), nil
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// MarshalJSON writes joules as an exact decimal number.
func (e Energy) MarshalJSON() ([]byte, error) { return e.append(nil, 0), nil }

// UnmarshalJSON reads a number of joules; null leaves e as it is.
func (e *Energy) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	v, err := ParseJoules(string(b))
	if err == nil {
		*e = v
	}
	return err
}

// MarshalCSV writes joules with six decimals.
func (e Energy) MarshalCSV() (string, error) { return e.Fixed(), nil }

// UnmarshalCSV reads a number of joules; an empty cell is 0.
func (e *Energy) UnmarshalCSV(s string) error {
	if s == "" {
		*e = 0
		return nil
	}
	v, err := ParseJoules(s)
	if err == nil {
		*e = v
	}
	return err
}

// Power is a rate of energy in microwatts. The zero value is none, or, where a
// limit is meant, none known.
type Power int64

// Amounts of power.
const (
	Microwatt Power = 1
	Milliwatt       = 1000 * Microwatt
	Watt            = 1000 * Milliwatt
	Kilowatt        = 1000 * Watt
)

// Watts returns the Power of w watts, rounded to the nearest microwatt.
func Watts(w float64) Power { return Power(Joules(w)) }

// Watts returns p in watts.
func (p Power) Watts() float64 { return float64(p) / float64(Watt) }

// Over returns the energy of p during d, rounded down to a microjoule, and
// exact otherwise. A p or d below 0 gives 0, and what does not fit is MaxEnergy.
func (p Power) Over(d time.Duration) Energy {
	if p <= 0 || d <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(p), uint64(d))
	if hi >= uint64(time.Second) {
		return MaxEnergy
	}
	q, _ := bits.Div64(hi, lo, uint64(time.Second))
	if q > uint64(MaxEnergy) {
		return MaxEnergy
	}
	return Energy(q)
}

// Per returns the mean power of e over d, 0 if d is not above 0.
func (e Energy) Per(d time.Duration) Power {
	if d <= 0 {
		return 0
	}
	return Power(e.Scale(1 / d.Seconds()))
}

// ErrUnavailable says that this machine has no such source of readings. It is
// no fault. A source that is there but closed to us is fs.ErrPermission.
var ErrUnavailable = errors.New("energy source not available")
