package ledger

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/runs"
)

// plain is a row such as wrap writes on a machine with counters.
func plain(t testing.TB) runs.Row {
	for row, err := range Read(strings.NewReader(contents(t, "../docs/testdata/ledger/vector.csv")), "vector.csv") {
		if err != nil {
			t.Fatal(err)
		}
		cpu := energy.Joules(1200)
		row.Host, row.User, row.CPU, row.Memory = "node-17", "ada", &cpu, &cpu
		row.IntensitySource = "Ember, Yearly Electricity Data, 2026"
		return row
	}
	return runs.Row{}
}

// One row, with its lock, two fsyncs and the head.
func BenchmarkAppend(b *testing.B) {
	w, row := Writer{Path: newPath(b)}, plain(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Append(b.Context(), row); err != nil {
			b.Fatal(err)
		}
	}
}

// The same without waiting for the disk: what Append itself costs.
func BenchmarkEncode(b *testing.B) {
	row := plain(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encode(row); err != nil {
			b.Fatal(err)
		}
	}
}

const benchRows = 1000

func bigLedger(b *testing.B) []byte {
	all := make([]runs.Row, benchRows)
	for i := range all {
		all[i] = plain(b)
		all[i].RunID = fmt.Sprintf("0193a000-0000-7000-8000-%012x", i)
	}
	return []byte(strings.Join(chainOf(b, idA, all...), ""))
}

func BenchmarkRead(b *testing.B) {
	text := bigLedger(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range Read(bytes.NewReader(text), "x.csv") {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

func BenchmarkVerify(b *testing.B) {
	text := bigLedger(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if result, err := Verify(bytes.NewReader(text)); err != nil || !result.OK() {
			b.Fatal(result, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}
