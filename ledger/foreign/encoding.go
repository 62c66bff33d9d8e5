package foreign

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// plainText gives a text as UTF-8 whose lines end in LF, or CRLF: see utf8Of. One with
// CR and without a single LF in what is seen of it comes from a program that ends lines
// in CR, as spreadsheets for the Mac do.
func plainText(r io.Reader) *bufio.Reader {
	b := bufio.NewReaderSize(utf8Of(r), 64<<10)
	start, _ := b.Peek(64 << 10) // an error comes again
	if bytes.IndexByte(start, '\r') < 0 || bytes.IndexByte(start, '\n') >= 0 {
		return b
	}
	return bufio.NewReaderSize(crLines{b}, 64<<10)
}

// crLines ends lines in LF that end in CR.
type crLines struct{ r io.Reader }

func (c crLines) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// utf8Of gives a text as UTF-8. Spreadsheets and PowerShell write UTF-16, with a mark
// in front as a rule. Without one it is known by its first characters, which are those
// of a header, a log or a JSON object: each second byte is 0. All else is passed on as
// it is.
func utf8Of(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 64<<10)
	start, _ := b.Peek(16) // an error comes again
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe")), everySecond(start, 1):
		return &utf16Reader{in: b, order: binary.LittleEndian}
	case bytes.HasPrefix(start, []byte("\xfe\xff")), everySecond(start, 0):
		return &utf16Reader{in: b, order: binary.BigEndian}
	}
	return b
}

// everySecond reports whether each second byte is 0, from this one on, and no other.
func everySecond(b []byte, from int) bool {
	for i, c := range b {
		if (c == 0) != (i%2 == from) {
			return false
		}
	}
	return len(b) >= 8
}

type utf16Reader struct {
	in    *bufio.Reader
	order binary.ByteOrder
	out   []byte // not taken yet
}

// unit reads one unit of 16 bits.
func (u *utf16Reader) unit() (rune, error) {
	var b [2]byte
	if _, err := io.ReadFull(u.in, b[:]); err != nil {
		return 0, err
	}
	return rune(u.order.Uint16(b[:])), nil
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) < len(p) {
		c, err := u.unit()
		if err == nil && utf16.IsSurrogate(c) {
			var second rune
			second, err = u.unit()
			c = utf16.DecodeRune(c, second)
		}
		if err != nil {
			if len(u.out) == 0 {
				return 0, err
			}
			break
		}
		u.out = utf8.AppendRune(u.out, c)
	}
	n := copy(p, u.out)
	u.out = append(u.out[:0], u.out[n:]...)
	return n, nil
}
