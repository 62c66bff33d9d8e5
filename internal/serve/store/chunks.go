package store

import (
	"bytes"
	"errors"
	"io"
	"runtime"

	"github.com/carbonctl/carbonctl/ledger"
)

// A line is a row as an index keeps it, or why it is none.
type line struct {
	id  string
	end int // of the row among those of the chunk
	err error
}

// A chunk is some whole lines of a ledger, which are read apart from the others.
type chunk struct {
	coder *coder
	lines []line
	rows  []byte
	n     int64 // line ends
}

// An adder takes a row with its run ID, as a coder has written it.
type adder func(id string, row []byte) error

// chunkSize is that of a chunk in bytes, up to the end of its last line.
const chunkSize = 512 << 10

// rows reads a ledger from where reading goes on up to the end of a line, in chunks on all
// cores, and gives the rows to add in their order while that takes them. n is how many lines
// were read.
func (f *followed) rows(file io.ReaderAt, end int64, words *words, add adder) (n int64, err error) {
	cores := runtime.GOMAXPROCS(0)
	queue, free, stop := make(chan chan *chunk, cores-1), make(chan *chunk, cores+1), make(chan struct{})
	go func() {
		defer close(queue)
		for from, first := f.offset, true; from < end || first; first = false { // a header alone is read too
			to := lineEnd(file, min(from+f.chunk, end)-1, end)
			part, read := io.NewSectionReader(file, from, to-from), make(chan *chunk, 1)
			select {
			case queue <- read:
			case <-stop:
				return
			}
			var c *chunk
			select {
			case c = <-free:
			default:
				c = &chunk{coder: newCoder(words)}
			}
			go func() {
				c.read(f, part)
				read <- c
			}()
			from = to
		}
	}()
	defer func() {
		close(stop)
		for read := range queue { // nothing reads the file once this has returned
			<-read
		}
	}()
	for read := range queue {
		c := <-read
		if err := c.give(f, f.lines-1+n, add); err != nil {
			return n, err
		}
		n += c.n
		select {
		case free <- c:
		default:
		}
	}
	return n, nil
}

// read reads some lines as a ledger of their own.
func (c *chunk) read(f *followed, part io.Reader) {
	counted := &lineCounter{}
	c.lines, c.rows = c.lines[:0], c.rows[:0]
	for row, err := range ledger.Read(io.MultiReader(bytes.NewReader(f.header), io.TeeReader(part, counted)), f.Path) {
		if err == nil {
			c.rows = append(c.rows, c.coder.encode(&row)...)
		}
		c.lines = append(c.lines, line{row.RunID, len(c.rows), err})
	}
	c.n = counted.n
}

// give gives the rows to add, and names the lines that are none and stand so many lines
// further down in the file. An error is add's, or of the file.
func (c *chunk) give(f *followed, further int64, add adder) error {
	from := 0
	for _, l := range c.lines {
		bad := (*ledger.LineError)(nil)
		switch err := l.err; {
		case errors.As(err, &bad):
			f.fault(bad.Line+further, bad.Err)
		case err != nil:
			return err
		default:
			if err := add(l.id, c.rows[from:l.end]); err != nil {
				return err
			}
			from = l.end
		}
	}
	return nil
}

// lineEnd gives the place behind the first line end at from or after it, not behind end.
func lineEnd(file io.ReaderAt, from, end int64) int64 {
	block := make([]byte, 4<<10)
	for from < end {
		n, err := file.ReadAt(block[:min(int64(len(block)), end-from)], from)
		if i := bytes.IndexByte(block[:n], '\n'); i >= 0 {
			return from + int64(i) + 1
		}
		if from += int64(n); err != nil {
			break // who reads the lines finds it too
		}
	}
	return end
}

// A lineCounter counts the line ends that are written to it.
type lineCounter struct{ n int64 }

func (l *lineCounter) Write(b []byte) (int, error) {
	l.n += int64(bytes.Count(b, []byte{'\n'}))
	return len(b), nil
}
