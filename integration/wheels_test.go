package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wheel builds the wheel of a target from the sources below root.
func (d desk) wheel(root, out, target string) string {
	d.Helper()
	c := exec.CommandContext(d.Context(), python, filepath.Join(root, "bridges/python/wheels.py"), "--out", d.at(out), target)
	c.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	c.Stderr = os.Stderr
	name, err := c.Output()
	require.NoError(d, err, "%s", name)
	return strings.TrimSpace(string(name))
}

// unpacked is the command in a wheel.
func (d desk) unpacked(wheel, into string) string {
	d.run(python, "-m", "zipfile", "-e", wheel, d.at(into))
	command := d.at(into + "/carbonctl/bin/carbonctl")
	require.NoError(d, os.Chmod(command, 0o755)) // zipfile keeps no modes
	return command
}

// tracked is a program that prints what a tracker of the installed package has found.
const tracked = `
import carbonctl, sys
with carbonctl.Tracker(region="FR", project="wheel") as t:
    for epoch in t.epochs(range(2)):
        sum(i * i for i in range(300_000))
print(carbonctl.find())
print(t.report.energy_joules > 0, len(t.report.epochs), t.report.region)
`

// TestWheel installs the wheel of this machine in a fresh environment, without the
// repository and without an index, and uses it.
func TestWheel(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	wheel := d.wheel("..", "dist", "manylinux-"+machine)
	assert.Regexp(t, regexp.MustCompile(`/carbonctl-[0-9.]+-py3-none-manylinux_2_\d+_`+machine+`\.whl$`), wheel)

	d.run(python, "-m", "venv", d.at("venv"))
	bin := d.at("venv/bin")
	d.run(bin+"/pip", "install", "-q", "--no-index", "--disable-pip-version-check", wheel)
	out := d.run("env", "PATH=/usr/bin:/bin", bin+"/python", "-c", tracked)
	assert.Contains(t, out, "/venv/lib/")
	assert.True(t, strings.HasSuffix(out, "\nTrue 2 FR\n"), out)
	assert.Contains(t, d.run(bin+"/carbonctl", "report", "--by", "project"), "wheel")
	assert.Contains(t, d.run(bin+"/carbonctl", "version", "--json"), `"cgo": true`)
	d.run(bin+"/python", "-m", "pip", "check")
	d.run(bin+"/pip", "uninstall", "-q", "-y", "carbonctl")
	assert.NoFileExists(t, bin+"/carbonctl")

	// As docs/quickstart.md says, from the repository: without a command of its own.
	d.run(bin+"/pip", "install", "-q", "--no-index", "--disable-pip-version-check", absolute(t, "../bridges/python"))
	out = d.run("env", "PATH="+built+":/usr/bin:/bin", bin+"/python", "-c", tracked)
	assert.Equal(t, filepath.Join(built, "carbonctl")+"\nTrue 2 FR\n", out)
	assert.NoFileExists(t, bin+"/carbonctl")

	static := d.wheel("..", "dist", "musllinux-"+machine)
	_, messages, code := d.try("", bin+"/pip", "install", "-q", "--no-index", "--disable-pip-version-check", static)
	assert.NotZero(t, code)
	assert.Contains(t, messages, "is not a supported wheel on this platform") // here is glibc
	command := d.unpacked(static, "static")
	assert.Contains(t, d.run(command, "version", "--json"), `"cgo": false`)
	metadata, err := filepath.Glob(d.at("static/*.dist-info/METADATA"))
	require.NoError(t, err)
	require.Len(t, metadata, 1)
	text, err := os.ReadFile(metadata[0])
	require.NoError(t, err)
	assert.Contains(t, string(text), "**without NVML**")
}

// TestWheelIsReproducible builds from two folders of one commit: the bytes are the same.
func TestWheelIsReproducible(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	copied := d.at("copy")
	d.run("sh", "-c", `mkdir "$2" && cd "$1" && tar -cf - --exclude=node_modules . | tar -xf - -C "$2"`, "sh", absolute(t, ".."), copied)
	for _, target := range []string{"manylinux-x86_64", "musllinux-aarch64"} {
		one, err := os.ReadFile(d.wheel("..", "one", target))
		require.NoError(t, err)
		two, err := os.ReadFile(d.wheel(copied, "two", target))
		require.NoError(t, err)
		assert.True(t, string(one) == string(two), "%s differs", target)
	}
}

// TestWheelForArm builds by the cross compiler and runs the command by emulation.
func TestWheelForArm(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	wheel := d.wheel("..", "dist", "manylinux-aarch64")
	assert.Regexp(t, regexp.MustCompile(`-py3-none-manylinux_2_\d+_aarch64\.whl$`), wheel)
	out := d.run("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", d.unpacked(wheel, "arm"), "version", "--json")
	assert.Contains(t, out, `"linux/arm64"`)
	assert.Contains(t, out, `"cgo": true`)
}

func absolute(t *testing.T, path string) string {
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	return path
}
