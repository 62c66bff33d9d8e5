package store

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// JSON that rows hold differs from one to the next mostly in its numbers: what stands around
// them is a word of the dictionary, with a NUL in the place of each.

const (
	maxSkeletons = 10_000  // more of them save nothing
	maxMantissa  = 1 << 58 // of a number that is packed
	maxFraction  = 15      // digits
)

// packed is JSON of which many rows have the same, but for numbers.
func (c *coder) packed(s *string) {
	if c.read {
		n := c.uint()
		if n == 0 {
			*s = string(c.take(int(c.uint())))
			return
		}
		c.buf = c.buf[:0]
		rest := c.list[n-1]
		for i := strings.IndexByte(rest, 0); i >= 0; i = strings.IndexByte(rest, 0) {
			c.buf = appendNumber(append(c.buf, rest[:i]...), c.uint())
			rest = rest[i+1:]
		}
		*s = string(append(c.buf, rest...))
		return
	}
	c.buf, c.nums = c.buf[:0], c.nums[:0]
	if strings.IndexByte(*s, 0) < 0 {
		for rest := *s; rest != ""; {
			i := strings.IndexByte(rest, ':') + 1
			c.buf, rest = append(c.buf, rest[:or(i, len(rest))]...), rest[or(i, len(rest)):]
			if n, length, ok := number(rest); ok {
				c.buf, c.nums, rest = append(c.buf, 0), append(c.nums, n), rest[length:]
			}
		}
	}
	at, known := c.known[string(c.buf)]
	if !known {
		var word string
		if at, word, known = c.words.skeleton(c.buf, len(c.nums)); known {
			c.known[word] = at
		}
	}
	if !known {
		c.out = append(c.out, 0)
		c.text(s)
		return
	}
	c.out = binary.AppendUvarint(c.out, uint64(at)+1)
	for _, n := range c.nums {
		c.out = binary.AppendUvarint(c.out, n)
	}
}

func or(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// number reads the number that s begins with, where it comes back as it is written: its
// digits, and in the lowest four bits how many of them follow the point.
func number(s string) (n uint64, length int, ok bool) {
	fraction, point := uint64(0), false
	for ; length < len(s); length++ {
		b := s[length]
		if b == '.' && !point {
			point = true
			continue
		}
		if b < '0' || b > '9' {
			break
		}
		if n >= maxMantissa/10 {
			return 0, 0, false
		}
		n = n*10 + uint64(b-'0')
		if point {
			fraction++
		}
	}
	if length == 0 || fraction > maxFraction {
		return 0, 0, false
	}
	n = n<<4 | fraction
	var back [40]byte
	return n, length, string(appendNumber(back[:0], n)) == s[:length]
}

// appendNumber writes a number as it was read.
func appendNumber(to []byte, n uint64) []byte {
	fraction := int(n & 15)
	at := len(to)
	to = strconv.AppendUint(to, n>>4, 10)
	if fraction == 0 {
		return to
	}
	for len(to)-at <= fraction { // "0.5" has the digits 5
		to = append(to[:at], append([]byte{'0'}, to[at:]...)...)
	}
	to = append(to, 0)
	copy(to[len(to)-fraction:], to[len(to)-fraction-1:len(to)-1])
	to[len(to)-fraction-1] = '.'
	return to
}
