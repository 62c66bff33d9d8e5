package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// moment reads a time to come as people write it: RFC 3339, "2026-12-01 18:00",
// "18:00" (the next time that a clock shows it), "tomorrow", "tomorrow 18:00",
// "monday 9:00" (the next one, not today), or "+24h", "+2d". Without an offset
// it is in the time zone of now.
func moment(s string, now time.Time) (time.Time, error) {
	text := strings.ToLower(strings.Join(strings.Fields(s), " "))
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(text)); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02t15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	if d, ok := later(strings.TrimSpace(strings.TrimPrefix(text, "+"))); ok {
		return now.Add(d), nil
	}
	day, clock, _ := strings.Cut(text, " ")
	days, named := 0, true
	switch day {
	case "today":
	case "tomorrow":
		days = 1
	default:
		if days, named = weekday(day, now); !named {
			clock = text
		}
	}
	hour, minute := 0, 0
	if clock != "" || !named {
		c, err := time.Parse("15:04", clock)
		if err != nil {
			return time.Time{}, fmt.Errorf("invalid time %.40q: use +24h, 18:00, 'tomorrow 18:00' or 2026-12-01T18:00:00Z", s)
		}
		hour, minute = c.Hour(), c.Minute()
	}
	at := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, hour, minute, 0, 0, now.Location())
	}
	if t := at(days); named || t.After(now) {
		return t, nil
	}
	return at(1), nil
}

// weekday is how many days off the next one of that name is, 1 to 7.
func weekday(name string, now time.Time) (days int, ok bool) {
	for d := 1; d <= 7; d++ {
		long := strings.ToLower(((now.Weekday() + time.Weekday(d)) % 7).String())
		if name == long || name == long[:3] {
			return d, true
		}
	}
	return 0, false
}

// after reads how long something is: "24h", "90m", "2d", "1d12h".
func later(s string) (time.Duration, bool) {
	var d time.Duration
	if days, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, false
		}
		if d = time.Duration(n) * 24 * time.Hour; rest == "" {
			return d, true
		}
		s = rest
	}
	more, err := time.ParseDuration(s)
	return d + more, err == nil && more >= 0
}
