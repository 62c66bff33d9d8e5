//go:build unix

package config

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
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

// Whoever looks a setting up finds it, with its variable and flag.
func TestSettingsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/settings.md")
	require.NoError(t, err)
	for _, s := range Table() {
		may := "no"
		if s.Project {
			may = "yes"
		}
		flag := s.Key
		if !s.OfRun() {
			flag = "budget"
		}
		assert.Regexp(t, "(?m)^\\| `"+s.Key+"` \\| `"+s.Variable()+"`.*\\| `--"+flag+"\\b.*\\| "+may+" \\|", string(page))
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

// A service or a cron job has no HOME, or none that is a path; the system knows the user
// all the same.
func TestWithoutHome(t *testing.T) {
	u, err := user.Current()
	if err != nil || !filepath.IsAbs(u.HomeDir) {
		t.Skip("this user has no home directory")
	}
	for _, value := range []string{"", "relative"} { // nothing is written below the current directory
		for _, name := range []string{"HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"} {
			t.Setenv(name, value)
		}
		assert.Equal(t, filepath.Join(u.HomeDir, ".local/state/carbonctl/ledger.csv"), DefaultLedger())
		assert.Equal(t, filepath.Join(u.HomeDir, ".config"), configDir())
	}
}

// A key that is none is told with the one that was meant, and only with that.
func TestUnknown(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".carbonctl.toml")
	require.NoError(t, os.WriteFile(path, []byte("regoin = 1\nxyzzy = 1\nledgre = 1\nkeep_runs = 1\n"), 0o600))
	for _, test := range []struct {
		layers Layers
		want   []string
	}{
		{Layers{User: path}, []string{
			path + `:1: regoin: unknown setting; did you mean "region"?`,
			path + `:2: xyzzy: unknown setting`,
			path + `:3: ledgre: unknown setting; did you mean "ledger"?`,
			path + `:4: keep_runs: unknown setting; did you mean "keep-runs"?`,
		}},
		{Layers{Project: path}, []string{ // where no ledger may stand
			path + `:1: regoin: unknown setting; did you mean "region"?`,
			path + `:2: xyzzy: unknown setting`,
			path + `:3: ledgre: unknown setting`,
			path + `:4: keep_runs: unknown setting`,
		}},
		{Layers{Environ: []string{
			"CARBONCTL_REGOIN=FR", "CARBONCTL_LABELS=a=b", "CARBONCTL_ENTSOE_TOKN=x", "CARBONCTL_EMPTY=",
			"CARBONCTL_EVENTS=f", "CARBONCTL_RUN_ID=x", "CARBONCTL_ENTSOE_TOKEN=x", "OTHER_REGOIN=1", "CARBONCTL=1",
			"CARBONCTL_SERVICE_HOST=10.0.0.1", "CARBONCTL_PORT=tcp://10.0.0.1:80", "CARBONCTL_PORT_80_TCP_ADDR=10.0.0.1", "CARBONCTL_API_SERVICE_PORT_HTTP=80",
		}}, []string{
			`CARBONCTL_ENTSOE_TOKN: unknown variable; did you mean CARBONCTL_ENTSOE_TOKEN?`,
			`CARBONCTL_LABELS: unknown variable; did you mean CARBONCTL_LABEL?`,
			`CARBONCTL_REGOIN: unknown variable; did you mean CARBONCTL_REGION?`,
		}},
	} {
		c, err := test.layers.Read()
		require.NoError(t, err)
		var got []string
		for _, p := range c.Problems {
			got = append(got, p.Error())
		}
		assert.Equal(t, test.want, got)
		assert.Empty(t, c.Given)
	}
}

// A variable that is like none of ours is somebody else's.
func TestStrangers(t *testing.T) {
	environ := []string{"CARBONCTL_XYZZY=1", "CARBONCTL_VERSION=1.2", "CARBONCTL_REGOIN=FR", "CARBONCTL_REGION=FR", "CARBONCTL_EMPTY=", "CARBONCTL_PORT=1", "VERSION=1"}
	assert.Equal(t, []string{"CARBONCTL_VERSION", "CARBONCTL_XYZZY"}, Strangers(environ))
	c, err := Layers{Environ: environ}.Read()
	require.NoError(t, err)
	assert.Len(t, c.Problems, 1)
}

// Each layer is over the one before, and each value knows whence it is.
func TestLayers(t *testing.T) {
	dir := t.TempDir()
	user, project := filepath.Join(dir, "config.toml"), filepath.Join(dir, ProjectFile)
	require.NoError(t, os.WriteFile(user, []byte("region = 'FR'\npue = 1.5\nledger = 'l'\nproject = 'u'\ncar = 'eu'\n[label]\na = 'u'\n"), 0o600))
	require.NoError(t, os.WriteFile(project, []byte("region = 'DE'\nproject = 'p'\nepochs = 3\nepoch-preset = 'keras'\n[label]\nb = 'p'\n"), 0o600))
	var taken []string
	l := Layers{
		User: user, Project: project, Environ: []string{"CARBONCTL_PROJECT=e", "CARBONCTL_LABEL=a=e,c=e", "CARBONCTL_EPOCH_PATTERN=x"},
		Flags: func(key string) ([]string, bool) {
			return map[string][]string{Label: {"a=f, too"}, PUE: {"1.1"}}[key], key == Label || key == PUE
		},
		Set: func(key, value string) error { taken = append(taken, key+"="+value); return nil },
	}
	c, err := l.Read()
	require.NoError(t, err)
	assert.Empty(t, c.Problems)
	assert.Equal(t, []string{"car=eu", "epoch-preset=keras", "epoch-pattern=x"}, taken)
	assert.Equal(t, map[string]string{"a": "f, too", "b": "p", "c": "e"}, c.Labels)
	got := map[string]Value{}
	for _, v := range c.All() {
		got[v.Key] = v
	}
	assert.Len(t, got, len(Table()))
	for _, want := range []Value{
		{Region, "DE", project}, {Project, "e", Environment}, {PUE, "1.1", Flag}, {Ledger, "l", user}, {Car, "eu", user},
		{Epochs, "3", project}, {EpochPattern, "x", Environment}, {EpochPreset, "", Default}, {Interval, "1s", Default},
		{Label, "a=f, too,b=p,c=e", user + ", " + project + ", environment, flag"},
	} {
		assert.Equal(t, want, got[want.Key])
	}
}

func TestRefused(t *testing.T) {
	c, err := Layers{Environ: []string{"CARBONCTL_REGION=Frnace", "CARBONCTL_PUE=x"}}.Read()
	require.NoError(t, err)
	assert.True(t, c.Refused(Region))
	assert.True(t, c.Refused(PUE))
	assert.False(t, c.Refused(Project))
	c, err = Layers{Environ: []string{"CARBONCTL_REGION=Frnace"}, Flags: func(key string) ([]string, bool) { return []string{"FR"}, key == Region }}.Read()
	require.NoError(t, err)
	assert.False(t, c.Refused(Region), "a flag was right")
	_, err = Layers{Flags: func(key string) ([]string, bool) { return []string{"FX"}, key == Region }}.Read()
	assert.ErrorContains(t, err, "--region: ")
}

// A project's file may set what says of the work, and no more: what runs, loads, writes
// or sends is the user's.
func TestProjectMaySet(t *testing.T) {
	assert.ElementsMatch(t, []string{Region, Intensity, PUE, Project, Label, Charge, Epochs, EpochPattern, EpochPreset, Water}, keys(Table(), true))
}

// A new file changes nothing, and each of its lines can be used.
func TestTemplate(t *testing.T) {
	for _, project := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "sub", "x.toml")
		require.NoError(t, Create(path, Template(project)))
		assert.ErrorIs(t, Create(path, "other"), fs.ErrExist)
		l := Layers{User: path}
		if project {
			l = Layers{Project: path}
		}
		c, err := l.Read()
		require.NoError(t, err)
		assert.Empty(t, c.Given)
		assert.Empty(t, c.Problems)

		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			assert.LessOrEqual(t, len(line), 81, line)
		}
		used := regexp.MustCompile(`(?m)^#([a-z-]+ = )`).ReplaceAllString(string(text), "$1")
		used = strings.ReplaceAll(used, "regions.csv", filepath.ToSlash(ownTable(t)))
		require.NoError(t, os.WriteFile(path, []byte(used), 0o600))
		c, err = l.Read()
		require.NoError(t, err)
		assert.Empty(t, c.Problems)
		for _, key := range keys(Table(), project) {
			if key != EpochPreset { // the pattern below it holds
				assert.Equal(t, path, c.Origin(key), key)
			}
		}
	}
}

// ownTable is a file with one region.
func ownTable(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "own.csv")
	require.NoError(t, os.WriteFile(path, []byte("zone,name,scope,year,g_per_kwh,source\nOWN-LAB,Lab,lifecycle,2025,12.5,contract\n"), 0o600))
	return path
}
