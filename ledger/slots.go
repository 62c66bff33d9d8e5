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
	"sync"
)

// slotSize is how large each of a journal's two files is made: more than a
// report has as a rule, so that a checkpoint needs no room that the disk may not
// have any more. A larger one makes them larger.
const slotSize = 256 << 10

// slots are the two files of a journal. Each holds one checkpoint: a line of
// fixed length with its number, its length and its checksum, and the JSON. They
// are allocated whole and written in place, never the one that holds the newest
// checkpoint on the disk, so that a crash at any moment leaves one of the two, and
// a full disk changes nothing.
//
// write and sync may be called at a time.
type slots struct {
	open func(n int) (file, error)

	mu     sync.Mutex
	files  [2]file
	size   int64
	seq    uint64 // of the newest checkpoint, 0: none
	at     int    // the slot that holds it
	synced bool   // one is on the disk
	safe   int    // the slot of the newest one that is
	grown  bool   // since the last sync
}

func slotName(name string, n int) string { return name + ".journal." + strconv.Itoa(n) }

const (
	slotHead   = journalSchema + " seq=%016x length=%016x sha256=%064x\n"
	slotHeadAt = len(journalSchema) + 5 + 16 + 8 + 16 + 8 + 64 + 1
)

// write writes the next checkpoint, and does not wait for the disk: it outlives
// the process, and a crash of the system once sync has returned.
func (s *slots) write(content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	n := 1 - s.at
	if s.synced {
		n = 1 - s.safe
	}
	if _, err := s.files[n].WriteAt(append([]byte(head), content...), 0); err != nil {
		return err
	}
	s.seq, s.at = s.seq+1, n
	return nil
}

// sync waits until the newest checkpoint is on the disk. Another one that is
// written meanwhile goes to the same slot, so that the one before stays.
func (s *slots) sync() error {
	s.mu.Lock()
	seq, n, files := s.seq, s.at, []file{s.files[s.at]}
	if s.grown {
		files = s.files[:]
	}
	s.mu.Unlock()
	for _, f := range files {
		if f == nil {
			return nil // closed: it has ended
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq == seq {
		s.synced, s.safe, s.grown = true, n, false
	}
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
			continue
		}
		for n, f := range s.files[:n+1] {
			err = errors.Join(err, f.Truncate(had[n]))
		}
		return err
	}
	s.size, s.grown = size, true
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
	s.mu.Lock()
	defer s.mu.Unlock()
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
	slot    int
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
			best = checkpoint{seq, n, content, info}
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

// readSlot reads as much of a slot as its first line says, or all of it where that
// is no such line.
func readSlot(path string) ([]byte, fs.FileInfo, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	head := make([]byte, slotHeadAt)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, err
	}
	rest := int64(maxSlot)
	if _, length, ok := parseSlotHead(head[:n]); ok {
		rest = min(rest, int64(length))
	}
	b := bytes.NewBuffer(head[:n])
	b.Grow(int(min(rest, info.Size())))
	_, err = io.Copy(b, io.LimitReader(f, rest))
	return b.Bytes(), info, err
}

// parseSlotHead gives the number and the length that the first line of a slot says.
func parseSlotHead(b []byte) (seq, length uint64, ok bool) {
	if len(b) < slotHeadAt {
		return 0, 0, false
	}
	head := string(b[:slotHeadAt])
	const at = len(journalSchema) + len(" seq=")
	seq, seqErr := strconv.ParseUint(head[at:at+16], 16, 64)
	length, lengthErr := strconv.ParseUint(head[at+16+8:at+16+8+16], 16, 63)
	return seq, length, seqErr == nil && lengthErr == nil
}

// parseSlot gives the checkpoint of a slot, if it is whole.
func parseSlot(b []byte) (seq uint64, content []byte, ok bool) {
	seq, length, ok := parseSlotHead(b)
	if !ok || length > uint64(len(b)-slotHeadAt) {
		return 0, nil, false
	}
	content = b[slotHeadAt:][:length]
	if string(b[:slotHeadAt]) != fmt.Sprintf(slotHead, seq, length, sha256.Sum256(content)) {
		return 0, nil, false
	}
	return seq, content, true
}
