package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
)

// Memory reads how much memory the machine has, and has left.
type Memory struct {
	file *file
}

// OpenMemory opens /proc/meminfo.
func OpenMemory(root fs.FS) (*Memory, error) {
	f, err := open(root, "proc/meminfo", 512) // what is asked for stands in its first lines
	if err == nil {
		m := &Memory{file: f}
		_, _, err = m.Read()
		if err == nil {
			return m, nil
		}
		m.Close()
		return nil, err
	}
	if errors.Is(err, fs.ErrNotExist) && elsewhere {
		return &Memory{}, nil
	}
	return nil, err
}

// MemoryTotal reads how many bytes of memory the kernel has to give out.
func MemoryTotal(root fs.FS) (uint64, error) {
	const path = "proc/meminfo"
	b, err := fs.ReadFile(root, path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && elsewhere {
			total, _, err := systemMemory()
			return total, err
		}
		return 0, fmt.Errorf("read %s: %w", path, cause(err))
	}
	total, _, ok := parseMemory(b)
	if !ok {
		return 0, fmt.Errorf("read %s: no MemTotal", path)
	}
	return total, nil
}

// Read returns bytes: total is what the kernel has to give out, a little less
// than what is plugged in; available is what programs could have without
// swapping. Total - available is in use.
func (m *Memory) Read() (total, available uint64, err error) {
	if m.file == nil {
		return systemMemory()
	}
	b, err := m.file.read()
	if err != nil {
		return 0, 0, err
	}
	total, available, ok := parseMemory(b)
	if !ok {
		return 0, 0, fmt.Errorf("read %s: no MemTotal", m.file.path)
	}
	return total, available, nil
}

// Close lets go of the file.
func (m *Memory) Close() error { return m.file.close() }

// mostMemory is more, in KiB, than the 52 bits of an address on x86-64 and ARM reach.
const mostMemory = 1 << 42

// parseMemory reads the lines "Name:   123 kB" of /proc/meminfo. Kernels before
// 3.14 have no MemAvailable: free memory and the caches stand in for it.
func parseMemory(b []byte) (total, available uint64, ok bool) {
	var spare uint64
	var known bool
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			break // a line cut off by our buffer
		}
		l := b[:end]
		b = b[end+1:]
		colon := bytes.IndexByte(l, ':')
		if colon < 0 {
			continue
		}
		kib, rest, number := whole(blank(l[colon+1:]))
		if !number || kib > mostMemory || len(rest) > 0 && rest[0] != ' ' {
			continue
		}
		switch string(l[:colon]) {
		case "MemTotal":
			total = kib << 10
		case "MemAvailable":
			available, known = kib<<10, true
		case "MemFree", "Buffers", "Cached":
			spare += kib << 10
		}
	}
	if !known {
		available = spare
	}
	return total, min(available, total), total > 0
}
