package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const forward = "../../forward.c"

func TestForwardIsUpToDate(t *testing.T) {
	dir, err := source()
	require.NoError(t, err)
	want, err := generate(dir)
	require.NoError(t, err)
	got, err := os.ReadFile(forward)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run go generate ./nvml")
}

// What the compiler leaves undefined in go-nvml is what would end a program,
// whatever the generator thinks.
func TestForwardDefinesAllThatGoNVMLLeavesUndefined(t *testing.T) {
	for _, tool := range []string{"cc", "nm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here: %v", tool, err)
		}
	}
	list := exec.Command("go", "list", "-export", "-f", "{{.Export}}", "github.com/NVIDIA/go-nvml/pkg/nvml")
	list.Env = append(os.Environ(), "CGO_ENABLED=1", "CGO_CFLAGS=-O2 -Wno-deprecated-declarations")
	archive, err := list.Output()
	require.NoError(t, err)
	out, err := exec.Command("nm", "--undefined-only", strings.TrimSpace(string(archive))).Output()
	require.NoError(t, err)
	want := matches(regexp.MustCompile(`(?m)^\s+U (nvml\w+)$`), out)
	require.Greater(t, len(want), 100)

	text, err := os.ReadFile(forward)
	require.NoError(t, err)
	assert.Equal(t, want, matches(regexp.MustCompile(`(?m)^(?:FORWARD\(|HIDDEN const char \*)(nvml\w+)`), text))
}

func matches(re *regexp.Regexp, text []byte) (names []string) {
	for _, m := range re.FindAllSubmatch(text, -1) {
		names = append(names, string(m[1]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestClasses(t *testing.T) {
	h := parse(`
		typedef unsigned int nvmlKind_t; /* nvmlReturn_t DECLDIR nvmlNot(void); */
		typedef enum nvmlMode_enum { A = 0, B } nvmlMode_t;
		typedef struct { struct nvmlDevice_st* handle; } nvmlDevice_t;
		typedef struct { int a; int b; } nvmlPair_t;
		nvmlReturn_t DECLDIR nvmlNone(void);
		DEPRECATED(1) nvmlReturn_t DECLDIR nvmlAll(nvmlDevice_t d, const unsigned int i, nvmlKind_t k,
			nvmlMode_t, unsigned long long u, unsigned char name[16], int *p);
		nvmlReturn_t DECLDIR nvmlByValue(nvmlPair_t p);
		nvmlReturn_t DECLDIR nvmlFloat(double x);`)
	got, err := h.classes("nvmlAll")
	require.NoError(t, err)
	assert.Equal(t, []string{"ptr", "u32", "u32", "u32", "u64", "ptr", "ptr"}, got)
	got, err = h.classes("nvmlNone")
	assert.NoError(t, err)
	assert.Empty(t, got)
	for _, name := range []string{"nvmlByValue", "nvmlFloat", "nvmlNot", "nvmlMissing"} {
		_, err = h.classes(name)
		assert.ErrorContains(t, err, name)
	}
}
