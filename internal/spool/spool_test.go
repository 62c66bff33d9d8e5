package spool

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/atomicfile"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

type sink func(footprint.Report) error

func (f sink) Report(_ context.Context, r footprint.Report) error { return f(r) }

func report(id string) footprint.Report {
	r := (&footprint.Account{}).Report()
	r.RunID, r.Labels = id, map[string]string{"a": "two\nlines"}
	return r
}

var down = &deliver.Error{Host: "h", Temporary: true, Text: "connection refused"}

func TestWhatIsKeptIsDelivered(t *testing.T) {
	d := Dir(filepath.Join(t.TempDir(), "state", "spool"))
	assert.Empty(t, d.Deliver(t.Context(), nil), "nothing was kept")
	require.NoError(t, d.Add("a", "t", report("run-1")))
	require.NoError(t, d.Add("a", "t", report("run-1"))) // again
	require.NoError(t, d.Add("a", "t", report("../../run/2")))
	require.NoError(t, d.Add("a", "other", report("run-1")))
	require.NoError(t, d.Add("b", "t", report("run-1")))
	info, err := os.Stat(string(d))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	for _, f := range d.files() {
		info, err := os.Stat(f.path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	var mu sync.Mutex
	var got []string
	calls := 0
	again := func(name, target string) Sink {
		if name == "b" {
			return nil // this process can't
		}
		return sink(func(r footprint.Report) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; target == "t" {
				return down
			}
			got = append(got, name+" "+target+" "+r.RunID+" "+r.Labels["a"])
			return nil
		})
	}
	assert.Empty(t, d.Deliver(t.Context(), again))
	assert.Equal(t, []string{"a other run-1 two\nlines"}, got)
	assert.Equal(t, 2, calls, "a target that does not answer is asked once")
	assert.Len(t, d.files(), 3)

	got = nil
	all := func(name, target string) Sink {
		return sink(func(r footprint.Report) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, name+" "+r.RunID)
			return nil
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.Deliver(ctx, all)
	assert.Empty(t, got, "no time is left")
	lock := flock.New(filepath.Join(string(d), "lock"))
	held, err := lock.TryLock()
	require.True(t, held && err == nil)
	d.Deliver(t.Context(), all)
	assert.Empty(t, got, "another process is at it")
	require.NoError(t, lock.Unlock())
	assert.Empty(t, d.Deliver(t.Context(), all))
	assert.ElementsMatch(t, []string{"a run-1", "a ../../run/2", "b run-1"}, got)
	assert.Less(t, slices.Index(got, "a run-1"), slices.Index(got, "a ../../run/2"), "the oldest of a target first")
	assert.Empty(t, d.files())
}

// here is a sink of this host.
type here struct{ sink }

func (here) Local() {}

// A home that several hosts share holds what is to be written to files of others.
func TestFilesOfOtherHosts(t *testing.T) {
	d := Dir(t.TempDir())
	require.NoError(t, d.Add("file", "/x", report("run-1")))
	calls := 0
	count := func(footprint.Report) error { calls++; return down }
	d.Deliver(t.Context(), func(string, string) Sink { return here{count} })
	assert.Equal(t, 1, calls)
	path := d.files()[0].path
	item, err := read(path)
	require.NoError(t, err)
	item.Host = "another"
	err = atomicfile.Write(path, atomicfile.Options{}, func(w io.Writer) error {
		z := gzip.NewWriter(w)
		return errors.Join(json.NewEncoder(z).Encode(item), z.Close())
	})
	require.NoError(t, err)
	d.Deliver(t.Context(), func(string, string) Sink { return here{count} })
	assert.Equal(t, 1, calls)
	d.Deliver(t.Context(), func(string, string) Sink { return sink(count) })
	assert.Equal(t, 2, calls, "a service is the same for all")
}

func TestWhatIsRefusedIsDroppedAndTold(t *testing.T) {
	d := Dir(t.TempDir())
	require.NoError(t, d.Add("a", "t", report("run-1")))
	require.NoError(t, os.WriteFile(filepath.Join(string(d), "x.json.gz"), []byte("garbage"), 0o600))
	told := d.Deliver(t.Context(), func(string, string) Sink {
		return sink(func(footprint.Report) error { return &deliver.Error{Host: "h", Status: 400, Text: "no"} })
	})
	require.Len(t, told, 2)
	assert.Contains(t, told[0]+told[1], "a: run run-1 can't be delivered and is dropped: h: 400 Bad Request: no")
	assert.Contains(t, told[0]+told[1], "x.json.gz")
	assert.Empty(t, d.files())
}

// One that does not answer holds up nobody else: a run that is too short for its tries still
// delivers to others.
func TestATargetThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Dir(t.TempDir())
		require.NoError(t, d.Add("dead", "t", report("run-1")))
		require.NoError(t, d.Add("here", "t", report("run-2")))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var got string
		d.Deliver(ctx, func(name, _ string) Sink {
			if name == "here" {
				return sink(func(r footprint.Report) error { got = r.RunID; return nil })
			}
			return untilGivenUp{}
		})
		assert.Equal(t, "run-2", got)
		assert.Len(t, d.files(), 1)
	})
}

type untilGivenUp struct{}

func (untilGivenUp) Report(ctx context.Context, _ footprint.Report) error {
	<-ctx.Done()
	return ctx.Err()
}

// What can't be read now may be readable later, and is no damage.
func TestAFileThatCannotBeRead(t *testing.T) {
	d := Dir(t.TempDir())
	require.NoError(t, d.Add("a", "t", report("run-1")))
	path := d.files()[0].path
	_, err := read(filepath.Join(path, "x")) // not a directory
	require.Error(t, err)
	assert.False(t, errors.As(err, new(*damagedError)))
	require.NoError(t, os.Truncate(path, 10))
	_, err = read(path)
	assert.True(t, errors.As(err, new(*damagedError)))
}

func TestBounds(t *testing.T) {
	d := Dir(t.TempDir())
	for i := range MaxItems + 3 {
		require.NoError(t, d.Add("a", "t", report(fmt.Sprintf("run-%04d", i))))
		old := time.Now().Add(time.Duration(i-MaxItems) * time.Minute)
		if i < 5 {
			old = old.Add(-MaxAge)
		}
		require.NoError(t, os.Chtimes(d.files()[0].path, time.Time{}, old))
	}
	told := d.Deliver(t.Context(), func(string, string) Sink { return nil })
	require.Len(t, told, 1)
	assert.Regexp(t, `^\d+ undelivered reports since .* are dropped: at most 500, 64 MiB and 30 days are kept$`, told[0])
	assert.LessOrEqual(t, len(d.files()), MaxItems)
	assert.Less(t, time.Since(d.files()[0].at), MaxAge)
}

func TestWithoutAFolder(t *testing.T) {
	require.ErrorIs(t, Dir("").Add("a", "t", report("r")), ErrNone)
	assert.Empty(t, Dir("").Deliver(t.Context(), nil))
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	err := Dir(filepath.Join(file, "spool")).Add("a", "t", report("r"))
	require.ErrorContains(t, err, "keep an undelivered report: ")
	assert.NotEqual(t, errors.Unwrap(err), ErrNone)
}
