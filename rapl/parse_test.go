package rapl

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "0\n": 0, "262143328850\n": 262143328850, " 7 \r\n": 7, "\t7\n\n\n": 7, "007": 7,
		"9223372036854775807": math.MaxInt64,
	} {
		got, err := parse([]byte(text))
		assert.NoError(t, err, "%q", text)
		assert.Equal(t, want, got, "%q", text)
	}
	for _, text := range []string{
		"", "\n", "-1", "+1", "1e9", "1.5", "0x10", "1 2", "1\n2", "1\x00", "\x00", "12a", "<no value>", "١",
		"9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999999999999999999999999999999",
	} {
		_, err := parse([]byte(text))
		assert.ErrorIs(t, err, ErrNotNumber, "%q", text)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "-1", "1e9", "18446744073709551616", "9223372036854775807", "\x00", "1\x00", " 12 \n", "12\n34"} {
		f.Add([]byte(s))
	}
	number := regexp.MustCompile(`\A[ \t\r\n]*([0-9]+)[ \t\r\n]*\z`)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parse(b)
		m := number.FindSubmatch(b)
		if m == nil {
			assert.ErrorIs(t, err, ErrNotNumber)
			return
		}
		want, wrong := strconv.ParseInt(string(m[1]), 10, 64)
		if wrong != nil {
			assert.ErrorIs(t, err, ErrNotNumber)
			return
		}
		assert.NoError(t, err)
		assert.Equal(t, uint64(want), got)
	})
}

// Whatever zones call themselves, an ID says which package is meant, and no two
// counters share one.
func FuzzKeyOf(f *testing.F) {
	f.Add("package-0", "", "psys", "")
	f.Add("dram", "package-1", "dram", "package-1-die-0")
	f.Add("core", "package-10-die-2", "package-10-die-2", "")
	f.Add("psys-0", "", "package-00", "psys")
	f.Fuzz(func(t *testing.T, a, aParent, b, bParent string) {
		ka, kb := keyOf(a, aParent), keyOf(b, bParent)
		ca, cb := ka.component(), kb.component()
		assert.Equal(t, ka == kb, ca == cb, "%+v %+v", ka, kb)
		assert.Equal(t, ka.compare(kb), -kb.compare(ka))
		if ka.domain == pkg {
			assert.Equal(t, a, ca.ID)
		}
		if ca.Within != "" {
			assert.Equal(t, aParent, ca.Within)
			assert.True(t, strings.HasPrefix(ca.ID, a))
		}
	})
}
