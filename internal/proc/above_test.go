package proc

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func TestAbove(t *testing.T) {
	root := fstest.MapFS{
		"proc/1/stat":  stat(1, 0, 0, 0, 1, 1),
		"proc/10/stat": raw("10 (carbonctl) S 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 7 0 0\n"),
		"proc/11/stat": stat(11, 10, 0, 0, 1, 1), // its name is a) b (c
		"proc/12/stat": stat(12, 11, 0, 0, 1, 1),
		"proc/20/stat": stat(20, 21, 0, 0, 1, 1), // its parent is gone
		"proc/30/stat": stat(30, 31, 0, 0, 1, 1), // a circle
		"proc/31/stat": stat(31, 30, 0, 0, 1, 1),
	}
	for _, tt := range []struct {
		pid  int
		name string
		want bool
	}{
		{12, "carbonctl", true},
		{11, "carbonctl", true},
		{10, "carbonctl", false}, // itself is not above itself
		{12, "carbon", false},
		{12, "a) b (c", true},
		{20, "carbonctl", false},
		{30, "carbonctl", false},
		{99, "carbonctl", false},
	} {
		if !elsewhere {
			assert.Equal(t, tt.want, Above(root, tt.pid, tt.name), "%d %s", tt.pid, tt.name)
		}
	}
	assert.False(t, Above(os.DirFS("/"), os.Getpid(), "no such program, surely"))
}
