package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"

	"github.com/carbonctl/carbonctl/runs"
)

// LineError names a line of a ledger that is not a row, and why.
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
// With columns, named as in Header, only those are read, and the bounds of an
// amount with it: the other fields of a row are zero, but for Schema. An
// impossible number in them is found all the same. A few columns are read several
// times as fast as all. A name that is not in Header is an error.
//
// A line that is no row, or one whose values no run can have, comes as a *LineError and
// reading goes on behind it. A header without all columns of a ledger is a *HeaderError, and
// like an error of r the last thing given. Columns may be in any order, further ones are
// ignored, and a byte-order mark, CRLF line ends, blank lines and a header repeated between
// rows are taken as they come. An empty r has no rows. Memory does not grow with r.
func Read(r io.Reader, name string, columns ...string) iter.Seq2[runs.Row, error] {
	return func(yield func(runs.Row, error) bool) {
		if err := known(columns); err != nil {
			yield(runs.Row{}, fmt.Errorf("read ledger %s: %w", name, err))
			return
		}
		l := newLines(r)
		cells := &cells{}
		header, as, v1, err := readHeader(l, cells, name, runs.Together(columns))
		if err != nil {
			if !errors.Is(err, io.EOF) {
				yield(runs.Row{}, err)
			}
			return
		}
		var row runs.Row // one for all: its address is taken
		for {
			line, err := l.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(runs.Row{}, fmt.Errorf("read ledger %s: %w", name, err))
				return
			}
			if isBlank(line) || bytes.Equal(line, header) {
				continue
			}
			row, err = readRow(line, cells, as)
			if err == nil && v1 {
				if err = possible(&row); err == nil { // of columns that fromV1 drops: the schema
					err = fromV1(&row, columns)
				}
			}
			if err == nil {
				err = possible(&row)
			}
			if err != nil {
				row, err = runs.Row{}, &LineError{name, l.n, err}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func readHeader(l *lines, cells *cells, name string, only []string) (header []byte, as []column, v1 bool, err error) {
	line, err := l.next()
	if errors.Is(err, io.EOF) {
		return nil, nil, false, err
	}
	if err != nil {
		return nil, nil, false, fmt.Errorf("read ledger %s: %w", name, err)
	}
	header = bytes.Clone(bytes.TrimPrefix(line, []byte("\ufeff")))
	names, err := cells.split(header)
	if err == nil {
		as, v1, err = columns(names, only)
	}
	if err != nil {
		return nil, nil, false, foreign(name, string(line))
	}
	return header, as, v1, nil
}

// fromV1 fills in what a row of v1 has in its details, as far as it is asked for.
func fromV1(row *runs.Row, only []string) error {
	if err := row.FromV1(); err != nil || len(only) == 0 {
		return err
	}
	var some runs.Row
	from, to := reflect.ValueOf(row).Elem(), reflect.ValueOf(&some).Elem()
	for name, i := range fields() {
		if slices.Contains(only, name) {
			to.Field(i).Set(from.Field(i))
		}
	}
	*row = some
	return nil
}

func readRow(line []byte, cells *cells, as []column) (runs.Row, error) {
	if line[len(line)-1] != '\n' {
		if len(line) == MaxRow {
			return runs.Row{}, fmt.Errorf("a line of more than %d bytes", MaxRow)
		}
		return runs.Row{}, ErrTorn
	}
	got, err := cells.split(line)
	if err != nil {
		return runs.Row{}, err
	}
	if len(got) != len(as) {
		return runs.Row{}, fmt.Errorf("%d cells instead of %d", len(got), len(as))
	}
	cells.row = runs.Row{}
	if err := cells.decode(got, as, &cells.row); err != nil {
		return runs.Row{}, err
	}
	return cells.row, nil
}

func possible(row *runs.Row) error {
	if err := row.Impossible(); err != nil {
		return fmt.Errorf("impossible: %w", err)
	}
	return nil
}
