package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"
)

// tail is how a ledger ends.
type tail struct {
	end    int64  // where the next row goes; 0: the header is still to be written
	torn   int64  // bytes from there on that are no whole line
	header string // the columns that it has, or will have
	last   link   // the last row; its body is not kept. The id is "" if there is none
}

// findTail looks at the first line and the last row of a file, however large it
// is in between.
func findTail(f file, path string) (tail, error) {
	info, err := f.Stat()
	if err != nil {
		return tail{}, fmt.Errorf("ledger: %w", err)
	}
	size := info.Size()
	if size == 0 {
		return tail{header: Header}, nil
	}
	header, err := headerOf(f, path, size)
	if err != nil || header == "" {
		return tail{header: Header, torn: size}, err
	}
	end, err := lineStart(f, size)
	if err != nil {
		return tail{}, fmt.Errorf("ledger: %w", err)
	}
	for {
		at := tail{end: end, torn: size - end, header: header}
		if end == int64(len(header)+1) {
			return at, nil
		}
		start, err := lineStart(f, end-1)
		if err != nil {
			return tail{}, fmt.Errorf("ledger: %w", err)
		}
		if end-start > MaxRow {
			return tail{}, &RowError{path, fmt.Sprintf("it has %d bytes", end-start)}
		}
		line := make([]byte, end-start)
		if err := readAt(f, line, start); err != nil {
			return tail{}, fmt.Errorf("ledger: %w", err)
		}
		// A row has no NUL. Where a power cut left some, the disk got the end of
		// a row but not its beginning: that one is torn as well.
		if bytes.IndexByte(line, 0) >= 0 {
			end = start
			continue
		}
		var ok bool
		if at.last, ok = parseLink(line); !ok {
			return tail{}, &RowError{path, fmt.Sprintf("it does not end in two hashes: %.60q", line)}
		}
		at.last.body = nil
		return at, nil
	}
}

// headerOf gives the header of ours that the file starts with, "" where it has
// only what a crash left of one: a part of it, or nothing but NULs.
func headerOf(f file, path string, size int64) (string, error) {
	got := make([]byte, min(size, int64(len(Header))+64))
	if err := readAt(f, got, 0); err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	for _, header := range []string{Header, HeaderV1} {
		want := header + "\n"
		switch {
		case bytes.HasPrefix(got, []byte(want)):
			return header, nil
		case size < int64(len(want)) && want[:size] == string(got):
			return "", nil
		}
	}
	if nuls, err := allNUL(f, size); nuls || err != nil {
		return "", err
	}
	if i := bytes.IndexByte(got, '\n'); i >= 0 {
		got = got[:i+1]
	}
	return "", foreign(path, string(got))
}

func allNUL(f file, size int64) (bool, error) {
	block := make([]byte, 64<<10)
	for at := int64(0); at < size; at += int64(len(block)) {
		part := block[:min(size-at, int64(len(block)))]
		if err := readAt(f, part, at); err != nil {
			return false, fmt.Errorf("ledger: %w", err)
		}
		if len(bytes.Trim(part, "\x00")) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// lineStart returns where the line begins that goes on at end: after the last
// line end before it, or 0.
func lineStart(f file, end int64) (int64, error) {
	block := make([]byte, 16<<10)
	for end > 0 {
		from := max(0, end-int64(len(block)))
		part := block[:end-from]
		if err := readAt(f, part, from); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// readAt fills p.
func readAt(f io.ReaderAt, p []byte, off int64) error {
	n, err := f.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// count reads the whole file: the chain of old, FILE.head as it was, and the one
// of the last row, which may be the same, and whether a row has old's hash.
func count(f file, at tail, old Head) (had, last Head, seen bool, err error) {
	had.LedgerID, last = old.LedgerID, Head{LedgerID: at.last.id, Hash: at.last.hash}
	l := newLines(io.NewSectionReader(f, 0, at.end))
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return had, last, seen, nil
		}
		if err != nil {
			return had, last, seen, err
		}
		row, ok := parseLink(line)
		if !ok {
			continue
		}
		if row.id == last.LedgerID {
			last.Rows++
		}
		if row.id == had.LedgerID {
			had.Rows++
			had.Hash = row.hash
		}
		seen = seen || row.hash == old.Hash
	}
}

// setAside moves what follows the last whole row to FILE.torn, below a line
// that says when, how much and from where.
func (w Writer) setAside(path string, like fs.FileInfo, from file, at tail, now time.Time) error {
	to, err := w.side(path+".torn", like)
	if err != nil { // another's, or something else stands there: that keeps no row away
		var other error
		if to, other = w.side(fmt.Sprintf("%s.torn-%d", path, now.UnixNano()), like); other != nil {
			return errors.Join(err, other)
		}
	}
	info, err := to.Stat()
	if err != nil {
		return errors.Join(err, to.Close())
	}
	end := info.Size()
	title := fmt.Sprintf("# %s torn_bytes=%d offset=%d file=%s\n", now.Format(time.RFC3339), at.torn, at.end, filepath.Base(path))
	out := io.NewOffsetWriter(to, end)
	_, err = io.WriteString(out, title)
	if err == nil {
		_, err = io.Copy(out, io.NewSectionReader(from, at.end, at.torn))
	}
	if err == nil {
		_, err = io.WriteString(out, "\n")
	}
	if err == nil {
		err = to.Sync()
	}
	if err != nil {
		return errors.Join(err, to.Truncate(end), to.Close())
	}
	if err := to.Close(); err != nil {
		return err
	}
	return from.Truncate(at.end)
}
