package carbon

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// What the work holds between two readings is not seen. Its byte-seconds hold the
// truth all the same, from a run that is over before its second reading to one that
// is looked at now and then.
func TestMemoryBetweenReadings(t *testing.T) {
	const mega = 1 << 20
	root := fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal: 1048576 kB\nMemFree: 0 kB\nMemAvailable: 524288 kB\n")}}
	held := func(m uint64) Used { return Used{Memory: m * mega, KnowsMemory: true} }
	ended := func(peak uint64) Used { return Used{KnowsMemory: true, MemoryPeak: peak * mega} }
	for name, tt := range map[string]struct {
		reads []Used  // one a second, the first before the start
		truth float64 // in MB·s
		edge  float64 // at most
	}{
		"idle":                {[]Used{held(0), held(0), held(0)}, 0, 0},
		"over at once":        {[]Used{held(0), ended(40)}, 36, 20},
		"two readings":        {[]Used{held(0), held(40), ended(40)}, 75, 80},
		"steady":              {[]Used{held(10), held(10), held(10), held(10)}, 30, 0},
		"growing":             {[]Used{held(10), held(20), held(40)}, 50, 23},
		"not looked at":       {[]Used{held(0), held(50), {}, {}, held(50)}, 195, 50},
		"never seen, for 3 s": {[]Used{held(0), {}, {}, ended(30)}, 80, 45},
		"a peak at the end":   {[]Used{held(0), held(10), ended(60)}, 45, 60},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUsage(root, 2, nil)
			defer u.close()
			var last energy.Use
			for i, used := range tt.reads {
				for _, x := range u.read(time.Unix(int64(i), 0), used, nil) {
					last = x
				}
			}
			require.True(t, last.Known)
			assert.InDelta(t, tt.truth, last.Mine/mega, last.MineEdge/mega+1e-9)
			assert.LessOrEqual(t, last.MineEdge/mega, tt.edge)
			assert.LessOrEqual(t, last.Mine, last.All)
		})
	}
}
