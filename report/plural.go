package report

import (
	"time"
)

// minute shows a time to the minute, in UTC.
func minute(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// plural chooses the word that fits a number.
func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// Count says how many there are of something: "1 row", "3,000 rows".
func Count[N int | int64 | uint32](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(int(n)) + " " + what + "s"
}
