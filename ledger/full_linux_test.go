package ledger

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/runs"
)

// notAllowed is how the process ends that may not mount.
const notAllowed = 77

// A file system that is really full, in a mount namespace of its own. Where the
// kernel does not allow that, the disks that are filled by hand have to do.
func TestFullFileSystem(t *testing.T) {
	if dir := os.Getenv("LEDGER_TEST_TMPFS"); dir != "" {
		for _, err := range []error{
			syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
			syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=576k"),
		} {
			if err != nil {
				os.Exit(notAllowed)
			}
		}
		fullFileSystem(t, dir)
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^TestFullFileSystem$")
	cmd.Env = append(os.Environ(), "LEDGER_TEST_TMPFS="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && (!errors.As(err, &ended) || ended.ExitCode() == notAllowed) {
		t.Logf("no file system can be mounted here: %v", err)
		return
	}
	assert.NoError(t, err, "%s", out)
}

func fullFileSystem(t *testing.T, dir string) {
	path := filepath.Join(dir, "ledger.csv")
	w := &Writer{Path: path}
	require.NoError(t, w.Checkpoint(soFar("first", 1)))
	n := 0
	for ; ; n++ {
		receipt, err := Writer{Path: path}.Append(t.Context(), runs.Row{})
		if err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
		}
		if receipt.Hash == "" { // else only the head had no room
			break
		}
	}
	require.Greater(t, n, 10)
	filler := filepath.Join(dir, "filler")
	_ = os.WriteFile(filler, make([]byte, 64<<10), 0o600) // as much as fits

	require.NoError(t, w.Checkpoint(soFar("first", 2)), "it has its room since the first one")
	_, err := w.Record(t.Context(), soFar("first", 3))
	var not *NotRecordedError
	require.ErrorAs(t, err, &not)
	require.True(t, not.Whole)
	_, err = w.Record(t.Context(), soFar("second", 1))
	require.ErrorAs(t, err, &not)
	require.Empty(t, not.Journal)

	require.NoError(t, os.Remove(filler))
	require.NoError(t, os.WriteFile(path, []byte(contents(t, path))[:2000], 0o600), "make room: half the ledger, and a torn row")
	got, err := Writer{Path: path}.Recover(t.Context())
	var head *HeadError
	require.ErrorAs(t, err, &head, "half the ledger is gone")
	require.Len(t, got, 1)
	assert.EqualValues(t, 3, got[0].Energy)
	assert.Empty(t, journals(t, path))
}
