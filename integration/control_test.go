package integration

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// R drives the tracking by the program of docs/control.md.
func TestRDrivesTheTracking(t *testing.T) {
	page, err := os.ReadFile("../docs/control.md")
	require.NoError(t, err)
	programs := regexp.MustCompile("(?s)```r\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, programs, 1)
	d := newDesk(t)
	d.write("program.R", programs[0][1]+"\ncat(report$status, nrow(report$epochs), report$region$zone)\n")
	out := d.run("Rscript", "program.R")
	assert.Regexp(t, `^epoch 1: [0-9.]+ J, [0-9.e-]+ g\nepoch 2: .*\nepoch 3: .*\ncompleted 3 FR$`, out)
}
