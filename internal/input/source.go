package input

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
)

// A Source is an open file, unpacked where it is compressed.
type Source struct {
	*bufio.Reader
	file io.Closer // nil: standard input, which stays open
}

// Close closes the file.
func (s *Source) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// IsRun reports whether it begins as the JSON of a run, and not as a ledger.
func (s *Source) IsRun() bool {
	start, _ := s.Peek(1) // what ails the file its reader will tell
	return string(start) == "{"
}

const bufferSize = 64 << 10

// Open opens a file to read, "-" for standard input, through gunzip where it is
// compressed: its first bytes tell, not its name.
func (r *Reader) Open(path string) (*Source, error) {
	if path == Stdin {
		in := r.Stdin
		if in == nil {
			in = os.Stdin
		}
		return unpacked(path, in, nil)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && r.Through != nil {
		return unpacked(path, r.Through(path, f, info.Size()), f)
	}
	return unpacked(path, f, f)
}

// Unpack reads an open file as Open does; name is for messages.
func Unpack(name string, from io.Reader) (*Source, error) { return unpacked(name, from, nil) }

func unpacked(path string, from io.Reader, file io.Closer) (*Source, error) {
	b := bufio.NewReaderSize(from, bufferSize)
	if start, _ := b.Peek(2); !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return &Source{b, file}, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		if file != nil {
			_ = file.Close()
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Source{bufio.NewReaderSize(z, bufferSize), file}, nil
}
