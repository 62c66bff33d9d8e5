package ledger

import (
	"encoding/csv"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/formula"
	"github.com/carbonctl/carbonctl/runs"
)

// cells takes one line at a time apart. A csv.Reader over the whole file would
// take all that follows a stray quote for one cell, and one a line is slow.
type cells struct {
	got  []string
	cell []byte // of a quoted cell, while it is read
	own  uint64 // a bit for each of the first 64 cells that is no part of the line
	// last is the text that each field had in the row before. Most columns of
	// text hold the same again: one string for all of them does not keep each
	// row's whole line alive.
	last [64]string

	row      runs.Row // the one at hand
	energies slab[energy.Energy]
	numbers  slab[runs.Number]
}

// A slab is room for values of cells that may be empty: one allocation for many.
type slab[T any] []T

func (s *slab[T]) next() *T {
	if len(*s) == 0 {
		*s = make([]T, 256)
	}
	v := &(*s)[0]
	*s = (*s)[1:]
	return v
}

// split returns the cells of a line, valid until the next one. It reads what
// encoding/csv does, and finds the same faults; a test holds them together.
func (c *cells) split(line []byte) ([]string, error) {
	s := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
	if s == "" {
		return nil, errors.New("empty line")
	}
	c.got, c.own = c.got[:0], 0
	plain := strings.IndexByte(s, '"') < 0
	for rest, more := s, true; more; {
		var cell string
		var err error
		if rest != "" && rest[0] == '"' {
			cell, rest, more, err = c.quoted(rest)
		} else {
			cell, more = rest, false
			if i := strings.IndexByte(rest, ','); i >= 0 {
				cell, rest, more = rest[:i], rest[i+1:], true
			}
			if !plain && strings.IndexByte(cell, '"') >= 0 {
				err = csv.ErrBareQuote
			}
		}
		if err != nil {
			return nil, fmt.Errorf("column %d: %w", len(c.got)+1, err)
		}
		c.got = append(c.got, cell)
	}
	if strings.IndexByte(s, 0) >= 0 {
		for i, cell := range c.got {
			if strings.IndexByte(cell, 0) >= 0 {
				return nil, fmt.Errorf("a NUL byte in column %d", i+1)
			}
		}
	}
	return c.got, nil
}

// quoted takes a cell in quotes from the start of s; more says that a comma, and
// so another cell, follows it.
func (c *cells) quoted(s string) (cell, rest string, more bool, err error) {
	c.cell = c.cell[:0] // up to the last doubled quote
	for from, i := 1, 1; ; i++ {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 {
			return "", "", false, csv.ErrQuote
		}
		i += n
		switch {
		case i+1 == len(s):
		case s[i+1] == ',':
			rest, more = s[i+2:], true
		case s[i+1] == '"':
			i++
			c.cell = append(c.cell, s[from:i]...)
			from = i + 1
			continue
		default:
			return "", "", false, csv.ErrQuote
		}
		if len(c.cell) == 0 {
			return s[from:i], rest, more, nil
		}
		c.own |= 1 << len(c.got)
		return string(append(c.cell, s[from:i]...)), rest, more, nil
	}
}

// decode reads the cells of one line into row. gocsv could do it, but takes
// "1,5" for a number, 1.9 for an integer and a missing column for zeros; a test
// holds the two together on what we write.
func (c *cells) decode(got []string, as []column, row *runs.Row) error {
	v := reflect.ValueOf(row).Elem()
	var unread reflect.Value // a row of cells that nobody asks for and are unusual
	for i := range as {
		if as[i].field < 0 {
			if as[i].unread == 0 || got[i] == "" || as[i].usual != nil && as[i].usual(got[i]) {
				continue
			}
			if !unread.IsValid() {
				unread = reflect.ValueOf(&runs.Row{}).Elem()
			}
			if err := c.decodeCell(got[i], unread.Field(as[i].unread-1)); err != nil {
				return fmt.Errorf("%s: %w", as[i].name, err)
			}
			continue
		}
		field := v.Field(as[i].field)
		if field.Kind() == reflect.String {
			last := &c.last[as[i].field]
			switch {
			case *last == got[i]:
			case c.own&(1<<i) != 0:
				*last = got[i]
			default:
				*last = strings.Clone(got[i])
			}
			field.SetString(formula.Unguard(*last))
			continue
		}
		if err := c.decodeCell(got[i], field); err != nil {
			return fmt.Errorf("%s: %w", as[i].name, err)
		}
	}
	if unread.IsValid() {
		return possible(unread.Addr().Interface().(*runs.Row))
	}
	return nil
}
