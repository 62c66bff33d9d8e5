package proc

import (
	"math"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func TestQuota(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  float64
	}{
		"no cgroups":        {nil, math.Inf(1)},
		"no limit":          {map[string]string{"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, math.Inf(1)},
		"a limit":           {map[string]string{"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "150000 100000\n"}, 1.5},
		"the least above":   {map[string]string{"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/cpu.max": "50000 100000", "sys/fs/cgroup/a/b/cpu.max": "200000 100000"}, 0.5},
		"own namespace":     {map[string]string{"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "400000 100000"}, 4},
		"outside namespace": {map[string]string{"proc/self/cgroup": "0::/../x", "sys/fs/cgroup/x/cpu.max": "100000 100000"}, 1},
		"version 1": {map[string]string{"proc/self/cgroup": "9:name=systemd:/\n3:cpu,cpuacct:/docker/x\n",
			"sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "250000", "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000"}, 2.5},
		"version 1, none": {map[string]string{"proc/self/cgroup": "1:cpu:/",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, math.Inf(1)},
		"garbage": {map[string]string{"proc/self/cgroup": "0::/a\nx\n::\n", "sys/fs/cgroup/a/cpu.max": "1e9 0"}, math.Inf(1)},
	} {
		root := fstest.MapFS{}
		for p, s := range c.files {
			root[p] = &fstest.MapFile{Data: []byte(s)}
		}
		assert.Equal(t, c.want, Quota(root), name)
	}
}
