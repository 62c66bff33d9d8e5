package runs

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrNotNumber is what a Number's cell holds if it is no finite decimal number:
// NaN, an infinity, a decimal comma, a thousands separator, a unit.
var ErrNotNumber = errors.New("not a decimal number")

// MarshalCSV writes n as the shortest decimal that reads back the same, without
// an exponent. NaN and the infinities are ErrNotNumber.
func (n Number) MarshalCSV() (string, error) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", fmt.Errorf("%v: %w", f, ErrNotNumber)
	}
	return strconv.FormatFloat(f, 'f', -1, 64), nil
}

// UnmarshalCSV reads a decimal number; an empty cell is 0. An exponent is read,
// since other programs write one. Anything else is ErrNotNumber: "1,5" is
// refused, not taken for 1.5 or 15.
func (n *Number) UnmarshalCSV(s string) error {
	if s == "" {
		*n = 0
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !isDecimal(s) {
		return fmt.Errorf("%.40q: %w", s, ErrNotNumber)
	}
	*n = Number(f)
	return nil
}

// isDecimal reports whether s has no character but those of a decimal number:
// ParseFloat takes "inf", "0x1p-2" and "1_000" too.
func isDecimal(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', c == '.', c == 'e', c == 'E', c == '+', c == '-':
		default:
			return false
		}
	}
	return true
}

const stampLayout = "2006-01-02T15:04:05.000Z"

// MarshalCSV writes t in UTC with milliseconds, what is finer cut off; the zero
// time is an empty cell. A year that RFC 3339 cannot hold is an error.
func (t Stamp) MarshalCSV() (string, error) {
	if t.IsZero() {
		return "", nil
	}
	u := t.UTC()
	if y := u.Year(); y < 0 || y > 9999 {
		return "", fmt.Errorf("year %d is outside 0000 to 9999", y)
	}
	return u.Format(stampLayout), nil
}

// UnmarshalCSV reads a time of RFC 3339 in any zone and keeps it in UTC; an
// empty cell is the zero time.
func (t *Stamp) UnmarshalCSV(s string) error {
	if s == "" {
		*t = Stamp{}
		return nil
	}
	var at time.Time
	// Package time takes a comma before the fraction; RFC 3339 does not.
	if err := at.UnmarshalText([]byte(s)); err != nil || strings.Contains(s, ",") {
		return fmt.Errorf("%.40q is not a time such as 2026-01-31T13:00:00.000Z", s)
	}
	*t = Stamp{at.UTC()}
	return nil
}

// LabelCell returns labels as they stand in a Row: a compact JSON object with
// its keys sorted, or "" if there are none.
func LabelCell(labels map[string]string) string {
	if len(labels) == 0 {
		return ""
	}
	cell, _ := compact(labels) // a map of strings always encodes
	return cell
}

// compact is the form that a cell has of JSON: no blanks, keys sorted, and
// letters as they are.
func compact(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
