package proc

import "io/fs"

// Once is a root that reads each file but once, for one goroutine: what a machine is
// stands in a few files that several ask for, and a large server's cpuinfo takes
// milliseconds. It is for while everything is opened. Files that are held open
// are the root's own.
func Once(root fs.FS) fs.FS { return &once{root, map[string]content{}} }

type once struct {
	root  fs.FS
	known map[string]content
}

type content struct {
	text []byte
	err  error
}

func (o *once) Open(name string) (fs.File, error)          { return o.root.Open(name) }
func (o *once) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(o.root, name) }
func (o *once) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(o.root, name) }

// ReadFile implements fs.ReadFileFS. What it returns is not changed.
func (o *once) ReadFile(name string) ([]byte, error) {
	c, ok := o.known[name]
	if !ok {
		c.text, c.err = fs.ReadFile(o.root, name)
		o.known[name] = c
	}
	return c.text, c.err
}
