package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/export/otlp"
	"github.com/carbonctl/carbonctl/internal/attach"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/fleet"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/nearest"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/ledger/foreign"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
	"github.com/carbonctl/carbonctl/report"
)

// hint says what to do about an error, "" if the error says it all.
func hint(err error) string {
	var (
		header *ledger.HeaderError
		start  *child.Error
		follow *attach.Error
		zone   *regions.UnknownError
		hours  *regions.NoProfileError
		flag   *flagError
		cmd    *commandError
		none   input.NoRunsError
		need   *report.NeedError
		fork   *ledger.ForkError
		env    *live.MissingError
		store  *fleet.Error
	)
	switch {
	case errors.As(err, &header):
		return headerHint(header)
	case errors.As(err, &start):
		return startHint(start)
	case errors.As(err, &follow):
		return follow.Hint
	case errors.As(err, &cmd):
		return commandHint(cmd)
	case errors.As(err, &flag):
		return flagHint(flag)
	case errors.As(err, &zone):
		return `"carbonctl regions show" lists the regions`
	case errors.As(err, &env):
		return "docs/regions.md lists what each live service needs; tokens come from environment variables only"
	case errors.As(err, &hours):
		return hoursHint(hours)
	case errors.As(err, &store) && (store.Status == http.StatusUnauthorized || store.Status == http.StatusForbidden):
		return "set CARBONCTL_PROMETHEUS_TOKEN, or CARBONCTL_PROMETHEUS_USER and CARBONCTL_PROMETHEUS_PASSWORD (docs/fleet.md)"
	case errors.Is(err, regions.ErrNoForecast):
		return `"carbonctl regions data" lists the zones with typical hours; elsewhere use --live (docs/regions.md)`
	case errors.As(err, new(*otlp.GRPCError)):
		return "set OTEL_EXPORTER_OTLP_PROTOCOL=http/json and use the receiver's OTLP/HTTP port, usually 4318"
	case errors.As(err, new(*otlp.NoSpansError)):
		return "OTEL_TRACES_EXPORTER=none sends metrics only"
	case errors.As(err, &none) && none.Ledger:
		return "carbonctl wrap -- CMD records a run"
	case errors.As(err, new(report.NoMatchError)):
		return "carbonctl report --by project lists the projects; likewise host, user, region, status, label:NAME"
	case errors.As(err, &need):
		return needHint(need)
	case errors.Is(err, estimate.ErrUncounted):
		return `"carbonctl devices" shows how to make counters readable; a calibration of the host is valid in its containers`
	case errors.Is(err, report.ErrNoRuns):
		return "the filters match no run, or none was recorded yet"
	case errors.Is(err, foreign.ErrOwn):
		return "to merge ledgers: carbonctl report merge OUT.csv FILE…; to read a run: carbonctl report show FILE"
	case errors.Is(err, foreign.ErrUnknown):
		return "set the format with --format NAME"
	case errors.As(err, &fork):
		return "run carbonctl verify on each to find the changed one, and merge without it"
	case errors.Is(err, fs.ErrExist):
		return "choose a new file; existing files are not overwritten"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: free some space"
	}
	return ""
}

// hoursHint says which services may know the hours of a zone without typical ones.
func hoursHint(e *regions.NoProfileError) string {
	z, err := regions.Builtin().Zone(e.Zone)
	if err != nil || z.Country == "" {
		return fmt.Sprintf("use a country or subdivision: %d zones have typical hours (docs/regions.md)", len(e.Known))
	}
	return fmt.Sprintf("live forecasts for %s: --live %s (if your account covers it)", e.Zone, strings.Join(live.ForecastingIn(z.Country), ", "))
}

func headerHint(e *ledger.HeaderError) string {
	switch e.What {
	case ledger.CodeCarbon:
		return "carbonctl import FILE --ledger LEDGER adds its runs to a ledger"
	case ledger.Edited:
		return "another program has rewritten it: restore the original, or move it away to start a new one"
	case ledger.OtherVersion:
		return "another version of carbonctl wrote it"
	}
	return ""
}

func startHint(e *child.Error) string {
	switch e.Code {
	case child.CodeNotFound:
		if strings.Contains(e.Name, "/") {
			return ""
		}
		return "check the name and PATH; for shell builtins: carbonctl wrap -- sh -c '…'"
	case child.CodeNotExecutable:
		if !errors.Is(e, fs.ErrPermission) {
			return ""
		}
		return "make it executable (chmod +x), or name its interpreter: carbonctl wrap -- python FILE"
	}
	return ""
}

// commandHint names the command that is most like one that there is not.
func commandHint(e *commandError) string {
	near := nearest.Of(e.name, func(yield func(string) bool) {
		more := true
		for _, c := range e.cmd.Commands() {
			for _, name := range append([]string{c.Name()}, c.Aliases...) {
				if c.IsAvailableCommand() {
					more = more && yield(name)
				}
			}
		}
	})
	if near != "" {
		return fmt.Sprintf("did you mean %q?", e.cmd.CommandPath()+" "+near)
	}
	if e.cmd.HasParent() {
		return fmt.Sprintf("%q lists the commands", e.cmd.CommandPath()+" --help")
	}
	return fmt.Sprintf("%q lists the commands; to measure a program: carbonctl wrap -- %s", e.cmd.CommandPath()+" --help", e.name)
}

// flagHint names the flag that is most like one that there is not.
func flagHint(e *flagError) string {
	unknown := (*pflag.NotExistError)(nil)
	if !errors.As(e.err, &unknown) {
		return ""
	}
	best := nearest.Of(unknown.GetSpecifiedName(), func(yield func(string) bool) {
		more := true
		e.cmd.Flags().VisitAll(func(f *pflag.Flag) { more = more && yield(f.Name) })
	})
	if best == "" {
		help := e.cmd.CommandPath() + " --help"
		if frequent[e.cmd.CommandPath()] != "" {
			help = "carbonctl help " + strings.TrimPrefix(e.cmd.CommandPath(), "carbonctl ") + " --all"
		}
		return fmt.Sprintf("%q lists the flags", help)
	}
	return "did you mean --" + best + "?"
}

// needHint says how to give what a statement can't do without.
func needHint(e *report.NeedError) string {
	how := map[string]string{
		"unit": "--per N=UNIT", "units": "--per N=UNIT", "stage": "--stage training", "family": `--family "text classification"`,
		"data": "--data text", "run": "--run RUN.json (from wrap --json-file)",
	}
	var all []string
	for _, n := range e.Needs {
		if h := how[n]; h != "" && !slices.Contains(all, h) {
			all = append(all, h)
		}
	}
	return "add " + strings.Join(all, ", ")
}
