package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lines gives one line at a time, each with its line end, in memory that does
// not grow with the file or with a line.
type lines struct {
	r    *bufio.Reader
	long []byte
	n    int64 // lines so far
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line, valid until the call after. A line beyond MaxRow
// is cut there and has no line end. A last line without one comes back with a
// nil error; after it comes io.EOF.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = l.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			l.keep(line)
			line, err = l.r.ReadSlice('\n')
		}
		l.keep(line)
		line = l.long
	}
	if len(line) == 0 {
		return nil, err
	}
	l.n++
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return line, err
}

// keep adds to the long line what still fits. What does not has the line end.
func (l *lines) keep(part []byte) {
	l.long = append(l.long, part[:min(len(part), MaxRow-len(l.long))]...)
}

func isBlank(line []byte) bool { return len(bytes.TrimRight(line, "\r\n")) == 0 }
