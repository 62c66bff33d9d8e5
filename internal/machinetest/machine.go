// Package machinetest plays machines that are written down in one text file:
// what stands in their /sys and /proc, which of it is linked where, what cannot
// be read, and how the counters move. Start with [Load]; the [Machine] is an
// fs.FS, and [Machine.At] moves it on. [Machine.WriteTo] and [Machine.Play] do
// the same to a directory, for programs that open real files.
//
// A machine is a txtar archive. The text above its first file says what it is
// modelled on. Three files are instructions, all others are the machine's root:
//
//	LINKS    path -> target                          a symbolic link, dangling ones too
//	ERRORS   path errno                              as in "sys/…/energy_uj EACCES"
//	MOVES    at_ms path value|errno|remove|restore   what happens, and when
//
// Two more names hold what a kernel tells otherwise than by files, for tests of
// package rapl: SLEPT, the milliseconds that the machine has slept, and
// PERF/type/event/cpu, the count of a perf event.
//
// Paths start at the root and have no leading slash. In the three files blank
// lines and lines that begin with "#" mean nothing.
//
// A move to a value replaces a file's content by that value and a newline and
// ends an error; a value in Go's double quotes is taken as it stands, with
// nothing added. A move to an errno makes a file or directory fail from then
// on. "remove" takes a file, link or whole directory away, and files inside
// that are held open answer ENODEV, as sysfs does; "restore" puts it back as
// new, with the content it had.
//
// EACCES, EPERM and ENOENT are met when a file is opened (one already open can
// still be read, as on Linux), all others when it is read.
package machinetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// A Machine is one scripted host. It is safe for concurrent use.
type Machine struct {
	// Comment says what the machine is modelled on.
	Comment string

	mu      sync.Mutex
	root    *node
	moves   []move // those still to come, in time order
	removed map[string]*node
	opens   map[string]int // by the base name of the file
	held    int
}

// node is a file, a directory or a link of the machine.
type node struct {
	mode   fs.FileMode // ModeDir, ModeSymlink, or 0: a file
	data   []byte
	target string
	err    error // what opening or reading it answers
	gone   bool  // removed while somebody may hold it
	kids   map[string]*node
}

type move struct {
	at   time.Duration
	path string
	verb string // "remove", "restore", "error" or "value"
	err  error
	data []byte
}

// Load reads a machine from a txtar file and fails the test if it can't.
func Load(t testing.TB, file string) *Machine {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return m
}

// Parse reads a machine from the text of a txtar file. A script that cannot be
// played to its end is an error here, so that [Machine.At] cannot fail.
func Parse(data []byte) (*Machine, error) {
	m, err := parse(data)
	if err != nil {
		return nil, err
	}
	trial, err := parse(data)
	if err != nil {
		return nil, err
	}
	for _, v := range trial.moves {
		if err := trial.apply(v); err != nil {
			return nil, fmt.Errorf("MOVES: at %d ms: %w", v.at.Milliseconds(), err)
		}
	}
	return m, nil
}

func parse(data []byte) (*Machine, error) {
	ar := txtar.Parse(data)
	m := &Machine{
		Comment: string(ar.Comment),
		root:    &node{mode: fs.ModeDir, kids: map[string]*node{}},
		removed: map[string]*node{},
		opens:   map[string]int{},
	}
	readers := map[string]func(string) error{"LINKS": m.link, "ERRORS": m.fault, "MOVES": m.move}
	for _, f := range ar.Files {
		if readers[f.Name] == nil {
			if err := m.add(f.Name, &node{data: f.Data}); err != nil {
				return nil, err
			}
		}
	}
	// The order of these three does not depend on where they stand in the file:
	// an error may be that of a file behind a link.
	for _, name := range []string{"LINKS", "ERRORS", "MOVES"} {
		for _, f := range ar.Files {
			if f.Name != name {
				continue
			}
			for i, line := range strings.Split(string(f.Data), "\n") {
				line = strings.TrimSpace(line)
				if line == "" || line[0] == '#' {
					continue
				}
				if err := readers[name](line); err != nil {
					return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
				}
			}
		}
	}
	slices.SortStableFunc(m.moves, func(a, b move) int { return int(a.at - b.at) })
	return m, nil
}

// add puts a node at a path and makes the directories above it.
func (m *Machine) add(name string, n *node) error {
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%q is not a path below the root", name)
	}
	dir := m.root
	parts := strings.Split(name, "/")
	for _, part := range parts[:len(parts)-1] {
		kid := dir.kids[part]
		if kid == nil {
			kid = &node{mode: fs.ModeDir, kids: map[string]*node{}}
			dir.kids[part] = kid
		}
		if !kid.mode.IsDir() {
			return fmt.Errorf("%s: %s is not a directory", name, part)
		}
		dir = kid
	}
	last := parts[len(parts)-1]
	if dir.kids[last] != nil {
		return fmt.Errorf("%s: given twice", name)
	}
	dir.kids[last] = n
	return nil
}

func (m *Machine) link(line string) error {
	name, target, ok := strings.Cut(line, " -> ")
	if !ok {
		return fmt.Errorf("%q is not path -> target", line)
	}
	return m.add(strings.TrimSpace(name), &node{mode: fs.ModeSymlink, target: strings.TrimSpace(target)})
}

func (m *Machine) fault(line string) error {
	name, word, _ := strings.Cut(line, " ")
	errno, ok := errnoNamed(strings.TrimSpace(word))
	if !ok {
		return fmt.Errorf("%q is not path errno", line)
	}
	n, err := m.walk(name, true)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	n.err = errno
	return nil
}

func (m *Machine) move(line string) error {
	at, rest, _ := strings.Cut(line, " ")
	name, what, ok := strings.Cut(strings.TrimSpace(rest), " ")
	ms, err := strconv.ParseUint(at, 10, 32)
	if err != nil || !ok {
		return fmt.Errorf("%q is not at_ms path value", line)
	}
	v := move{at: time.Duration(ms) * time.Millisecond, path: name, verb: "value"}
	what = strings.TrimSpace(what)
	errno, isErrno := errnoNamed(what)
	switch {
	case what == "remove" || what == "restore":
		v.verb = what
	case isErrno:
		v.verb, v.err = "error", errno
	case strings.HasPrefix(what, `"`):
		s, err := strconv.Unquote(what)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		v.data = []byte(s)
	default:
		v.data = []byte(what + "\n")
	}
	m.moves = append(m.moves, v)
	return nil
}

// At plays all that happens up to d after the start. It never goes back.
func (m *Machine) At(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.due(d) {
		if err := m.apply(v); err != nil {
			panic("machinetest: a script that parsed does not play: " + err.Error())
		}
	}
}

// Fail makes a file or directory fail from now on, as in a move to an errno.
func (m *Machine) Fail(name string, errno syscall.Errno) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(name, true)
	if err != nil {
		panic("machinetest: " + name + ": " + err.Error())
	}
	n.err = errno
}

// End returns when the last move is made that has not been played yet, or 0.
func (m *Machine) End() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.moves) == 0 {
		return 0
	}
	return m.moves[len(m.moves)-1].at
}

// Next returns when the next move is made, and false if there is none.
func (m *Machine) Next() (time.Duration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.moves) == 0 {
		return 0, false
	}
	return m.moves[0].at, true
}

// Opens returns how often a file of that base name was opened.
func (m *Machine) Opens(base string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.opens[base]
}

// Held returns how many files are open now.
func (m *Machine) Held() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held
}

// due takes the moves up to d off the script.
func (m *Machine) due(d time.Duration) []move {
	n := 0
	for n < len(m.moves) && m.moves[n].at <= d {
		n++
	}
	now := m.moves[:n]
	m.moves = m.moves[n:]
	return now
}

func (m *Machine) apply(v move) error {
	switch v.verb {
	case "remove":
		n, err := m.walk(v.path, false)
		if err != nil {
			return fmt.Errorf("%s: %w", v.path, err)
		}
		dir, err := m.walk(path.Dir(v.path), true)
		if err != nil {
			return fmt.Errorf("%s: %w", v.path, err)
		}
		m.removed[v.path] = n.clone()
		n.leave()
		delete(dir.kids, path.Base(v.path))
	case "restore":
		n := m.removed[v.path]
		dir, err := m.walk(path.Dir(v.path), true)
		if n == nil || err != nil {
			return fmt.Errorf("%s: cannot be restored", v.path)
		}
		delete(m.removed, v.path)
		dir.kids[path.Base(v.path)] = n
	default:
		n, err := m.walk(v.path, true)
		if err != nil {
			return fmt.Errorf("%s: %w", v.path, err)
		}
		n.err = v.err
		if v.verb == "value" {
			if n.mode.IsDir() {
				return fmt.Errorf("%s: is a directory", v.path)
			}
			n.data = v.data
		}
	}
	return nil
}

// clone copies a node and all below it, as found.
func (n *node) clone() *node {
	c := *n
	c.data = slices.Clone(n.data)
	if n.kids != nil {
		c.kids = make(map[string]*node, len(n.kids))
		for name, kid := range n.kids {
			c.kids[name] = kid.clone()
		}
	}
	return &c
}

// leave marks a node and all below it as removed.
func (n *node) leave() {
	n.gone = true
	for _, kid := range n.kids {
		kid.leave()
	}
}

// errnoNamed returns the error of a symbolic name, such as "EACCES".
func errnoNamed(name string) (syscall.Errno, bool) {
	for _, e := range [...]struct {
		name  string
		errno syscall.Errno
	}{
		{"EACCES", syscall.EACCES}, {"EAGAIN", syscall.EAGAIN}, {"EBUSY", syscall.EBUSY},
		{"EINVAL", syscall.EINVAL}, {"EIO", syscall.EIO}, {"ENODATA", syscall.ENODATA},
		{"ENODEV", syscall.ENODEV}, {"ENOENT", syscall.ENOENT}, {"ENXIO", syscall.ENXIO},
		{"EOPNOTSUPP", syscall.EOPNOTSUPP}, {"EPERM", syscall.EPERM}, {"ETIMEDOUT", syscall.ETIMEDOUT},
	} {
		if e.name == name {
			return e.errno, true
		}
	}
	return 0, false
}

// atOpen reports whether an error is met on opening already.
func atOpen(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)
}
