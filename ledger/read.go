package ledger

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
)

// LineError says which line of a ledger is no row, and why.
type LineError struct {
	Name string
	Line int64 // from 1, the header's
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

// ErrTorn is a last line without a line end: what a crash left of a row.
var ErrTorn = errors.New("torn line: it has no line end")

// Read gives the rows of a ledger in their order; name is for messages. It does
// not look at the chain: that is what Verify is for.
//
// A line that is no row comes as a *LineError and reading goes on behind it. A
// header without all our columns is a *HeaderError, and like an error of r the
// last thing given. Columns may stand in any order, further ones are passed
// over, and a byte-order mark, CRLF line ends, blank lines and a header repeated
// between rows are taken as they come. An empty r has no rows. Memory does not
// grow with r.
func Read(r io.Reader, name string) iter.Seq2[footprint.Row, error] {
	return func(yield func(footprint.Row, error) bool) {
		l := newLines(r)
		cells := newCells()
		header, as, err := readHeader(l, cells, name)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				yield(footprint.Row{}, err)
			}
			return
		}
		for {
			line, err := l.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(footprint.Row{}, fmt.Errorf("read ledger %s: %w", name, err))
				return
			}
			if isBlank(line) || bytes.Equal(line, header) {
				continue
			}
			row, err := readRow(line, cells, as)
			if err != nil {
				err = &LineError{name, l.n, err}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func readHeader(l *lines, cells *cells, name string) (header []byte, as []column, err error) {
	line, err := l.next()
	if errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read ledger %s: %w", name, err)
	}
	header = bytes.Clone(bytes.TrimPrefix(line, []byte("\ufeff")))
	names, err := cells.split(header)
	if err == nil {
		as, err = columns(names)
	}
	if err != nil {
		return nil, nil, foreign(name, string(line))
	}
	return header, as, nil
}

func readRow(line []byte, cells *cells, as []column) (footprint.Row, error) {
	if line[len(line)-1] != '\n' {
		if len(line) == MaxRow {
			return footprint.Row{}, fmt.Errorf("a line of more than %d bytes", MaxRow)
		}
		return footprint.Row{}, ErrTorn
	}
	got, err := cells.split(line)
	if err != nil {
		return footprint.Row{}, err
	}
	if len(got) != len(as) {
		return footprint.Row{}, fmt.Errorf("%d cells instead of %d", len(got), len(as))
	}
	var row footprint.Row
	if err := decode(got, as, &row); err != nil {
		return footprint.Row{}, err
	}
	return row, nil
}

// cells splits one line at a time. A csv.Reader over the whole file would take
// all that follows a stray quote for one cell.
type cells struct {
	line *bytes.Reader
	buf  *bufio.Reader // csv.NewReader takes it as it is, so that it can be reset
	csv  *csv.Reader
}

func newCells() *cells {
	line := bytes.NewReader(nil)
	buf := bufio.NewReaderSize(line, 8<<10)
	r := csv.NewReader(buf)
	r.ReuseRecord = true
	r.FieldsPerRecord = -1
	return &cells{line, buf, r}
}

// split returns the cells of a line, valid until the next one.
func (c *cells) split(line []byte) ([]string, error) {
	c.line.Reset(line)
	c.buf.Reset(c.line)
	got, err := c.csv.Read()
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		err = fmt.Errorf("column %d: %w", bad.Column, bad.Err)
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("empty line")
	}
	for i := range got {
		if strings.IndexByte(got[i], 0) >= 0 {
			return nil, fmt.Errorf("a NUL byte in cell %d", i+1)
		}
	}
	return got, err
}
