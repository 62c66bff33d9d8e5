package foreign

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ccTimes are the forms of a timestamp, those with a zone first.
var ccTimes = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z07:00",
	"2006-01-02T15:04:05-0700", "2006-01-02 15:04:05-0700", "2006-01-02 15:04:05 -0700",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05",
}

// ccTime reads a timestamp; zoned says that it names its zone.
func ccTime(text string, in *time.Location) (at time.Time, zoned bool, err error) {
	for i, form := range ccTimes {
		if at, err = time.ParseInLocation(form, text, in); err == nil {
			return at, i < len(ccTimes)-2, nil
		}
	}
	return at, false, notTime(text)
}

func notTime(text string) error {
	return fmt.Errorf("timestamp: %.40q is not a time such as 2022-05-03T10:00:00", text)
}

// ccPlainDate turns a time as a spreadsheet shows it into one of ccTimes, where
// only one day can be meant: with dots the day comes first, with slashes in one
// half of the world.
func ccPlainDate(text string) (string, error) {
	m := ccDate().FindStringSubmatch(text)
	if m == nil {
		return text, nil
	}
	day, _ := strconv.Atoi(m[1]) // two digits at most
	month, _ := strconv.Atoi(m[3])
	year, _ := strconv.Atoi(m[4])
	switch {
	case m[2] == "." || day > 12:
	case month > 12:
		day, month = month, day
	case day != month:
		return "", fmt.Errorf("timestamp: %.40q is ambiguous, day or month first; write it as 2022-05-03T10:00:00", text)
	}
	if year < 100 {
		year += 2000
	}
	for _, form := range []string{"15:04:05", "15:04", "3:04:05 PM", "3:04 PM"} {
		if at, err := time.Parse(form, strings.ToUpper(m[5])); err == nil {
			return fmt.Sprintf("%04d-%02d-%02dT%s", year, month, day, at.Format("15:04:05")), nil
		}
	}
	return "", notTime(text)
}

// ccDate is a time as a spreadsheet shows it.
var ccDate = lazy(`^([0-9]{1,2})([/.])([0-9]{1,2})[/.]([0-9]{4}|[0-9]{2})[, ]*(.*)$`)
