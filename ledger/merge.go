package ledger

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ForkError reports that two ledgers hold the same chain with different rows: one of them was
// changed, or a copy of a ledger was appended to.
type ForkError struct {
	Path     string // the ledger that does not agree with those before it
	Line     int64  // where, from 1, the header's
	LedgerID string
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("%s:%d: chain %s diverges from that in an earlier ledger", e.Path, e.Line, e.LedgerID)
}

// Merge writes the rows of several ledgers to a new file, byte by byte, so that
// each chain is whole in it and Verify checks them all. It returns the heads of
// the chains, in the order of their first rows. The ledgers follow one another
// in the order given; rows that were there already, as in an older copy of the
// same ledger or in a merged one, are left out. They may be compressed by gzip.
//
// Lines that are no rows are kept, since they are for Verify to find. Only a torn last line is
// skipped, and returned as a *LineError that is ErrTorn beside the heads; the file is written
// all the same. With any other error there is no file. An existing out is fs.ErrExist. Memory
// grows by 32 bytes a row.
//
// The heads are in OUT.head too, one a line. A merged ledger is for reading: a row appended to
// it would fork one of its chains, so that Append refuses it.
func Merge(out string, in ...string) ([]Head, error) { return MergeFrom(openPacked, out, in...) }

// MergeFrom is Merge with files that open opens, unpacked; it names them as they are
// named to it.
func MergeFrom(open func(path string) (io.ReadCloser, error), out string, in ...string) ([]Head, error) {
	if _, err := os.Lstat(out); err == nil {
		return nil, fmt.Errorf("merge ledgers: %w", &fs.PathError{Op: "create", Path: out, Err: fs.ErrExist})
	}
	f, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+"-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("merge ledgers: %w", err)
	}
	m := merger{open: open, to: bufio.NewWriterSize(f, 64<<10), chains: map[string][][sha256.Size]byte{}}
	torn, err := m.all(in)
	if err == nil {
		err = errors.Join(m.to.Flush(), f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), out)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return nil, fmt.Errorf("merge ledgers: %w", err)
	}
	heads := m.heads()
	err = Writer{}.replace(out+".head", nil, headLines(heads))
	return heads, errors.Join(torn, err, syncDir(filepath.Dir(out)))
}

// openPacked opens a file, through gunzip where it is compressed.
func openPacked(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := unpacked(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{text, f}, nil
}

type merger struct {
	open   func(path string) (io.ReadCloser, error)
	to     *bufio.Writer
	header string                         // of the first file: all must have it
	chains map[string][][sha256.Size]byte // the hashes of each, in order
	order  []string
}

func (m *merger) all(in []string) (torn, err error) {
	for _, path := range in {
		err := m.one(path)
		if errors.Is(err, ErrTorn) {
			torn = errors.Join(torn, err)
		} else if err != nil {
			return nil, err
		}
	}
	if m.header == "" {
		_, err = m.to.WriteString(Header + "\n")
	}
	return torn, err
}

func (m *merger) one(path string) error {
	f, err := m.open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	l := newLines(f)
	header, err := l.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	columns := strings.TrimSuffix(string(header), "\n")
	switch {
	case schemaOf(columns) == "" || len(columns) == len(header):
		return foreign(path, string(header))
	case m.header == "":
		m.header = columns
		if _, err := m.to.Write(header); err != nil {
			return err
		}
	case m.header != columns:
		return &HeaderError{Path: path, What: OtherVersion, Got: columns[:200]}
	}
	at := map[string]int{} // how many rows of each chain this file has had
	for {
		line, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		case line[len(line)-1] != '\n' && len(line) == MaxRow:
			return &LineError{path, l.n, fmt.Errorf("a line of more than %d bytes", MaxRow)}
		case line[len(line)-1] != '\n':
			return &LineError{path, l.n, ErrTorn}
		}
		if err := m.add(line, at, path, l.n); err != nil {
			return err
		}
	}
}

// add writes a line, unless it is a row that is there.
func (m *merger) add(line []byte, at map[string]int, path string, n int64) error {
	row, ok := parseLink(line)
	if !ok {
		_, err := m.to.Write(line)
		return err
	}
	chain := m.chains[row.id]
	var hash [sha256.Size]byte
	_, _ = hex.Decode(hash[:], []byte(row.hash)) // parseLink saw to its digits
	place := at[row.id]
	at[row.id]++
	switch {
	case place < len(chain) && chain[place] == hash:
		return nil
	case place < len(chain):
		return &ForkError{path, n, row.id}
	case chain == nil:
		m.order = append(m.order, row.id)
	}
	m.chains[row.id] = append(chain, hash)
	_, err := m.to.Write(line)
	return err
}

func (m *merger) heads() []Head {
	heads := []Head{}
	for _, id := range m.order {
		chain := m.chains[id]
		heads = append(heads, Head{id, int64(len(chain)), hex.EncodeToString(chain[len(chain)-1][:])})
	}
	return heads
}
