package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever happens to the file is seen by its state, or by its path where that happens
// in the same step of the file system's clock.
func TestCheck(t *testing.T) {
	old := func(path string) string { return path + ".old" }
	for name, c := range map[string]struct {
		do   func(path string) error
		same bool
	}{
		"nothing":  {func(string) error { return nil }, true},
		"a write":  {func(path string) error { return os.WriteFile(path, []byte("epoch-start\n"), 0o600) }, false},
		"a move":   {func(path string) error { return os.Rename(path, old(path)) }, false},
		"removal":  {os.Remove, false},
		"a return": {func(path string) error { return errors.Join(os.Rename(path, old(path)), os.Rename(old(path), path)) }, true},
		"another": {func(path string) error {
			return errors.Join(os.WriteFile(old(path), nil, 0o600), os.Rename(old(path), path))
		}, false},
	} {
		for _, settled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, settled %v", name, settled), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "events")
				require.NoError(t, os.WriteFile(path, nil, 0o600))
				f, err := os.Open(path)
				require.NoError(t, err)
				defer f.Close()
				now := stateOf(f).when()
				for settled && !now.After(stateOf(f).when().Add(clockStep)) {
					now = time.Now() // until the clock has moved on
				}
				s := seen{file: f}.with(stateOf(f), now)
				require.Equal(t, settled, s.settled)
				require.NoError(t, c.do(path))
				is, same := s.check(path, now)
				assert.Equal(t, c.same, same)
				assert.Equal(t, stateOf(f), is.state)
			})
		}
	}
}
