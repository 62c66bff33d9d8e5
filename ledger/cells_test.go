package ledger

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/runs"
)

// sameAsCSV compares the cells of a line with those that encoding/csv finds.
func sameAsCSV(t *testing.T, line string) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(line))
	r.FieldsPerRecord = -1
	want, wantErr := r.Read()
	for _, cell := range want {
		if strings.ContainsRune(cell, 0) {
			wantErr = errors.New("NUL")
		}
	}
	got, err := (&cells{}).split([]byte(line))
	if wantErr != nil {
		require.Error(t, err, "%q", line)
		for _, known := range []error{csv.ErrQuote, csv.ErrBareQuote} {
			if errors.Is(wantErr, known) {
				require.ErrorIs(t, err, known, "%q", line)
			}
		}
		return
	}
	require.NoError(t, err, "%q", line)
	require.Equal(t, want, got, "%q", line)
}

func TestSplitIsThatOfEncodingCSV(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{",", `"`, `""`, "a", "\r", "é", "'", " ", `","`, `,"a""b",`, "\x00", "\t"}
	for range 50_000 {
		var b strings.Builder
		for range r.IntN(12) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		sameAsCSV(t, b.String()+"\n")
	}
	for range 300 {
		sameAsCSV(t, rowLine(t, randomRow(r)))
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"a,b\n", `"a","b""c"` + "\r\n", `a"b` + "\n", `"a"b` + "\n", `"` + "\n", ",\n", "\n", "\x00,a\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line, _, _ := strings.Cut(s, "\n") // one line
		sameAsCSV(t, line+"\n")
	})
}

func TestSixDecimals(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	fast := 0
	for range 20_000 {
		e := energy.Energy(int64(r.Uint64()) >> r.IntN(64))
		got, ok := sixDecimals(e.Fixed())
		if ok {
			fast++
			require.Equal(t, e, got)
		} else {
			require.Greater(t, max(e, -e), energy.Energy(1e17), e)
		}
	}
	assert.Greater(t, fast, 15_000)
	for _, cell := range []string{"", "-", ".", "1", "1.5", ".000000", "1.0000000", "+1.000000", "1,000000", "1.00000x", "1e.000000",
		"--1.000000", " 1.000000", "12345678901234.000000", "1.000000\n"} {
		_, ok := sixDecimals(cell)
		assert.False(t, ok, "%q", cell)
	}
}

// Some columns are read as all of them are.
func TestReadSomeColumns(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var rows []runs.Row
	for range 300 {
		row := randomRow(r)
		row.Hash = "" // comes with the chain
		rows = append(rows, row)
	}
	text := strings.Join(chainOf(t, idA, rows...), "")
	names := strings.Split(Header, ",")
	for range 20 {
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		some := names[:1+r.IntN(len(names))]
		var want, got []runs.Row
		for row, err := range Read(strings.NewReader(text), "x") {
			require.NoError(t, err)
			want = append(want, only(row, runs.Together(some)))
		}
		for row, err := range Read(strings.NewReader(text), "x", some...) {
			require.NoError(t, err)
			got = append(got, row)
		}
		require.Equal(t, want, got, some)
	}
	for _, err := range Read(strings.NewReader(text), "x", "energy") {
		require.ErrorContains(t, err, `no column "energy"`)
	}
}

// only clears the fields of all other columns.
func only(row runs.Row, names []string) runs.Row {
	var kept runs.Row
	from, to, all := reflect.ValueOf(row), reflect.ValueOf(&kept).Elem(), fields()
	for _, name := range names {
		to.Field(all[name]).Set(from.Field(all[name]))
	}
	return kept
}

// again gives the same rows so many times, below one header.
type again struct {
	rows []byte
	left int
	r    io.Reader
}

func (a *again) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if errors.Is(err, io.EOF) && a.left > 0 {
		a.left--
		a.r = bytes.NewReader(a.rows)
		return a.Read(p)
	}
	return n, err
}

// million is a ledger of so many rows of 100 projects that is nowhere as a whole.
func million(t testing.TB, rows int) io.Reader {
	var all []runs.Row
	for i := range 1000 {
		row := plain(t)
		row.Project = "project-" + string(rune('a'+i%26))
		row.Labels = `{"team":"vision"}`
		all = append(all, row)
	}
	lines := chainOf(t, idA, all...)
	return &again{[]byte(strings.Join(lines[1:], "")), rows / 1000, strings.NewReader(lines[0])}
}

// BenchmarkMillionRows is "report --by project" over 1,000,000 rows: all that it
// reads and adds up, without the printing.
func BenchmarkMillionRows(b *testing.B) {
	columns := []string{
		"project", "counted_by", "started_at", "ended_at", "duration_s", "energy_joules", "energy_low_joules", "energy_high_joules",
		"measured_share", "emissions_g", "emissions_low_g", "emissions_high_g",
	}
	var most uint64
	for b.Loop() {
		groups := map[string]*runs.Summary{}
		n := 0
		for row, err := range Read(million(b, 1_000_000), "x", columns...) {
			if err != nil {
				b.Fatal(err)
			}
			g := groups[row.Project]
			if g == nil {
				g = &runs.Summary{}
				groups[row.Project] = g
			}
			g.Add(row)
			if n++; n%100_000 == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
		if n != 1_000_000 || len(groups) != 26 {
			b.Fatal(n, len(groups))
		}
	}
	b.ReportMetric(float64(most)/1e6, "MB-heap")
}

// A row that no run can have is refused whoever reads it, whatever is asked for.
func TestReadRefusesWhatNobodyAsksFor(t *testing.T) {
	for name, i := range fields() {
		if reflect.TypeFor[runs.Row]().Field(i).Type.Kind() == reflect.String {
			continue
		}
		for _, cell := range []string{"-1", "NaN", "Inf", "1e999", "abc", "0x10", "1_000", "1,5", "7", "0.5", "1e-7", "0", "", "12.000000", "2022-01-02T03:04:05Z"} {
			line := make([]string, 0, len(fields()))
			for _, column := range strings.Split(Header, ",") {
				value := ""
				switch column {
				case name:
					value = cell
				case "schema":
					value = runs.LedgerSchema
				}
				if strings.Contains(value, ",") {
					value = `"` + value + `"`
				}
				line = append(line, value)
			}
			text := Header + "\n" + strings.Join(line, ",") + "\n"
			var all, few error
			for _, all = range Read(strings.NewReader(text), "x") {
			}
			for _, few = range Read(strings.NewReader(text), "x", "run_id") {
			}
			if strings.Contains(name, "energy_low") || strings.Contains(name, "energy_high") || name == "energy_joules" ||
				strings.Contains(name, "emissions_low") || strings.Contains(name, "emissions_high") || name == "emissions_g" {
				// compared with others where they are read
				if all != nil && strings.Contains(all.Error(), "not between") {
					continue
				}
			}
			assert.Equal(t, all == nil, few == nil, "%s: %q: %v, %v", name, cell, all, few)
		}
	}
}
