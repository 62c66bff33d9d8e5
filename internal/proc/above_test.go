package proc

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAbove(t *testing.T) {
	root := fstest.MapFS{
		"proc/sys/kernel/random/boot_id": raw("b7a5\n"),
		"proc/1/stat":                    line22(1, 0, 1),
		"proc/10/stat":                   line22(10, 1, 700),
		"proc/11/stat":                   line22(11, 10, 800),
		"proc/12/stat":                   line22(12, 11, 900),
		"proc/20/stat":                   line22(20, 21, 1), // its parent is gone
		"proc/30/stat":                   line22(30, 31, 1), // a circle
		"proc/31/stat":                   line22(31, 30, 1),
	}
	here := Machine(root)
	for _, tt := range []struct {
		id   Identity
		pid  int
		want bool
	}{
		{Identity{10, 700, here}, 12, true},
		{Identity{10, 700, here}, 11, true},
		{Identity{10, 700, here}, 10, false}, // itself is not above itself
		{Identity{10, 701, here}, 12, false}, // another had the number
		{Identity{10, 700, "b"}, 12, false},  // another machine, or another start of it
		{Identity{10, 700, ""}, 12, false},
		{Identity{12, 900, here}, 11, false}, // below
		{Identity{10, 700, here}, 20, false},
		{Identity{10, 700, here}, 30, false},
		{Identity{10, 700, here}, 99, false},
		{Identity{}, 12, false},
	} {
		if !elsewhere {
			assert.Equal(t, tt.want, tt.id.above(root, tt.pid), "%v above %d", tt.id, tt.pid)
		}
	}
}

// line22 is a line of /proc/PID/stat with its start time.
func line22(pid, parent, start int) *fstest.MapFile { return statLine(pid, parent, 0, 0, start, 1) }

// A child sees us above it, and only as who we are.
func TestSelfAbove(t *testing.T) {
	if s := os.Getenv("PROC_TEST_ABOVE"); s != "" {
		id, err := ParseIdentity(s)
		require.NoError(t, err)
		other := id
		other.Start++
		if !id.Above() || other.Above() {
			t.Fatal("not seen")
		}
		return
	}
	self, err := Self()
	require.NoError(t, err)
	assert.False(t, self.Above())
	cmd := exec.Command(os.Args[0], "-test.run=^TestSelfAbove$")
	cmd.Env = append(os.Environ(), "PROC_TEST_ABOVE="+self.String())
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

func FuzzParseIdentity(f *testing.F) {
	for _, s := range []string{"", "1:2:ab", "12:345:0123abcd", "0:1:a", "-1:1:a", "1:2:", "1:2:a:b", "1:x:a", "99999999999:1:a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseIdentity(s)
		if err != nil {
			return
		}
		again, err := ParseIdentity(id.String())
		if err != nil || again != id || strings.Contains(id.Machine, ":") {
			t.Fatalf("%q: %v, %v", s, again, err)
		}
	})
}
