package timespec

import (
	"testing"
	"time"
	_ "time/tzdata" // for a system without it

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestComing(t *testing.T) {
	// A Sunday; clocks in this zone have no summer time.
	zone := time.FixedZone("X", 2*3600)
	now := time.Date(2026, 11, 22, 17, 30, 20, 0, zone)
	for s, want := range map[string]string{
		"2026-12-01T18:00:00Z":      "2026-12-01T20:00:00+02:00",
		"2026-12-01t18:00:00+05:00": "2026-12-01T15:00:00+02:00",
		"2026-12-01 18:00":          "2026-12-01T18:00:00+02:00",
		"2026-12-01T18:00":          "2026-12-01T18:00:00+02:00",
		"2026-12-01":                "2026-12-01T00:00:00+02:00",
		"18:00":                     "2026-11-22T18:00:00+02:00",
		"17:30":                     "2026-11-23T17:30:00+02:00",
		"9:05":                      "2026-11-23T09:05:00+02:00",
		"today 18:00":               "2026-11-22T18:00:00+02:00",
		"today 9:00":                "2026-11-22T09:00:00+02:00",
		"tomorrow":                  "2026-11-23T00:00:00+02:00",
		" Tomorrow  18:00 ":         "2026-11-23T18:00:00+02:00",
		"monday 9:00":               "2026-11-23T09:00:00+02:00",
		"sat":                       "2026-11-28T00:00:00+02:00",
		"sunday 20:00":              "2026-11-29T20:00:00+02:00",
		"+24h":                      "2026-11-23T17:30:20+02:00",
		"90m":                       "2026-11-22T19:00:20+02:00",
		"+2d":                       "2026-11-24T17:30:20+02:00",
		"1d12h":                     "2026-11-24T05:30:20+02:00",
	} {
		got, err := Coming(s, now)
		require.NoError(t, err, s)
		assert.Equal(t, want, got.In(zone).Format(time.RFC3339), s)
	}
	for _, s := range []string{"", "soon", "25:00", "tomorrow 25:00", "tomorrow 18:00 x", "-3h", "+-3h", "1d-2h", "d", "xd", "2026-13-01", "18", "99999999d"} {
		_, err := Coming(s, now)
		assert.ErrorContains(t, err, "invalid time", s)
	}
}

func TestPeriod(t *testing.T) {
	now := time.Date(2026, 11, 22, 17, 30, 20, 0, time.UTC) // a Sunday
	for s, want := range map[string][2]string{
		"2026":                      {"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		"2026-11":                   {"2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"},
		"2024-02-29":                {"2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"},
		"today":                     {"2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"},
		"Yesterday":                 {"2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"},
		"monday":                    {"2026-11-16T00:00:00Z", "2026-11-17T00:00:00Z"},
		"sun":                       {"2026-11-15T00:00:00Z", "2026-11-16T00:00:00Z"},
		"yesterday 18:00":           {"2026-11-21T18:00:00Z", "2026-11-21T18:00:00Z"},
		"9:00":                      {"2026-11-22T09:00:00Z", "2026-11-22T09:00:00Z"},
		"-30d":                      {"2026-10-23T17:30:20Z", "2026-10-23T17:30:20Z"},
		"30d":                       {"2026-10-23T17:30:20Z", "2026-10-23T17:30:20Z"},
		"-1d12h":                    {"2026-11-21T05:30:20Z", "2026-11-21T05:30:20Z"},
		"+1h":                       {"2026-11-22T18:30:20Z", "2026-11-22T18:30:20Z"},
		"2026-11-30T13:00Z":         {"2026-11-30T13:00:00Z", "2026-11-30T13:00:00Z"},
		"2026-11-30T13:00:00+01:00": {"2026-11-30T12:00:00Z", "2026-11-30T12:00:00Z"},
		"2026-11-30 13:00:05":       {"2026-11-30T13:00:05Z", "2026-11-30T13:00:05Z"},
	} {
		from, to, err := Period(s, now)
		require.NoError(t, err, s)
		assert.Equal(t, want[0], from.UTC().Format(time.RFC3339), s)
		assert.Equal(t, want[1], to.UTC().Format(time.RFC3339), s)
	}
	from, to, err := Period("", now)
	require.NoError(t, err)
	assert.True(t, from.IsZero() && to.IsZero())
	for _, s := range []string{" ", "soon", "2026-13", "2026-11-31", "30", "--30d", "-", "yesterday x", "26", "0001", "0000-01", "9999"} {
		_, _, err := Period(s, now)
		assert.ErrorContains(t, err, "invalid time", s)
	}
}

// A day's end is where the clock says it, also when it was put forward.
func TestComingOnADayOf23Hours(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	now := time.Date(2026, 3, 28, 18, 0, 0, 0, paris)
	got, err := Coming("tomorrow 18:00", now)
	require.NoError(t, err)
	assert.Equal(t, 23*time.Hour, got.Sub(now))
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"tomorrow 18:00", "+2d", "2026-12-01T18:00:00Z", "mon", "1d12h", "24:00", "-30d", "yesterday", "2026-11", "0001"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 22, 17, 30, 20, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := Coming(s, now); err == nil && got.IsZero() {
			t.Errorf("%q is the zero time", s)
		}
		from, to, err := Period(s, now)
		switch {
		case err != nil:
		case s != "" && from.IsZero():
			t.Errorf("%q begins at the zero time", s)
		case to.Before(from):
			t.Errorf("%q ends before it begins", s)
		}
	})
}

// A time that the clock skips is refused, not moved by an hour.
func TestSkippedTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	now := time.Date(2027, 3, 27, 12, 0, 0, 0, berlin) // clocks go forward on the 28th at 2
	for _, skipped := range []string{"tomorrow 02:30", "2027-03-28 02:30", "2027-03-28T02:00:00", "sunday 2:59", "2:30"} {
		_, err := Coming(skipped, now)
		assert.ErrorContains(t, err, "clocks go forward over it", skipped)
	}
	for _, shown := range []string{"tomorrow 03:00", "2027-03-28 01:59", "2027-03-28T00:30:00Z"} {
		_, err := Coming(shown, now)
		assert.NoError(t, err, shown)
	}
	next, err := Coming("2:30", now.Add(24*time.Hour)) // today it was skipped
	require.NoError(t, err)
	assert.Equal(t, "2027-03-29T02:30:00+02:00", next.Format(time.RFC3339))
	twice, err := Coming("2027-10-31 02:30", now)
	require.NoError(t, err)
	assert.Equal(t, 2, twice.Hour())
}
