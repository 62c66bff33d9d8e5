package main

import (
	"fmt"
	"regexp"
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

"{{.CommandPath}} COMMAND --help" shows the help of a command{{if not .HasParent}},
"carbonctl help exit-codes" the exit codes{{end}}.{{end}}
{{- range flagSections .}}

{{.Title}}:
{{.Usages | trimTrailingWhitespaces}}{{end}}
{{- with moreFlags .}}

{{.}}{{end}}
`

func init() {
	cobra.EnableCommandSorting = false // by use, as they are added
	cobra.AddTemplateFunc("flagSections", flagSections)
	cobra.AddTemplateFunc("moreFlags", moreFlags)
}

// A subcommand is made when it is needed.
type subcommand struct {
	name string
	make func() *cobra.Command
}

// group adds commands below a heading of the help of the command above them.
func group(above *cobra.Command, title string, commands ...subcommand) {
	above.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range commands {
		cmd := c.make()
		cmd.GroupID = title
		above.AddCommand(cmd)
	}
}

// heading is one above some flags in the help of a command, and their names by use.
type heading struct{ title, flags string }

// frequent are the flags that --help shows of a command with many; "help COMMAND --all"
// shows all, under headings.
var frequent = map[string]string{
	"carbonctl wrap":        "region live pue charge epochs budget project label ledger json-file quiet verbose",
	"carbonctl attach":      "cgroup control region live charge budget project label ledger json-file quiet verbose",
	"carbonctl devices":     "verbose json region calibration root",
	"carbonctl config show": "origin json",
	"carbonctl report":      "from to project label by last budget statement format json output",
	"carbonctl estimate":    "gpu count cpu instance nodes hours watts region like epochs gpus json",
	"carbonctl compare":     "energy countries provider continent within hours top json output",
}

// runHeadings are those of the commands that track a run, or show its settings.
var runHeadings = []heading{
	{"Process", "cgroup control ignore-interrupt"},
	{"Region and grid", "region intensity live hourly detect-cloud pue water regions-file"},
	{"Measurement", "charge interval calibration embodied-kg lifetime nvml-library root watch"},
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
		{"Filters", "from to project label region host user status ledger sign"},
		{"Totals", "by spread last include-nested budget car"},
		{"Output", "format json html output"},
		{"Statements", "statement about run per location hardware stage family data"},
		{"With prometheus:URL", "hosts step"},
	},
	"carbonctl estimate": {
		{"Devices and time", "gpu count cpu cores memory instance nodes watts hours device-hours usage psf repeat"},
		{"From a recorded run", "like epochs gpus speedup ledger"},
		{"Region and grid", "region intensity pue scope year market regions-file"},
		{"Method", "method embodied-kg lifetime per batch"},
		{"Output", "json json-file"},
	},
	"carbonctl compare": {
		{"Energy", "energy predicted ledger"},
		{"Regions", "regions countries special provider continent within from region"},
		{"Intensity and PUE", "hours pue scope year market regions-file"},
		{"Output", "top format json output"},
	},
}

// flagSection is a part of the list of a command's flags.
type flagSection struct {
	Title string
	flags *pflag.FlagSet
}

func section(title string) flagSection {
	s := flagSection{title, pflag.NewFlagSet("", pflag.ContinueOnError)}
	s.flags.SortFlags = false
	return s
}

// Usages is the text of the flags, for 80 columns.
func (s flagSection) Usages() string { return s.flags.FlagUsagesWrapped(80) }

// add puts some flags of a command into the section, those that the command has.
func (s flagSection) add(cmd *cobra.Command, names string) {
	for name := range strings.FieldsSeq(names) {
		if flag := cmd.LocalFlags().Lookup(name); flag != nil {
			s.flags.AddFlag(shown(flag))
		}
	}
}

// argument is the value of a flag under the name that its help begins with.
type argument struct {
	pflag.Value
	name string
}

func (a argument) Type() string { return a.name }

// shown is a flag as pflag prints it: "`NAME` what it does" becomes "--flag NAME   what it does".
func shown(f *pflag.Flag) *pflag.Flag {
	rest, named := strings.CutPrefix(f.Usage, "`")
	if !named {
		return f
	}
	of := *f
	name, text, _ := strings.Cut(rest, "` ")
	of.Value, of.Usage = argument{f.Value, name}, text
	switch d := f.DefValue; {
	case d == "0s" || d == "[]":
		of.DefValue = ""
	case f.Value.Type() == "duration": // 1h0m0s is 1h
		of.DefValue = zeros.ReplaceAllString(d, "$1")
	}
	return &of
}

// zeros are the seconds and minutes of a duration that are 0.
var zeros = regexp.MustCompile(`([hm])(?:0m)?0s$`)

// all is the annotation of a command whose help is to have all flags.
const all = "all"

// flagSections are the flags of a command: the frequent ones of a command with many, or all
// below its headings, and last what is under none of them.
func flagSections(cmd *cobra.Command) (list []flagSection) {
	if few := frequent[cmd.CommandPath()]; few != "" && cmd.Annotations[all] == "" {
		s := section("Flags")
		s.add(cmd, few+" help")
		return []flagSection{s}
	}
	under := ""
	for _, h := range headings[cmd.CommandPath()] {
		s := section(h.title)
		s.add(cmd, h.flags)
		if s.flags.HasAvailableFlags() {
			list = append(list, s)
		}
		under += h.flags + " "
	}
	rest := section("Flags")
	if list != nil {
		rest.Title = "Help"
	}
	rest.flags.SortFlags = cmd.Flags().SortFlags
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if !slices.Contains(strings.Fields(under), flag.Name) {
			rest.flags.AddFlag(shown(flag))
		}
	})
	if rest.flags.HasAvailableFlags() {
		list = append(list, rest)
	}
	return list
}

// moreFlags is the last line of a help that has only the frequent flags, "" of one that has all.
func moreFlags(cmd *cobra.Command) string {
	few := frequent[cmd.CommandPath()]
	if few == "" || cmd.Annotations[all] != "" {
		return ""
	}
	more := -len(strings.Fields(few + " help"))
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			more++
		}
	})
	name := strings.TrimPrefix(cmd.CommandPath(), "carbonctl ")
	return fmt.Sprintf("%d more flags: carbonctl help %s --all", more, name)
}

// helpCommand is "carbonctl help": of a command, with --all with all its flags.
func helpCommand(root *cobra.Command) *cobra.Command {
	every := false
	cmd := &cobra.Command{
		Use:    "help [COMMAND] [--all]",
		Short:  "Show the help of a command",
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && cmd.HasSubCommands() {
				return &commandError{cmd, rest[0]}
			}
			if every {
				cmd.Annotations = map[string]string{all: "true"}
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
	cmd.Flags().BoolVar(&every, "all", false, "show all flags, by heading")
	return cmd
}
