package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// generations is how far up a search for ancestors looks: no tree of processes is
// that deep, and a /proc that is read while it changes must not lead in a circle.
const generations = 1000

// An Identity names a process of this machine so that no other is taken for it: a
// number is given to another process when its own has ended.
type Identity struct {
	PID int
	// Start is when it started: ticks since boot on Linux, elsewhere milliseconds
	// of Unix time.
	Start uint64
	// Machine is the machine and its start, as Machine names it.
	Machine string
}

// Self identifies this process, by its own /proc.
func Self() (Identity, error) { return identify(Root("/"), os.Getpid()) }

func identify(root fs.FS, pid int) (Identity, error) {
	id := Identity{PID: pid, Machine: Machine(root)}
	if elsewhere {
		p, err := systemProcess(pid)
		id.Start = p.start
		return id, err
	}
	p, err := stat(root, pid)
	if err != nil {
		return Identity{}, fmt.Errorf("identify process %d: %w", pid, err)
	}
	id.Start = p.start
	return id, nil
}

// String writes an identity as ParseIdentity reads it: "PID:START:MACHINE".
func (i Identity) String() string { return fmt.Sprintf("%d:%d:%s", i.PID, i.Start, i.Machine) }

var errIdentity = errors.New("not the identity of a process")

// ParseIdentity reads what String writes.
func ParseIdentity(s string) (Identity, error) {
	number, rest, _ := strings.Cut(s, ":")
	started, machine, ok := strings.Cut(rest, ":")
	pid, err := strconv.ParseUint(number, 10, 31)
	start, err2 := strconv.ParseUint(started, 10, 64)
	if !ok || err != nil || err2 != nil || pid == 0 || machine == "" || strings.ContainsAny(machine, ": ") {
		return Identity{}, fmt.Errorf("%.80q: %w", s, errIdentity)
	}
	return Identity{PID: int(pid), Start: start, Machine: machine}, nil
}

// Above reports whether the process lives and is above this one. false also where
// that can't be told, as in another container.
func (i Identity) Above() bool { return i.above(Root("/"), os.Getpid()) }

func (i Identity) above(root fs.FS, pid int) bool {
	if i.PID <= 0 || i.Machine == "" || i.Machine != Machine(root) || !Descends(root, pid, i.PID) {
		return false
	}
	now, err := identify(root, i.PID)
	return err == nil && now.Start == i.Start
}

// Descends reports whether top is one of the processes above pid. false also
// where that can't be told.
func Descends(root fs.FS, pid, top int) bool {
	for range generations {
		var p process
		var err error
		if elsewhere {
			p, err = systemProcess(pid)
		} else {
			p, err = stat(root, pid)
		}
		switch {
		case err != nil || p.parent == 0:
			return false
		case p.parent == top:
			return true
		}
		pid = p.parent
	}
	return false
}

// stat reads /proc/PID/stat.
func stat(root fs.FS, pid int) (process, error) {
	buf := make([]byte, 4096)
	n, err := slurp(root, "proc/"+strconv.Itoa(pid)+"/stat", buf)
	if err != nil {
		return process{}, cause(err)
	}
	p, ok := parseProcess(buf[:n])
	if !ok {
		return process{}, errors.New("not the numbers of a process")
	}
	return p, nil
}
