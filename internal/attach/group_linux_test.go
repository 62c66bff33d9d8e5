package attach

import (
	"os"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestACgroup(t *testing.T) {
	const dir = "sys/fs/cgroup/system.slice/web.service"
	root := fstest.MapFS{
		dir + "/cpu.stat":       file("usage_usec 5000000\nuser_usec 1\n"),
		dir + "/cgroup.events":  file("populated 1\nfrozen 0\n"),
		dir + "/memory.current": file("1048576\n"),
		dir + "/pids.current":   file("3\n"),
		"proc/7/cgroup":         file("0::/system.slice/web.service/worker\n"),
		"proc/8/cgroup":         file("0::/system.slice/web.service2\n"),
		"proc/9/cgroup":         file("0::/system.slice/web.service\n"),
		"proc/" + strconv.Itoa(os.Getpid()) + "/cgroup": file("0::/system.slice/web.service\n"),
	}
	for _, name := range []string{"system.slice/web.service", "/system.slice/web.service/", "/" + dir} {
		target, err := openGroup(root, name)
		require.NoError(t, err, name)
		assert.Equal(t, "cgroup /system.slice/web.service", target.String())
		u, err := target.Usage().Read()
		require.NoError(t, err)
		assert.Zero(t, u.CPU)
		assert.Equal(t, uint64(1<<20), u.RSS)
		assert.Equal(t, 3, u.Processes)
		assert.False(t, u.Open, "the kernel counts all")
		assert.True(t, target.Owns(7))
		assert.True(t, target.Owns(9))
		assert.False(t, target.Owns(8))
		assert.False(t, target.Owns(os.Getpid()), "who looks")
		assert.False(t, target.Owns(1))
		require.Error(t, target.Signal(15))
	}
	target, err := openGroup(root, dir)
	require.NoError(t, err)
	root[dir+"/cpu.stat"] = file("usage_usec 7500000\n")
	u, err := target.Usage().Read()
	require.NoError(t, err)
	assert.InDelta(t, 2.5, u.CPU, 1e-9)

	delete(root, dir+"/cpu.stat") // the service has ended
	u, err = target.Usage().Read()
	require.Error(t, err)
	assert.InDelta(t, 2.5, u.CPU, 1e-9)
	root[dir+"/cgroup.events"] = file("populated 0\n")
	_, err = target.Wait()
	require.NoError(t, err)
	assert.Equal(t, Ended, target.Why())
	assert.Empty(t, target.Warnings(0), "a cgroup has no exit code")
}

func TestACgroupOfVersion1(t *testing.T) {
	const dir = "sys/fs/cgroup/cpu,cpuacct/docker/abc"
	root := fstest.MapFS{
		dir + "/cpuacct.usage":    file("5000000000\n"),
		dir + "/cgroup.procs":     file("\n"),
		dir + "/sub/cgroup.procs": file("12\n"),
		"proc/12/cgroup":          file("5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc/sub\n"),
		"proc/13/cgroup":          file("4:cpu,cpuacct:/docker/ab\n"),
	}
	target, err := openGroup(root, dir)
	require.NoError(t, err)
	assert.True(t, target.Owns(12))
	assert.False(t, target.Owns(13))
	root[dir+"/cpuacct.usage"] = file("5250000000\n")
	u, err := target.Usage().Read()
	require.NoError(t, err)
	assert.InDelta(t, 0.25, u.CPU, 1e-9)
	assert.Equal(t, 1, u.Processes, "at least")
	root[dir+"/sub/cgroup.procs"] = file("")
	u, err = target.Usage().Read()
	require.NoError(t, err)
	assert.Zero(t, u.Processes)
}

// Where version 1 is mounted too, version 2 stands beside it.
func TestACgroupOfBothVersions(t *testing.T) {
	const dir = "sys/fs/cgroup/unified/web"
	root := fstest.MapFS{
		"sys/fs/cgroup/unified/cgroup.procs": file("1\n"),
		dir + "/cpu.stat":                    file("usage_usec 1\n"), dir + "/cgroup.events": file("populated 1\n"),
		"proc/12/cgroup": file("5:memory:/\n0::/web\n"),
	}
	target, err := openGroup(root, dir)
	require.NoError(t, err)
	assert.True(t, target.Owns(12))
}

func TestWhatIsNoCgroup(t *testing.T) {
	root := fstest.MapFS{
		"sys/fs/cgroup/a/cpu.stat":      file("usage_usec x\n"),
		"sys/fs/cgroup/b/cpu.stat":      file("user_usec 1\n"),
		"sys/fs/cgroup/c/memory":        file("1\n"),
		"sys/fs/cgroup/d/cpu.stat":      file("usage_usec 1\n"),
		"sys/fs/cgroup/d/cgroup.events": file("populated 0\n"),
		"sys/fs/cgroup/e":               file("1\n"),
	}
	for name, text := range map[string]string{
		"none": "/sys/fs/cgroup/none: no such cgroup",
		"a":    "/sys/fs/cgroup/a: cpu.stat: usage_usec is not a number",
		"b":    "/sys/fs/cgroup/b: cpu.stat has no usage_usec",
		"c":    "/sys/fs/cgroup/c: no cgroup: it has neither cpu.stat nor cpuacct.usage",
		"d":    "/sys/fs/cgroup/d: no process is in this cgroup",
		"e":    "/sys/fs/cgroup/e: not a folder of a cgroup",
		"..":   "/sys/fs/cgroup: no cgroup: it has neither cpu.stat nor cpuacct.usage",
	} {
		target, err := openGroup(root, name)
		assert.Nil(t, target)
		fails(t, NoGroup, text, err)
	}
}
