package store

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNumbersComeBackAsTheyWereWritten(t *testing.T) {
	for s, ok := range map[string]bool{
		"0": true, "1": true, "0.5": true, "12.000001": true, "0.000000": true, "123456789.012345": true, "5,": true, "9.9}": true,
		"": false, ".5": false, "5.": false, "00": false, "01.5": false, "-1": false, "1.2.3": true, "12345678901234567890": false, "0.12345678901234567": false, "x": false,
	} {
		n, length, got := number(s)
		assert.Equal(t, ok, got, s)
		if got {
			assert.Equal(t, s[:length], string(appendNumber(nil, n)), s)
		}
	}
}

// FuzzPacked: whatever a cell holds comes back.
func FuzzPacked(f *testing.F) {
	f.Add(`[{"kind":"cpu","energy_joules":12.345678,"low_joules":0}]`)
	f.Add("a:1:2.5:\x00:3")
	f.Add(`:::0.1e5,:-3:1.`)
	f.Fuzz(func(t *testing.T, s string) {
		x := newIndex()
		c := newCoder(&x.words)
		for range 2 { // the second time its skeleton is known
			c.read, c.out = false, c.out[:0]
			c.packed(&s)
			d := coder{list: x.words.list, read: true, in: bytes.Clone(c.out)}
			var got string
			d.packed(&got)
			if got != s || len(d.in) > 0 {
				t.Fatalf("%q became %q, with %q left", s, got, d.in)
			}
		}
	})
}
