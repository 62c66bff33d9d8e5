package foreign

import (
	"bufio"
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// utf8Of gives a text as UTF-8. Spreadsheets and PowerShell write UTF-16, with a mark
// in front; all else is passed on as it is.
func utf8Of(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 64<<10)
	mark, _ := b.Peek(2) // an error comes again
	switch string(mark) {
	case "\xff\xfe":
		return &utf16Reader{in: b, order: binary.LittleEndian}
	case "\xfe\xff":
		return &utf16Reader{in: b, order: binary.BigEndian}
	}
	return b
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
