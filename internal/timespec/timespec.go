// Package timespec reads times and durations as people write them, the same way in every
// command:
//
//	2026-12-01T18:00:00Z  2026-12-01 18:00     a time; without an offset, in the zone of now
//	2026  2026-11  2026-11-30                  a year, a month, a day
//	today  yesterday  tomorrow  monday         a day
//	18:00  tomorrow 18:00  monday 9:00         a time of a day
//	+24h  -30d  90m  1d12h                     from now
//
// A time that a clock skips in spring, 02:30 on that night, is none; of one that it shows
// twice in autumn it is the first or the second, as package time has it.
package timespec

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Stamp reads RFC 3339, with or without seconds, as services and programs write it.
func Stamp(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid time %.40q: use RFC 3339, such as 2026-12-01T18:00:00Z", s)
}

// Duration reads how long something is, 0 or more: as [time.ParseDuration] does, with days
// in front: "24h", "2d", "0.5d", "1d12h".
func Duration(s string) (time.Duration, bool) {
	var d time.Duration
	if days, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0 && n < 1e5) {
			return 0, false
		}
		if d = time.Duration(n * 24 * float64(time.Hour)); rest == "" {
			return d, true
		}
		s = rest
	}
	more, err := time.ParseDuration(s)
	return d + more, err == nil && more >= 0
}

// Coming reads a time to come: "18:00" is the next time that a clock shows it, "monday" the
// next one, not today, "2d" in two days. A day, month or year is its beginning.
func Coming(s string, now time.Time) (time.Time, error) {
	p, ok := parse(s, now, +1)
	if p.clock && !p.from.After(now) { // or tomorrow, also where there was no such time today
		day := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location())
		p, ok = parse(day.Format(time.DateOnly)+" "+strings.TrimSpace(s), day, +1)
	}
	if p.skipped {
		return time.Time{}, skipped(s)
	}
	if !ok || strings.HasPrefix(strings.TrimSpace(s), "-") {
		return time.Time{}, fmt.Errorf("invalid time %.40q: use +24h, 18:00, 'tomorrow 18:00' or 2026-12-01T18:00:00Z", s)
	}
	return p.from, nil
}

// Period reads a time that may be past, and how far it reaches: a year, a month or a day
// ends before to, while a time is both. "monday" is the last one, not today, "30d" was
// thirty days ago. Both are zero for "".
func Period(s string, now time.Time) (from, to time.Time, err error) {
	if s == "" {
		return from, to, nil
	}
	p, ok := parse(s, now, -1)
	if p.skipped {
		return from, to, skipped(s)
	}
	if !ok {
		return from, to, fmt.Errorf("invalid time %.40q: use 2026-11, 2026-11-30, yesterday, -30d or 2026-11-30T13:00:00Z", s)
	}
	return p.from, p.to, nil
}

func skipped(s string) error {
	return fmt.Errorf("invalid time %.40q: clocks go forward over it; give a later hour, or an offset", s)
}

// period is what a text names: from until before to, or the time from where they are
// equal. clock: it is that of a day which was not named. skipped: there is no such time.
type period struct {
	from, to time.Time
	clock    bool
	skipped  bool
}

// parse reads any of the forms, of this age. sign is where what may be on both sides lies:
// +1 to come, -1 past.
func parse(s string, now time.Time, sign int) (period, bool) {
	p, ok := anyOf(strings.ToLower(strings.Join(strings.Fields(s), " ")), now, sign)
	return p, ok && p.from.Year() >= 1900 && p.to.Year() <= 9999
}

func anyOf(text string, now time.Time, sign int) (p period, ok bool) {
	point := func(t time.Time) (period, bool) { return period{from: t, to: t}, true }
	if t, err := Stamp(strings.ToUpper(text)); err == nil {
		return point(t)
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02t15:04", "2006-01-02 15:04:05", "2006-01-02t15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			if bare, _ := time.Parse(layout, text); !sameClock(t, bare) {
				return period{skipped: true}, false // where clocks go forward
			}
			return point(t)
		}
	}
	for _, l := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {time.DateOnly, 0, 0, 1}} {
		if t, err := time.ParseInLocation(l.layout, text, now.Location()); err == nil {
			return period{from: t, to: t.AddDate(l.years, l.months, l.days)}, true
		}
	}
	if rest, signed := strings.CutPrefix(text, "+"); signed {
		text, sign = strings.TrimSpace(rest), +1
	} else if rest, signed := strings.CutPrefix(text, "-"); signed {
		text, sign = strings.TrimSpace(rest), -1
	}
	if d, ok := Duration(text); ok {
		return point(now.Add(time.Duration(sign) * d))
	}
	return ofDay(text, now, sign)
}

// ofDay reads a day by its name, a time of the day, or both.
func ofDay(text string, now time.Time, sign int) (p period, ok bool) {
	name, clock, _ := strings.Cut(text, " ")
	day, named := dayOf(name, now, sign)
	if !named {
		clock = text
	}
	at := func(day, hour, minute int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+day, hour, minute, 0, 0, now.Location())
	}
	if clock == "" {
		return period{from: at(day, 0, 0), to: at(day+1, 0, 0)}, named
	}
	c, err := time.Parse("15:04", clock)
	if err != nil {
		return p, false
	}
	t := at(day, c.Hour(), c.Minute())
	if !sameClock(t, c) {
		return period{from: t, to: t, skipped: true, clock: !named}, false // where clocks go forward
	}
	return period{from: t, to: t, clock: !named}, true
}

// sameClock reports whether two times show the same on a clock.
func sameClock(t, u time.Time) bool { return t.Hour() == u.Hour() && t.Minute() == u.Minute() }

// dayOf is how many days off the day of a name is; a weekday is 1 to 7 days off.
func dayOf(name string, now time.Time, sign int) (day int, ok bool) {
	switch name {
	case "today":
		return 0, true
	case "tomorrow":
		return 1, true
	case "yesterday":
		return -1, true
	}
	for d := 1; d <= 7; d++ {
		long := strings.ToLower(now.AddDate(0, 0, sign*d).Weekday().String())
		if name == long || name == long[:3] {
			return sign * d, true
		}
	}
	return 0, false
}
