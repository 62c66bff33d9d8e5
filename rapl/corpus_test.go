package rapl

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/machinetest"
)

var update = flag.Bool("update", false, "rewrite testdata/corpus.golden; read the difference")

// scripted is the system of a scripted machine: what stands in its files SLEPT
// and PERF.
func scripted(m fs.FS) system {
	return system{
		slept: func() (low, high time.Duration) {
			ms, _ := number(m, "SLEPT")
			d := time.Duration(ms) * time.Millisecond
			return d, d
		},
		open: func(kind uint32, config uint64, cpu int) (eventFile, error) {
			name := fmt.Sprintf("PERF/%d/%d/%d", kind, config, cpu)
			if _, err := fs.ReadFile(m, name); err != nil {
				return nil, err
			}
			return scriptedEvent{m, name}, nil
		},
	}
}

type scriptedEvent struct {
	root fs.FS
	name string
}

func (e scriptedEvent) Close() error { return nil }

func (e scriptedEvent) Count() (uint64, error) {
	b, err := fs.ReadFile(e.root, e.name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}

// corpus loads every machine.
func corpus(t *testing.T, each func(name string, m *machinetest.Machine)) {
	t.Helper()
	files, err := filepath.Glob("../testdata/machines/*.txtar")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 28)
	for _, f := range files {
		each(strings.TrimSuffix(filepath.Base(f), ".txtar"), machinetest.Load(t, f))
	}
}

// run opens a machine and reads it at each of its moves.
func run(t *testing.T, m *machinetest.Machine, each func(at time.Duration, list []energy.Reading, err error)) (zones []Zone, keep time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m.At(0)
		var meter *Meter
		meter, zones, err = open(m, scripted(m))
		if meter == nil {
			return
		}
		keep = meter.KeepAlive()
		start := time.Now()
		for at, more := time.Duration(0), true; more; at, more = m.Next() {
			time.Sleep(time.Until(start.Add(at + 10*time.Millisecond)))
			m.At(at)
			list, err := meter.Read(t.Context(), nil)
			each(at, list, err)
		}
		assert.NoError(t, meter.Close())
		assert.Zero(t, m.Held(), "files left open")
	})
	return zones, keep, err
}

// The whole of what we make of each machine, to be read by a person.
func TestCorpus(t *testing.T) {
	var out bytes.Buffer
	corpus(t, func(name string, m *machinetest.Machine) {
		fmt.Fprintf(&out, "== %s\n", name)
		states := map[string]string{}
		said := map[string]bool{}
		var faults []string
		var last []energy.Reading
		zones, keep, err := run(t, m, func(at time.Duration, list []energy.Reading, err error) {
			last = list
			for _, r := range list {
				states[r.Component.ID] += string(r.State.String()[0])
			}
			if err != nil && !said[err.Error()] {
				said[err.Error()] = true
				faults = append(faults, fmt.Sprintf("at %v: %v", at, err))
			}
		})
		for _, z := range zones {
			line := fmt.Sprintf("%-18s %-20s %-11s %s", filepath.Base(z.Path), z.Name, z.Status, z.Component.Name)
			if z.Of != "" {
				line += ", read by way of " + filepath.Base(z.Of)
			}
			if z.Err != nil {
				line += ": " + z.Err.Error()
			}
			fmt.Fprintln(&out, strings.TrimRight(line, " "))
		}
		if err != nil {
			fmt.Fprintf(&out, "open: %v\n", err)
		}
		for _, r := range last {
			fmt.Fprintf(&out, "%-16s %v, %s", r.Component.ID, r.Total, states[r.Component.ID])
			if r.Component.Within != "" {
				fmt.Fprintf(&out, ", within %s", r.Component.Within)
			}
			if r.Wraps+r.Resets+r.Gaps > 0 || r.Missed > 0 {
				fmt.Fprintf(&out, ", %d wraps, %d resets, %d gaps, %v missed", r.Wraps, r.Resets, r.Gaps, r.Missed)
			}
			fmt.Fprintf(&out, "; ± %v, up to %.4g W\n", r.Edge, r.MaxPower.Watts())
		}
		for _, f := range faults {
			fmt.Fprintln(&out, f)
		}
		if len(last) > 0 {
			fmt.Fprintf(&out, "read every %v", keep)
			if last[0].Slept > 0 {
				fmt.Fprintf(&out, ", slept %v", last[0].Slept)
			}
			fmt.Fprintln(&out)
		}
	})
	const file = "testdata/corpus.golden"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), out.String())
}

// From what a reading holds, every total comes out again.
func TestRawsGiveTheTotals(t *testing.T) {
	n := 0
	corpus(t, func(name string, m *machinetest.Machine) {
		redo := map[string]*energy.Redo{}
		_, _, _ = run(t, m, func(at time.Duration, list []energy.Reading, _ error) {
			for _, r := range list {
				if redo[r.Component.ID] == nil {
					redo[r.Component.ID] = &energy.Redo{}
				}
				assert.Equal(t, r, redo[r.Component.ID].Add(r), "%s at %v", name, at)
				n++
			}
		})
	})
	assert.Greater(t, n, 500)
}

// The table of machines in the documentation has a row for each, and no other.
func TestEveryMachineIsExplained(t *testing.T) {
	page, err := os.ReadFile("../docs/rapl.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(page), "## Machines to test by")
	require.True(t, ok)
	corpus(t, func(name string, _ *machinetest.Machine) {
		assert.Equal(t, 1, strings.Count(table, "\n| `"+name+"` |"), name)
	})
}
