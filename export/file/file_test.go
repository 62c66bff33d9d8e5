package file_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/export/file"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/report"
)

var _ carbon.Sink = file.Sink{}

func TestSinksReplaceTheirFile(t *testing.T) {
	dir := t.TempDir()
	r := footprint.Report{RunID: "0198c0de-0000-7000-8000-000000000001", Project: "p"}
	page, data := filepath.Join(dir, "run.html"), filepath.Join(dir, "run.json")
	require.NoError(t, os.WriteFile(data, []byte("what was there before, and was longer than the report is"), 0o600))
	for _, s := range []file.Sink{file.HTML(page, report.Car{}), file.JSON(data)} {
		require.NoError(t, s.Report(t.Context(), r))
	}
	b, err := os.ReadFile(data)
	require.NoError(t, err)
	var got footprint.Report
	require.NoError(t, json.Unmarshal(b, &got))
	assert.Equal(t, r.RunID, got.RunID)
	b, err = os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(b), "<!doctype html>")
	assert.Error(t, file.JSON(filepath.Join(dir, "none", "run.json")).Report(t.Context(), r))
}

// A later run writes what an earlier one left undone, unless somebody has written it since.
func TestRedo(t *testing.T) {
	assert.Nil(t, file.Redo("prometheus", "x"))
	for _, name := range []string{file.NameHTML, file.NameJSON} {
		path := filepath.Join(t.TempDir(), "out")
		r := footprint.Report{RunID: "1", EndedAt: time.Now()}
		require.NoError(t, file.Redo(name, path).Report(t.Context(), r))
		first, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotEmpty(t, first)

		r.EndedAt, r.Project = time.Now().Add(-time.Hour), "older"
		require.NoError(t, file.Redo(name, path).Report(t.Context(), r))
		again, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, first, again, name)
	}
}
