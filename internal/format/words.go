package format

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"github.com/carbonctl/carbonctl/energy"
)

// NameText shows a name where nothing else can tell that there is none.
func NameText(s string) string {
	if strings.TrimSpace(s) == "" {
		return "(none)"
	}
	return s
}

// Lower begins a title of ours with a small letter.
func Lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// Left says how much time is left, to the second: "12 s left", "1m 3s left".
func Left(d time.Duration) string {
	if d = d.Round(time.Second); d < time.Minute {
		return fmt.Sprintf("%d s left", max(int(d.Seconds()), 1))
	}
	return Duration(d) + " left"
}

// Minute shows a time to the minute, in UTC.
func Minute(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// Plural chooses the word that fits a number.
func Plural(n int, one, more string) string {
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
	return Thousands(int(n)) + " " + what + "s"
}

// KindWord is how a kind of component is written.
func KindWord(k energy.Kind) string {
	switch k {
	case energy.CPU, energy.GPU:
		return strings.ToUpper(string(k))
	}
	return string(k)
}

// Columns is how many columns a terminal gives to text: two to a Chinese character, none to
// a combining accent.
func Columns(s string) int { return uniseg.StringWidth(s) }

// Cut shortens text to some columns, with an ellipsis.
func Cut(s string, most int) string {
	if Columns(s) <= most {
		return s
	}
	kept, used := "", 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if used += g.Width(); used > most-1 {
			break
		}
		kept += g.Str()
	}
	return strings.TrimRight(kept, " ,;") + "…"
}

// Seconds is a duration of s seconds; one too long for a Duration is the longest.
func Seconds(s float64) time.Duration {
	if ns := s * float64(time.Second); math.Abs(ns) < math.MaxInt64 {
		return time.Duration(ns)
	}
	if s < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}

// OrZero is a number, 0 for nil.
func OrZero(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// Signed shows a part of 1 with its sign, where that can be seen: "+3.2 %".
func Signed(x float64) string {
	if math.Abs(x) < 0.0005 {
		return Percent(math.Abs(x))
	}
	if x < 0 {
		return "−" + Percent(-x)
	}
	return "+" + Percent(x)
}

// shortID is how much of a run's ID is shown: a UUIDv7 begins with its time, of which
// these are about 250 ns; other UUIDs are random from the start.
const shortID = 18

// RunCount says how many runs: "1 run", "5,000 runs".
func RunCount(n int) string { return Thousands(n) + Plural(n, " run", " runs") }

// Thousands shows a number of things: "5,000".
func Thousands(n int) string { return energy.Fixed(float64(n), 0) }

// MonthLayout is the layout of a month in the names of groups.
const MonthLayout = "2006-01"

// ShortIDs are as much of the IDs of runs as opens them; where two of them begin alike,
// the whole.
func ShortIDs(n int, id func(i int) string) []string {
	ids, seen := make([]string, n), map[string]int{}
	for i := range ids {
		ids[i] = ShortID(id(i))
		seen[ids[i]]++
	}
	for i := range ids {
		if seen[ids[i]] > 1 {
			ids[i] = id(i)
		}
	}
	return ids
}

// ShortID is as much of a run's ID as people are shown, and as opens it.
func ShortID(id string) string {
	if len(id) == 36 && strings.Count(id, "-") == 4 {
		return id[:shortID]
	}
	return id
}

// CountNumber shows a count whole, and one of more than 15 digits as a power of ten.
func CountNumber(n float64) string {
	if n >= 1e15 {
		s := fmt.Sprintf("%.2e", n)
		return strings.Replace(s, "e+", "e", 1)
	}
	if n == math.Trunc(n) {
		return energy.Fixed(n, 0)
	}
	return energy.Fixed(n, -2)
}

// Clip cuts text to n characters, the last of which is then an ellipsis.
func Clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
