package rapl

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// zones fills a directory with n zones of plain files.
func zones(b testing.TB, n int) fs.FS {
	dir := b.TempDir()
	for i := range n {
		zone := filepath.Join(dir, filepath.FromSlash(classDir), fmt.Sprintf("intel-rapl:%x", i))
		require.NoError(b, os.MkdirAll(zone, 0o755))
		files := map[string]string{
			"name": fmt.Sprintf("package-%d\n", i), "energy_uj": "181223344556\n", "max_energy_range_uj": "262143328850\n",
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			require.NoError(b, os.WriteFile(filepath.Join(zone, name), []byte(files[name]), 0o644))
		}
	}
	return os.DirFS(dir)
}

func BenchmarkRead(b *testing.B) {
	for _, n := range []int{8, 64} {
		b.Run(fmt.Sprintf("zones=%d", n), func(b *testing.B) {
			meter, err := Open(zones(b, n))
			require.NoError(b, err)
			defer meter.Close()
			to := make([]energy.Reading, 0, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := meter.Read(b.Context(), to); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/zone")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	root := zones(b, 8)
	for b.Loop() {
		meter, err := Open(root)
		if err != nil {
			b.Fatal(err)
		}
		meter.Close()
	}
}
