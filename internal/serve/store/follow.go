package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// A Fault is what of a file is not in the rows, and why.
type Fault struct {
	Path string
	Line int64 // 0: the file as a whole
	Text string
}

func (f Fault) String() string {
	if f.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", f.Path, f.Line, f.Text)
	}
	return f.Path + ": " + f.Text
}

// maxFaults is how many faults of a file are kept; further ones are counted.
const maxFaults = 20

// A followed file is a ledger of which only what is appended is read again.
type followed struct {
	input.File
	number uint32
	chunk  int64

	info   fs.FileInfo // as it was read, nil before
	at     time.Time   // when that was
	offset int64       // of the first byte that is not read yet
	lines  int64       // before it
	header []byte      // the first line
	tail   []byte      // the last bytes before offset: where they differ the file is another
	whole  bool        // a JSON or a compressed file, which is not followed but read again
	torn   time.Time   // since when the file has ended without a line end
	faults []Fault
	more   int  // faults that are not kept
	failed bool // it can't be read
	// unlike: its header is not that of a ledger. It tells whether the file has become another.
	unlike bool
	// foreign: a CSV file in a folder that is no ledger.
	foreign bool
}

// What has happened to a file.
type change int

const (
	same     change = iota
	appended        // there is more behind what was read
	replaced        // what was read is not what is there
)

const (
	tailLength = 256
	coarse     = 100 * time.Millisecond // more than any clock of a local file system
)

// changed says what has happened to a file since it was read, by its size, its time, its
// identity, and the bytes before the place where reading goes on.
func (f *followed) changed(now fs.FileInfo) change {
	switch {
	case f.failed && !f.whole && f.info != nil && os.SameFile(f.info, now):
		if f.fails(now) {
			return same
		}
		return replaced
	case f.info == nil || !os.SameFile(f.info, now) || now.Size() < f.offset:
		return replaced
	case f.info.Size() == now.Size() && f.info.ModTime().Equal(now.ModTime()):
		// A clock that is coarse gives what was written a moment later the same time.
		if f.at.Sub(now.ModTime()) < coarse && !f.whole && f.header != nil && !f.still() {
			return replaced
		}
		return same
	case f.whole || f.header == nil, now.Size() <= f.info.Size():
		return replaced // written over, with no more in it than before
	case !f.still():
		return replaced
	}
	return appended
}

// fails reports whether a file that could not be read is still the one that it was.
func (f *followed) fails(now fs.FileInfo) bool {
	open, err := openRegular(f.Path)
	if err != nil {
		return true
	}
	defer open.Close()
	if !f.unlike && f.header != nil { // cut off while it was read, or the disk failed
		return f.info.Size() == now.Size() && f.info.ModTime().Equal(now.ModTime())
	}
	got := make([]byte, len(f.header))
	_, err = open.ReadAt(got, 0)
	return err == nil && len(got) > 0 && bytes.Equal(got, f.header)
}

// still reports whether the bytes before the offset are those that were read.
func (f *followed) still() bool {
	open, err := openRegular(f.Path)
	if err != nil {
		return false
	}
	defer open.Close()
	for _, part := range []struct {
		at   int64
		want []byte
	}{{0, f.header}, {f.offset - int64(len(f.tail)), f.tail}} {
		got := make([]byte, len(part.want))
		if _, err := open.ReadAt(got, part.at); err != nil || !bytes.Equal(got, part.want) {
			return false
		}
	}
	return true
}

// read gives the rows that were not read yet to add, written with these words. An error is of
// the file.
func (f *followed) read(words *words, add adder) error {
	file, err := openRegular(f.Path)
	if err != nil {
		f.info, _ = os.Stat(f.Path)
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	f.at = time.Now()
	defer func() { f.info = info }()
	if f.info == nil {
		start := make([]byte, 2)
		n, _ := file.ReadAt(start, 0)
		if f.whole = n > 0 && start[0] == '{' || n == 2 && start[0] == 0x1f && start[1] == 0x8b; f.whole {
			return f.readWhole(file, newCoder(words), add)
		}
	}
	end, err := lastLineEnd(file, f.offset, info.Size())
	if err != nil {
		return err
	}
	if f.torn = (time.Time{}); end < info.Size() {
		f.torn = info.ModTime()
	}
	if end <= f.offset {
		return nil
	}
	if f.header == nil {
		if f.header, err = firstLine(file, end); err != nil {
			return err
		}
		f.offset, f.lines = int64(len(f.header)), 1
	}
	n, err := f.rows(file, end, words, add)
	if err != nil {
		return err
	}
	tail := make([]byte, min(end, tailLength))
	if _, err := file.ReadAt(tail, end-int64(len(tail))); err != nil {
		return err
	}
	f.lines += n
	f.offset, f.tail = end, tail
	return nil
}

// openRegular opens a file that can be followed: a pipe without a writer would be waited for
// forever, and with it the end of the server.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// readWhole reads the JSON of a run, or a compressed ledger.
func (f *followed) readWhole(file io.Reader, c *coder, add adder) error {
	in, err := input.Unpack(f.Path, file)
	if err != nil {
		return err
	}
	if !in.IsRun() {
		for row, err := range ledger.Read(in, f.Path) {
			bad := (*ledger.LineError)(nil)
			switch {
			case errors.As(err, &bad):
				f.fault(bad.Line, bad.Err)
			case err != nil:
				return err
			default:
				if err := add(row.RunID, c.encode(&row)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	run, err := report.Parse(in)
	if err != nil {
		return err
	}
	row := runs.FromReport(run)
	if err := row.Impossible(); err != nil {
		return fmt.Errorf("impossible: %w", err)
	}
	return add(row.RunID, c.encode(&row))
}

func (f *followed) fault(line int64, err error) {
	if len(f.faults) < maxFaults {
		f.faults = append(f.faults, Fault{f.Path, line, err.Error()})
	} else {
		f.more++
	}
}

// ofFile takes an error of the file itself.
func (f *followed) ofFile(err error) {
	f.failed = true
	header := (*ledger.HeaderError)(nil)
	f.unlike = errors.As(err, &header)
	if f.unlike && !f.Named && (header.What == ledger.Unknown || header.What == ledger.CodeCarbon) {
		f.foreign = true
		return
	}
	f.fault(0, errors.New(errText(f.Path, err)))
}

// lastLineEnd gives the place behind the last line end between from and to, from if there is
// none.
func lastLineEnd(file io.ReaderAt, from, to int64) (int64, error) {
	block := make([]byte, 64<<10)
	for end := to; end > from; {
		start := max(from, end-int64(len(block)))
		part := block[:end-start]
		if _, err := file.ReadAt(part, start); err != nil && !errors.Is(err, io.EOF) {
			return from, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return from, nil
}

// firstLine gives the header with its line end, cut where it is longer than any of ours.
func firstLine(file io.ReaderAt, end int64) ([]byte, error) {
	line := make([]byte, min(end, 64<<10))
	if _, err := file.ReadAt(line, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i+1]
	}
	return bytes.Clone(line), nil
}
