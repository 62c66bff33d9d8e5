package revision

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
)

// A Status is the command that tells whether files differ from the commit.
type Status struct {
	Path string
	Args []string // with the program's name
	Env  []string
}

// StatusCommand gives it; the error says that there is no git. It looks at the files
// that git tracks, but not at new or ignored ones, which most runs make, and of a
// submodule at its commit.
// It writes nothing into the repository, and starts neither hooks nor a file watcher;
// filters that settings have for files may run, as in any "git status". A repository of
// another user is refused by git (safe.directory).
func StatusCommand(environ []string) (Status, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return Status{}, err
	}
	s := Status{Path: path, Args: []string{"git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull,
		"status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no", "--ignore-submodules=dirty", "--no-renames"}}
	for _, v := range environ {
		if !strings.HasPrefix(v, "GIT_") { // what is about another repository
			s.Env = append(s.Env, v)
		}
	}
	s.Env = append(s.Env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
	return s, nil
}

// Parse reads what that command has printed: the commit, "" if there is none yet, and
// whether files differ from it. ok is false where it has not told all.
func Parse(out []byte) (commitID string, dirty, ok bool) {
	for l := range bytes.Lines(out) {
		text := strings.TrimSuffix(string(l), "\n")
		if oid, is := strings.CutPrefix(text, "# branch.oid "); is {
			commitID, ok = commit(oid), true
		} else if text != "" && !strings.HasPrefix(text, "#") {
			dirty = true
		}
	}
	return commitID, dirty, ok
}
