package proc

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The kernel gives a file of many records, such as cpuinfo of a server or a list of
// children, a page at most at a time, and less where the next record does not fit: a
// short answer is no end.
func TestRootReadsFilesOfManyRecords(t *testing.T) {
	const name = "proc/self/smaps"
	f, err := Root("/").Open(name)
	require.NoError(t, err)
	defer f.Close()
	buf := make([]byte, 64<<10)
	first, err := f.Read(buf)
	require.NoError(t, err)
	require.Less(t, first, len(buf)/2, "all in one answer: the test needs another file")

	n, err := f.(io.ReaderAt).ReadAt(buf, 0)
	assert.True(t, n == len(buf) || err == io.EOF)
	whole, err := fs.ReadFile(Root("/"), name)
	require.NoError(t, err)
	assert.Greater(t, n, first)
	assert.Greater(t, len(whole), first)
	// Every mapping ends with its flags, and the last one is the kernel's own.
	lines := bytes.Split(bytes.TrimSpace(whole), []byte("\n"))
	assert.Contains(t, string(lines[len(lines)-1]), "VmFlags:")
	assert.Regexp(t, `\[(vsyscall|vdso|vvar\w*|stack)\]`, string(bytes.Join(lines[max(0, len(lines)-40):], []byte("\n"))))
}

// A root that somebody made may hold anything: what would wait or never end is an error.
func TestRootWaitsForNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, unix.Mkfifo(dir+"/fifo", 0o600))
	require.NoError(t, os.Symlink("/dev/zero", dir+"/zero"))
	text, err := fs.ReadFile(Root(dir), "fifo")
	assert.NoError(t, err)
	assert.Empty(t, text)
	f, err := Root(dir).Open("fifo")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.(io.ReaderAt).ReadAt(make([]byte, 9), 0)
	assert.ErrorIs(t, err, unix.ESPIPE)
	_, err = fs.ReadFile(Root(dir), "zero")
	assert.ErrorIs(t, err, unix.EFBIG)
}
