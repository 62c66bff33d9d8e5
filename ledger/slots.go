package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// slotSize is how large each of a journal's two files is made: more than a
// report has as a rule, so that a checkpoint needs no room that the disk may not
// have any more. A larger one makes them larger.
const slotSize = 256 << 10

// slots are the two files of a journal. Each holds one checkpoint: a line of
// fixed length with its number, its length and its checksum, and the JSON. They
// are allocated whole, written in turn and in place, so that a crash at any
// moment leaves one of the two, and a full disk changes nothing.
type slots struct {
	open  func(n int) (file, error)
	files [2]file
	size  int64
	seq   uint64 // of the newest checkpoint, 0: none
}

func slotName(name string, n int) string { return name + ".journal." + strconv.Itoa(n) }

const (
	slotHead   = JournalSchema + " seq=%016x length=%016x sha256=%064x\n"
	slotHeadAt = len(JournalSchema) + 5 + 16 + 8 + 16 + 8 + 64 + 1
)

// write writes the next checkpoint. It has reached the disk when it returns.
func (s *slots) write(content []byte) error {
	need := int64(slotHeadAt + len(content))
	if need > s.size {
		size := max(s.size, slotSize)
		for size < need {
			size *= 2
		}
		if err := s.allocate(size); err != nil {
			return err
		}
	}
	head := fmt.Sprintf(slotHead, s.seq+1, len(content), sha256.Sum256(content))
	f := s.files[(s.seq+1)%2]
	if _, err := f.WriteAt(append([]byte(head), content...), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	s.seq++
	return nil
}

// allocate makes both files so large. If it fails they are as they were, since
// what is left of a full disk belongs to the work.
func (s *slots) allocate(size int64) error {
	var had [2]int64
	for n := range s.files {
		if s.files[n] == nil {
			f, err := s.open(n)
			if err != nil {
				return err
			}
			s.files[n] = f
		}
		info, err := s.files[n].Stat()
		if err != nil {
			return err
		}
		had[n] = info.Size()
	}
	for n, f := range s.files {
		err := reserve(f, had[n], size)
		if err == nil {
			err = f.Sync()
		}
		if err == nil {
			continue
		}
		for n, f := range s.files[:n+1] {
			err = errors.Join(err, f.Truncate(had[n]))
		}
		return err
	}
	s.size = size
	return nil
}

// reserve makes a file larger by blocks that are its own from then on.
func reserve(f file, from, to int64) error {
	if from >= to {
		return nil
	}
	if plain, ok := f.(*os.File); ok {
		err := preallocate(plain, to)
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	_, err := f.WriteAt(make([]byte, to-from), from)
	return err
}

func (s *slots) close() error {
	var errs []error
	for n, f := range s.files {
		if f != nil {
			errs = append(errs, f.Close())
			s.files[n] = nil
		}
	}
	return errors.Join(errs...)
}

// errNoCheckpoint is a journal of which no checkpoint is there or whole.
var errNoCheckpoint = errors.New("no checkpoint in it is whole")

// checkpoint is what a slot holds.
type checkpoint struct {
	seq     uint64
	content []byte
	file    fs.FileInfo
}

// newest gives the newest whole checkpoint of a journal. It is fs.ErrNotExist if
// there is no such journal, or its writer died before the first one.
func newest(name string) (best checkpoint, err error) {
	blank := true
	for n := range 2 {
		b, info, readErr := readSlot(slotName(name, n))
		if errors.Is(readErr, fs.ErrNotExist) {
			continue
		}
		if readErr != nil {
			err = readErr
			continue
		}
		seq, content, ok := parseSlot(b)
		if ok && seq > best.seq {
			best = checkpoint{seq, content, info}
		}
		blank = blank && len(bytes.Trim(b, "\x00")) == 0
	}
	switch {
	case best.seq > 0:
		return best, nil
	case err != nil:
		return best, err
	case blank:
		return best, fs.ErrNotExist
	}
	return best, errNoCheckpoint
}

// maxSlot bounds what is read of a file that is no slot of ours.
const maxSlot = 64 << 20

func readSlot(path string) ([]byte, fs.FileInfo, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSlot))
	return b, info, err
}

// parseSlot gives the checkpoint of a slot, if it is whole.
func parseSlot(b []byte) (seq uint64, content []byte, ok bool) {
	if len(b) < slotHeadAt {
		return 0, nil, false
	}
	head, content := string(b[:slotHeadAt]), b[slotHeadAt:]
	const at = len(JournalSchema) + len(" seq=")
	seq, seqErr := strconv.ParseUint(head[at:at+16], 16, 64)
	length, lengthErr := strconv.ParseUint(head[at+16+8:at+16+8+16], 16, 63)
	if seqErr != nil || lengthErr != nil || length > uint64(len(content)) {
		return 0, nil, false
	}
	content = content[:length]
	sum := sha256.Sum256(content)
	if head != fmt.Sprintf(slotHead, seq, length, sum) {
		return 0, nil, false
	}
	return seq, content, true
}
