//go:build unix

package session_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/session"
)

// The report says which commit the working directory is of, and whether files differ, if
// git says so in time: nobody waits for it.
func TestRevision(t *testing.T) {
	hash := strings.Repeat("ab12", 10)
	const told = "i=0; while [ ! -e told ] && [ $i -lt 500 ]; do i=$((i+1)); sleep 0.02; done"
	for name, v := range map[string]struct {
		git, script string // git: a program in its place, "" for none
		repository  bool
		want        string
	}{
		"clean":           {"echo '# branch.oid " + hash + "'", told, true, hash},
		"changed":         {"echo '# branch.oid " + hash + "'; echo '1 .M N... x'", told, true, hash + "+dirty"},
		"a refusal":       {"echo fatal: dubious ownership >&2", told, true, hash + "+unchecked"},
		"another by now":  {"echo '# branch.oid " + strings.Repeat("cd", 20) + "'", told, true, hash + "+unchecked"},
		"no answer":       {": >told; exec sleep 100", told, true, hash + "+unchecked"},
		"no git":          {"", "sleep 0.1", true, hash + "+unchecked"},
		"a short command": {": >asked; echo '# branch.oid " + hash + "'", "exit 0", true, hash + "+unchecked"},
		"no repository":   {"echo '# branch.oid " + hash + "'", "exit 0", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tempDir(t)
			t.Chdir(dir)
			if v.repository {
				require.NoError(t, os.Mkdir(".git", 0o755))
				require.NoError(t, os.WriteFile(".git/HEAD", []byte(hash+"\n"), 0o644))
			}
			bin := filepath.Join(dir, "bin")
			require.NoError(t, os.Mkdir(bin, 0o755))
			path := bin + ":/usr/bin:/bin"
			if v.git != "" {
				require.NoError(t, os.WriteFile(bin+"/git", []byte("#!/bin/sh\nexec 3>&1\n"+v.git+"\nexec 1>&- 3>&-\n: >told\n"), 0o755))
			} else {
				for _, tool := range []string{"sh", "sleep"} {
					require.NoError(t, os.Symlink("/bin/"+tool, filepath.Join(bin, tool)))
				}
				path = bin
			}
			t.Setenv("PATH", path)
			result := run(t, session.Options{}, v.script)
			if name == "a short command" {
				for n := 0; n < 100 && result.Report.DurationS >= 0.05; n++ { // a busy machine made it a long one
					_ = os.Remove("asked")
					result = run(t, session.Options{}, v.script)
				}
				assert.NoFileExists(t, "asked")
			}
			assert.Equal(t, v.want, result.Report.Revision)
		})
	}
}

// A tracker that is killed leaves the commit in its journal.
func TestRevisionInTheJournal(t *testing.T) {
	dir := tempDir(t)
	t.Chdir(dir)
	hash := strings.Repeat("ab12", 10)
	require.NoError(t, os.Mkdir(".git", 0o755))
	require.NoError(t, os.WriteFile(".git/HEAD", []byte(hash+"\n"), 0o644))
	book := session.Ledger{Path: filepath.Join(dir, "ledger.csv"), Flush: 10 * time.Millisecond}
	often := bare
	often.Every = 10 * time.Millisecond
	run(t, session.Options{Ledger: book, Tracker: often},
		"i=0; until grep -qas '"+hash+"' ledger.csv.d/*.journal.*; do i=$((i+1)); [ $i -lt 1000 ] || exit 0; sleep 0.01; done; : >seen")
	assert.FileExists(t, "seen")
}
