package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usage is cobra's text on flags and commands, for 80 columns.
const usage = `Usage:
  {{.UseLine}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}{{$all := .Commands}}
{{- range $group := .Groups}}

{{.Title}}:
{{- range $all}}{{if and .IsAvailableCommand (eq .GroupID $group.ID)}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if not .Groups}}

Commands:
{{- range $all}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}

Use "{{.CommandPath}} COMMAND --help" for more about a command{{if .HasParent}}.{{else}},
and "carbonctl help exit-codes" for what the exit codes mean.{{end}}{{end}}
{{- range flagSections .}}

{{.Title}}:
{{.Usages | trimTrailingWhitespaces}}{{end}}
`

func init() {
	cobra.EnableCommandSorting = false // by use, as they are added
	cobra.AddTemplateFunc("flagSections", flagSections)
}

// group adds commands below a heading of the help of the command above them.
func group(above *cobra.Command, title string, commands ...*cobra.Command) {
	above.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = title
	}
	above.AddCommand(commands...)
}

// heading is one above some flags in the help of a command, and their names by use.
type heading struct{ title, flags string }

// runHeadings are those of the commands that track a run, or show its settings.
var runHeadings = []heading{
	{"Process", "cgroup control ignore-interrupt"},
	{"Place and grid", "region intensity live hourly detect-cloud pue water regions-file"},
	{"What is measured", "charge interval calibration embodied-kg lifetime nvml-library root watch"},
	{"Epochs and prediction", "epochs epoch-preset epoch-pattern epochs-file events-file plan"},
	{"Work done", "work work-pattern"},
	{"Budget and cost", "budget on-budget budget-predicted budget-grace price"},
	{"Record", "project label ledger ledger-format sign record-command samples keep-runs journal-interval"},
	{"Result", "quiet verbose json json-file html car origin"},
	{"Services", "ci metrics textfile pushgateway otlp mlflow influx webhook json-lines json-lines-form flush-wait"},
	{"Start and signals", "wait-for-green for save forward-signals"},
}

// headings are those of the commands whose flags are too many for one list.
var headings = map[string][]heading{
	"carbonctl wrap":        runHeadings,
	"carbonctl attach":      runHeadings,
	"carbonctl devices":     runHeadings,
	"carbonctl config show": runHeadings,
	"carbonctl report": {
		{"Which runs", "from to project label region host user status ledger sign"},
		{"Totals and lists", "by spread last include-nested budget car"},
		{"Output", "format json html output"},
		{"Statements", "statement about run per location hardware stage family data"},
		{"Fleet, with prometheus:URL", "hosts step"},
	},
	"carbonctl estimate": {
		{"Devices and time", "gpu count cpu cores memory instance nodes watts hours device-hours usage psf repeat"},
		{"From a recorded run", "like epochs gpus speedup ledger"},
		{"Place and grid", "region intensity pue scope year market regions-file"},
		{"Method and other figures", "method embodied-kg lifetime per batch"},
		{"Output", "json json-file"},
	},
	"carbonctl compare": {
		{"What is compared", "energy predicted ledger"},
		{"Regions", "regions countries special provider continent within from region"},
		{"Figures", "hours pue scope year market regions-file"},
		{"Output", "top format json output"},
	},
}

// flagSection is a part of the list of a command's flags.
type flagSection struct {
	Title string
	flags *pflag.FlagSet
}

// Usages is the text of the flags, for 80 columns.
func (s flagSection) Usages() string { return s.flags.FlagUsagesWrapped(80) }

// flagSections are the flags of a command below its headings. What is under none of them
// comes last: all flags of a command without any.
func flagSections(cmd *cobra.Command) (all []flagSection) {
	rest := pflag.NewFlagSet("", pflag.ContinueOnError)
	rest.SortFlags = cmd.Flags().SortFlags
	var under []string
	for _, h := range headings[cmd.CommandPath()] {
		s := flagSection{h.title, pflag.NewFlagSet("", pflag.ContinueOnError)}
		s.flags.SortFlags = false
		for name := range strings.FieldsSeq(h.flags) {
			if flag := cmd.LocalFlags().Lookup(name); flag != nil {
				s.flags.AddFlag(flag)
				under = append(under, name)
			}
		}
		if s.flags.HasAvailableFlags() {
			all = append(all, s)
		}
	}
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if !slices.Contains(under, flag.Name) {
			rest.AddFlag(flag)
		}
	})
	if rest.HasAvailableFlags() {
		title := "Flags"
		if len(all) > 0 {
			title = "Help"
		}
		all = append(all, flagSection{title, rest})
	}
	return all
}
