//go:build unix

package config

import (
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
)

func TestLineOf(t *testing.T) {
	const text = "# region = 1\nproject = 'region = 2'\n  \"pue\" = 1\n[ label ]\nregion = 'x'\ncharge.x = 1\n"
	for key, want := range map[string]int{"project": 2, "pue": 3, "label": 4, "region": 5, "charge": 6, "gone": 1, "p": 1} {
		assert.Equal(t, want, lineOf(text, key), key)
	}
}

func TestNearest(t *testing.T) {
	for key, want := range map[string]string{"regoin": "region", "labels": "label", "PUE": "pue", "ledgre": "ledger", "intensty": "intensity"} {
		assert.Equal(t, want, nearest(Table(), key), key)
	}
}

// Whoever looks a setting up finds it, with its variable and flag.
func TestSettingsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/settings.md")
	require.NoError(t, err)
	for _, s := range Table() {
		may := "no"
		if s.Project {
			may = "yes"
		}
		assert.Regexp(t, "(?m)^\\| `"+s.Key+"` \\| `"+s.Variable()+"`.*\\| `--"+s.Key+"\\b.*\\| "+may+" \\|", string(page))
	}
}

func TestDefaultLedger(t *testing.T) {
	t.Setenv("HOME", "/h")
	t.Setenv("XDG_STATE_HOME", "")
	assert.Equal(t, "/h/.local/state/carbonctl/ledger.csv", filepath.ToSlash(DefaultLedger()))
	t.Setenv("XDG_STATE_HOME", "relative") // which the standard says to pass over
	assert.Equal(t, "/h/.local/state/carbonctl/ledger.csv", filepath.ToSlash(DefaultLedger()))
	t.Setenv("XDG_STATE_HOME", "/s")
	assert.Equal(t, "/s/carbonctl/ledger.csv", filepath.ToSlash(DefaultLedger()))
}

// Whatever a file holds, it gives settings or problems that name it.
func FuzzFile(f *testing.F) {
	f.Add("region = \"FR\"\npue = 1.2\n[label]\na = \"b\"\n")
	f.Add("regoin = 1\nledger = \"x\"\nlabel = 3\ncharge = [1]\n")
	f.Add("pue = = 3")
	f.Add("[region]\nx = 1\n[[label]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "config.toml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		c := &Config{Values: Values{Table: regions.Builtin()}}
		require.NoError(t, c.take(inFile(Table(), path, true), nil))
		for _, p := range c.Problems {
			assert.ErrorContains(t, p, path)
		}
		assert.Empty(t, c.Ledger, "a project's file may not choose where we write")
		assert.Zero(t, c.Interval)
		assert.True(t, c.PUE == 0 || c.PUE >= 1)
	})
}

// A service or a cron job has no HOME; the system knows the user all the same.
func TestWithoutHome(t *testing.T) {
	u, err := user.Current()
	if err != nil || !filepath.IsAbs(u.HomeDir) {
		t.Skip("this user has no home directory")
	}
	for _, name := range []string{"HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, "")
	}
	assert.Equal(t, filepath.Join(u.HomeDir, ".local/state/carbonctl/ledger.csv"), DefaultLedger())
	assert.Equal(t, filepath.Join(u.HomeDir, ".config"), configDir())
}
