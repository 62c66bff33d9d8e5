package ci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/output"
)

// The files of a GitLab job, which its artifacts name.
const (
	MetricsFile = "carbonctl-metrics.txt"
	DotenvFile  = "carbonctl.env"
)

// A Pipeline is a job of GitLab CI, as a sink: it writes a metrics report and a dotenv report.
type Pipeline struct {
	Dir string // where the files are written; "" is the working directory
	Job string // of the labels; "" is none
}

// PipelineOf is the job of an environment.
func PipelineOf(env func(string) string) Pipeline {
	return Pipeline{env("CI_PROJECT_DIR"), env("CI_JOB_NAME")}
}

// Report implements carbon.Sink. It replaces what an earlier run of the job has written.
func (p Pipeline) Report(ctx context.Context, r footprint.Report) error {
	dir := p.Dir
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = ""
	}
	var errs []error
	for name, text := range map[string]string{MetricsFile: p.metrics(r), DotenvFile: dotenv(r)} {
		if err := ctx.Err(); err != nil {
			return err
		}
		errs = append(errs, output.Write(filepath.Join(dir, name), func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}))
	}
	return errors.Join(errs...)
}

// metrics are the run in lines that are alike in OpenMetrics and the text format of
// Prometheus, which name a counter's TYPE differently. GitLab compares the values of two
// branches as text: three digits are not another number for each run. What is not known has
// no line.
func (p Pipeline) metrics(r footprint.Report) string {
	var b strings.Builder
	family := func(name, help, labels string, v float64) {
		fmt.Fprintf(&b, "# HELP %s %s\n%s{%s} %s\n", name, help, name, labels, stable(v))
	}
	job := ""
	if p.Job != "" {
		job = `job="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(p.Job) + `",`
	}
	h := r.Headline()
	if h.Energy != "" {
		family("carbonctl_energy_joules_total", "Energy that the run is charged with.", job+`basis="`+basis(r)+`"`, r.Energy.Joules())
	}
	if h.Emissions != "" {
		family("carbonctl_emissions_grams_total", "CO2 equivalent of the run.", job+`basis="`+basis(r)+`",scope="`+string(r.Intensity.Scope)+`"`, float64(r.Emissions))
	}
	return b.String() + "# EOF\n"
}

// basis says how the energy was found.
func basis(r footprint.Report) string {
	switch share := r.MeasuredShare; {
	case share == nil || *share <= 0:
		return "modelled"
	case *share < 1:
		return "mixed"
	}
	return "measured"
}

// stable is a number in three significant digits, without an exponent.
func stable(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64) // it just was one
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// dotenv are the run's figures as variables of later jobs.
func dotenv(r footprint.Report) string {
	var b strings.Builder
	for _, v := range values(r) {
		fmt.Fprintf(&b, "%s=%s\n", strings.ToUpper(v.name), v.text)
	}
	return b.String()
}
