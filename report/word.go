package report

import "time"

// minute shows a time to the minute, in UTC.
func minute(t time.Time) string {
	if t.IsZero() {
		return "not known"
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
