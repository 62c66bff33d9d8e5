package revision_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/revision"
)

// git runs it in a folder, and gives what it prints.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.Command("git", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// repository makes one with a commit of one file.
func repository(t *testing.T, options ...string) (dir, commit string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git on this machine")
	}
	dir = t.TempDir()
	git(t, dir, append([]string{"init", "-q"}, options...)...)
	write(t, filepath.Join(dir, "a.txt"), "one\n")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-qm", "one")
	return dir, git(t, dir, "rev-parse", "HEAD")
}

// The commit is the one that git names, however the repository keeps it.
func TestCommitIsWhatGitSays(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, dir string) string{
		"a branch": func(t *testing.T, dir string) string { return dir },
		"below": func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "x/y/z"), "")
			return filepath.Join(dir, "x/y")
		},
		"detached":   func(t *testing.T, dir string) string { git(t, dir, "checkout", "-q", "--detach"); return dir },
		"packed":     func(t *testing.T, dir string) string { git(t, dir, "pack-refs", "--all"); return dir },
		"a deep one": func(t *testing.T, dir string) string { git(t, dir, "checkout", "-qb", "feature/a/b"); return dir },
		"a symbolic one": func(t *testing.T, dir string) string {
			git(t, dir, "symbolic-ref", "refs/heads/alias", git(t, dir, "symbolic-ref", "HEAD"))
			git(t, dir, "symbolic-ref", "HEAD", "refs/heads/alias")
			return dir
		},
		"a worktree": func(t *testing.T, dir string) string {
			tree := filepath.Join(t.TempDir(), "tree")
			git(t, dir, "worktree", "add", "-q", "-b", "other", tree)
			write(t, filepath.Join(tree, "b.txt"), "two\n")
			git(t, tree, "add", ".")
			git(t, tree, "commit", "-qm", "two")
			return tree
		},
		"a worktree, packed": func(t *testing.T, dir string) string {
			tree := filepath.Join(t.TempDir(), "tree")
			git(t, dir, "worktree", "add", "-q", "-b", "other", tree)
			git(t, dir, "pack-refs", "--all")
			return tree
		},
		"a submodule": func(t *testing.T, dir string) string {
			outer := t.TempDir()
			git(t, outer, "init", "-q")
			git(t, outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", dir, "inner")
			return filepath.Join(outer, "inner")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := repository(t)
			dir = change(t, dir)
			got, err := revision.Commit(dir)
			require.NoError(t, err)
			assert.Equal(t, git(t, dir, "rev-parse", "HEAD"), got)
		})
	}
	t.Run("sha-256", func(t *testing.T) {
		dir, want := repository(t, "--object-format=sha256")
		got, err := revision.Commit(dir)
		require.NoError(t, err)
		assert.Len(t, got, 64)
		assert.Equal(t, want, got)
	})
}

func TestNoCommit(t *testing.T) {
	_, err := revision.Commit(t.TempDir())
	assert.ErrorIs(t, err, revision.ErrNone)
	_, err = revision.Commit("/nowhere/at/all")
	assert.ErrorIs(t, err, revision.ErrNone)
	for name, files := range map[string]map[string]string{
		"none yet":             {".git/HEAD": "ref: refs/heads/main\n"},
		"another form":         {".git/HEAD": "ref: refs/heads/.invalid\n"},
		"no hash":              {".git/HEAD": "deadbeef\n"},
		"a path that leads on": {".git/HEAD": "ref: refs/../../secret\n", "secret": strings.Repeat("a", 40)},
		"no reference":         {".git/HEAD": "ref: secret\n", ".git/secret": strings.Repeat("a", 40)},
		"rubbish in packed":    {".git/HEAD": "ref: refs/heads/x\n", ".git/packed-refs": "xyz refs/heads/x\n"},
		"a circle":             {".git/HEAD": "ref: refs/heads/x\n", ".git/refs/heads/x": "ref: refs/heads/x\n"},
	} {
		dir := t.TempDir()
		for path, text := range files {
			write(t, filepath.Join(dir, path), text)
		}
		got, err := revision.Commit(dir)
		require.NoError(t, err, name)
		assert.Empty(t, got, name)
	}
	for name, files := range map[string]map[string]string{
		"an empty folder":  {".git/description": ""},
		"a file of no use": {".git": "rubbish\n"},
		"a lost worktree":  {".git": "gitdir: /nowhere/worktrees/x\n"},
	} {
		dir := t.TempDir()
		for path, text := range files {
			write(t, filepath.Join(dir, path), text)
		}
		got, err := revision.Commit(dir)
		assert.Error(t, err, name)
		assert.Empty(t, got, name)
	}
}

func status(t *testing.T, dir string) (commit string, dirty, ok bool) {
	t.Helper()
	s, err := revision.StatusCommand(os.Environ())
	require.NoError(t, err)
	c := exec.Command(s.Path, s.Args[1:]...)
	c.Dir, c.Env = dir, append(s.Env, "GIT_CONFIG_GLOBAL=/dev/null")
	out, _ := c.Output()
	return revision.Parse(out)
}

func TestStatus(t *testing.T) {
	dir, want := repository(t)
	is := func(wantDirty bool, why string) {
		t.Helper()
		commit, dirty, ok := status(t, dir)
		assert.True(t, ok, why)
		assert.Equal(t, want, commit, why)
		assert.Equal(t, wantDirty, dirty, why)
	}
	is(false, "as committed")
	write(t, filepath.Join(dir, "new.txt"), "x")
	is(false, "a new file is none of the commit's")
	write(t, filepath.Join(dir, "a.txt"), "one\n")
	is(false, "written again, and the same")
	write(t, filepath.Join(dir, "a.txt"), "other\n")
	is(true, "changed")
	git(t, dir, "add", "a.txt")
	is(true, "staged")
	git(t, dir, "checkout", "-q", "HEAD", "a.txt")
	is(false, "as committed again")
	require.NoError(t, os.Remove(filepath.Join(dir, "a.txt")))
	is(true, "removed")

	_, _, ok := status(t, t.TempDir())
	assert.False(t, ok, "no repository")
	git(t, dir, "init", "-q", "empty")
	commit, dirty, ok := status(t, filepath.Join(dir, "empty"))
	assert.True(t, ok)
	assert.False(t, dirty)
	assert.Empty(t, commit, "no commit yet")
}

// Nothing that the repository itself sets is started: no hook, no file watcher.
func TestStatusStartsNothing(t *testing.T) {
	dir, _ := repository(t)
	trap := filepath.Join(dir, ".git", "trap.sh")
	write(t, trap, "#!/bin/sh\ntouch \""+filepath.Join(dir, "sprung")+"\"\n")
	require.NoError(t, os.Chmod(trap, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, ".git/hooks"), 0o755))
	for _, name := range []string{"post-index-change", "post-checkout", "pre-commit", "fsmonitor-watchman"} {
		require.NoError(t, os.Symlink(trap, filepath.Join(dir, ".git/hooks", name)))
	}
	git(t, dir, "config", "core.fsmonitor", trap)
	index, err := os.ReadFile(filepath.Join(dir, ".git/index"))
	require.NoError(t, err)
	write(t, filepath.Join(dir, "a.txt"), "one\n") // the index would be refreshed
	_, _, ok := status(t, dir)
	assert.True(t, ok)
	assert.NoFileExists(t, filepath.Join(dir, "sprung"))
	after, err := os.ReadFile(filepath.Join(dir, ".git/index"))
	require.NoError(t, err)
	assert.Equal(t, index, after)
}

func TestParse(t *testing.T) {
	hash := strings.Repeat("ab", 20)
	for out, want := range map[string]struct {
		commit    string
		dirty, ok bool
	}{
		"": {},
		"# branch.oid " + hash + "\n# branch.head main\n":                    {hash, false, true},
		"# branch.oid " + hash + "\n# branch.head main\n1 .M N... 1 2 3 x\n": {hash, true, true},
		"# branch.oid (initial)\n# branch.head main\n":                       {"", false, true},
		"fatal: detected dubious ownership\n":                                {"", true, false},
		"# branch.oi":                                                        {},
	} {
		commit, dirty, ok := revision.Parse([]byte(out))
		assert.Equal(t, want.commit, commit, out)
		assert.Equal(t, want.ok, ok, out)
		assert.Equal(t, want.dirty, dirty, out)
	}
}
