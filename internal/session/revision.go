package session

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/internal/revision"
)

const (
	// statusAfter is how long a command runs before git is asked whether files differ
	// from the commit: a shorter one must not pay for that.
	statusAfter = 50 * time.Millisecond
	// statusLimit is how long git may take to answer.
	statusLimit = 100 * time.Millisecond
)

// commit finds out, beside the command, which git commit the working directory is of.
type commit struct {
	quit    chan struct{}
	done    chan struct{}
	found   atomic.Pointer[string] // what is known so far
	process process
	dir     func() (string, error) // that it works in
}

func newCommit() *commit {
	return &commit{quit: make(chan struct{}), done: make(chan struct{}), dir: os.Getwd}
}

// find begins at once: what is committed later did not run.
func (c *commit) find(p process) {
	c.process = p
	go c.look()
}

// known gives the revision, as far as it is known by now; "" if it is not.
func (c *commit) known() string {
	if s := c.found.Load(); s != nil {
		return *s
	}
	return ""
}

func (c *commit) look() {
	defer close(c.done)
	dir, err := c.dir()
	if dir == "" || err != nil {
		return
	}
	hash, err := revision.Commit(dir)
	if hash == "" || err != nil {
		return
	}
	c.found.Store(new(hash + revision.Unchecked))
	select {
	case <-c.quit:
		return
	case <-time.After(statusAfter):
	}
	switch now, dirty, ok := revision.Parse(c.ask(dir)); {
	case !ok || now != hash:
	case dirty:
		c.found.Store(new(hash + revision.Dirty))
	default:
		c.found.Store(&hash)
	}
}

// ended gives the revision, as far as it is known when the command has ended; "" if
// there is none. It waits for files, but not for git.
func (c *commit) ended(since stopwatch) string {
	close(c.quit)
	since.await(c.done, readingLimit)
	return c.known()
}

// ask gives what git prints, as much of it as there is in time.
func (c *commit) ask(dir string) []byte {
	s, err := revision.StatusCommand(os.Environ())
	if err != nil {
		return nil
	}
	get, out, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer get.Close()
	var git *os.Process
	err = c.process.Aside(func() (pid int, err error) {
		git, err = os.StartProcess(s.Path, s.Args, &os.ProcAttr{Dir: dir, Env: s.Env, Files: []*os.File{nil, out, nil}, Sys: detached()})
		if err != nil {
			return 0, err
		}
		return git.Pid, nil
	})
	_ = out.Close()
	if err != nil {
		return nil
	}
	answered, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-answered:
		case <-c.quit:
			_ = git.Kill()
		case <-time.After(statusLimit):
			_ = git.Kill()
		}
		_ = git.Release() // who waits for the command waits for it too
	}()
	b, _ := io.ReadAll(io.LimitReader(get, 1<<20)) // what is missing Parse will see
	close(answered)
	<-over
	return b
}
