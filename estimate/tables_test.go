package estimate

import (
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/proc"
)

var update = flag.Bool("update", false, "write data/cpus.txt anew from data/cpus.csv")

// rank orders the sources of data/cpus.csv by how far they are trusted where
// two rows come to the same key. NOTICE names each in full.
var rank = map[string]int{"intel": 0, "ark": 1, "amd": 1, "teads": 2, "ccf": 2, "codecarbon": 3, "quattor": 4, "green-algorithms": 5, "mlco2": 6}

// limitSources are those of data/limits.csv, as NOTICE names them.
var limitSources = map[string]struct{}{"amd": {}, "ark": {}, "asitop": {}, "buildcores": {}, "cores": {}, "intel": {}, "reading": {}, "review": {}, "sibling": {}}

func readCSV(t testing.TB, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	var rows []map[string]string
	for _, r := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = r[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// generate makes the embedded table from the rows of data/cpus.csv: names
// become keys, one row a key, sorted.
func generate(t testing.TB, rows []map[string]string) string {
	best := map[string]map[string]string{}
	for _, r := range rows {
		_, known := rank[r["source"]]
		require.True(t, known, "%s: source %q", r["model"], r["source"])
		k := key(r["model"])
		if !strings.ContainsAny(k, "0123456789") {
			continue // a family, no model
		}
		old, taken := best[k]
		if !taken || rank[r["source"]] < rank[old["source"]] || rank[r["source"]] == rank[old["source"]] && old["threads"] == "" && r["threads"] != "" {
			best[k] = r
		}
	}
	limits := map[string]map[string]string{}
	for _, r := range readCSV(t, "data/limits.csv") {
		_, known := limitSources[r["source"]]
		require.True(t, known, "%s: source %q", r["model"], r["source"])
		k := key(r["model"])
		require.NotContains(t, limits, k, r["model"])
		limits[k] = r
		if best[k] == nil {
			best[k] = map[string]string{"model": r["model"]}
		}
		cores, err := strconv.Atoi(r["cores_p"])
		require.NoError(t, err, r["model"])
		small, err := strconv.Atoi(r["cores_e"])
		require.NoError(t, err, r["model"])
		if best[k]["threads"] == "" {
			best[k]["cores"], best[k]["threads"] = strconv.Itoa(cores+small), r["threads"]
		}
		best[k]["tdp_w"] = r["base_w"]
	}
	var lines []string
	for k, r := range best {
		watts, err := strconv.ParseFloat(r["tdp_w"], 64)
		require.NoError(t, err, r["model"])
		require.True(t, watts > 0 && watts < 1000, r["model"])
		count := func(s string) int {
			if s == "" {
				return 0
			}
			n, err := strconv.Atoi(s)
			require.NoError(t, err, r["model"])
			return n
		}
		line := fmt.Sprintf("%s,%s,%d,%d", k, strconv.FormatFloat(watts, 'f', -1, 64), count(r["cores"]), count(r["threads"]))
		if l := limits[k]; l != nil {
			turbo := l["turbo_w"]
			if turbo == "" {
				turbo = "0"
			}
			line += fmt.Sprintf(",%s,%s,%s", l["class"], turbo, l["cores_e"])
		}
		lines = append(lines, line+"\n")
	}
	slices.SortFunc(lines, func(a, b string) int {
		a, _, _ = strings.Cut(a, ",")
		b, _, _ = strings.Cut(b, ",")
		return strings.Compare(a, b)
	})
	return strings.Join(lines, "")
}

// TestTables is the generator of data/cpus.txt, and what keeps it current:
// go generate ./estimate (go test -run TestTables -update) writes it.
func TestTables(t *testing.T) {
	want := generate(t, readCSV(t, "data/cpus.csv"))
	if *update {
		require.NoError(t, os.WriteFile("data/cpus.txt", []byte(want), 0o644))
		return
	}
	got, err := os.ReadFile("data/cpus.txt")
	require.NoError(t, err)
	assert.True(t, string(got) == want, "data/cpus.txt is not what data/cpus.csv makes: run go generate ./estimate")
	assert.True(t, cpus == want)
	assert.Less(t, len(cpus)+len(microarchs), 200_000)
}

func TestLookupFindsEveryRow(t *testing.T) {
	n := 0
	for row := range strings.Lines(cpus) {
		k, _, _ := strings.Cut(row, ",")
		s, ok := lookup(cpus, k)
		if !ok || s.tdp <= 0 || s.threads < s.cores && s.threads > 0 {
			t.Fatalf("%q: %+v, %v", k, s, ok)
		}
		n++
	}
	assert.Greater(t, n, 4000)
	for _, no := range []string{"", " ", "zzz", "xeon", "epyc", "epyc milan", "xeon platinum", ","} {
		_, ok := lookup(cpus, no)
		assert.False(t, ok, "%q", no)
	}
}

func TestMicroarchTable(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(microarchs), "\n")[1:]
	assert.GreaterOrEqual(t, len(rows), 70)
	for _, row := range rows {
		m, err := parseMicroarch(row)
		require.NoError(t, err)
		assert.Contains(t, []class{mono, chiplet, epyc, client}, m.class, row)
		assert.Contains(t, []string{"rdimm", "udimm", "ddr3", "lpddr", wholeBoard}, m.memory, row)
		assert.Contains(t, []float64{1.6, 1.7, 2}, m.band, row)
		// What is not measured follows from the TDP; what is differs little.
		if m.most > 0 && m.tdp > 0 {
			idle, full := perThread(m.class, m.tdp, m.threads)
			assert.InEpsilon(t, idle, m.idle, 0.7, row)
			assert.InEpsilon(t, full, m.most, 0.7, row)
		}
		cpu := proc.CPU{Vendor: m.vendor, Family: m.family, Model: m.model, Stepping: max(0, m.from)}
		if m.vendor == "ARM" {
			cpu = proc.CPU{Implementer: m.family, Part: m.model}
		}
		cpu.Brand = m.sku
		got, ok := find(microarchs, cpu)
		assert.True(t, ok && got == m, row)
		// Where the model that stands in is in the TDP table too, they agree.
		if s, ok := lookup(cpus, key(m.sku)); ok && m.tdp > 0 {
			assert.Equal(t, m.tdp, s.tdp, row)
			if s.threads > 0 {
				assert.Equal(t, m.threads, s.threads, row)
			}
		}
	}
}

func FuzzMicroarch(f *testing.F) {
	for row := range strings.Lines(microarchs) {
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, row string) {
		m, err := parseMicroarch(row)
		if err == nil && ((m.tdp > 0 || m.most > 0) && (m.threads <= 0 || m.cores <= 0) || m.tdp < 0 || m.idle < 0 || m.most < m.idle) {
			t.Fatalf("%q: %+v", row, m)
		}
	})
}

func FuzzLookup(f *testing.F) {
	f.Add("a,1,1,1\nb 2,3,2,4\n", "b 2")
	f.Add("a\n\nb,,\n", "b")
	f.Add("", "x")
	f.Fuzz(func(t *testing.T, table, key string) {
		if s, ok := lookup(table, key); ok && !(s.tdp > 0) {
			t.Fatalf("%+v", s)
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := lookup(cpus, "xeon platinum 8259cl"); !ok {
			b.Fatal("not found")
		}
	}
}
