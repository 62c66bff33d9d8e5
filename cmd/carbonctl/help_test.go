package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Help fits a terminal of 80 columns, whatever the flags, with the frequent ones and with all.
func TestHelpFits(t *testing.T) {
	var check func(cmd *cobra.Command, annotations map[string]string)
	check = func(cmd *cobra.Command, annotations map[string]string) {
		cmd.Annotations = annotations
		var b bytes.Buffer
		cmd.SetOut(&b)
		require.NoError(t, cmd.Help())
		assert.NotEmpty(t, cmd.Short, cmd.CommandPath())
		for line := range strings.Lines(b.String()) {
			assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 80, "%s: %s", cmd.CommandPath(), line)
		}
		for _, c := range cmd.Commands() {
			check(c, annotations)
		}
	}
	check((&app{}).root(nil), nil)
	check((&app{}).root(nil), map[string]string{all: "true"})
}

// The help of a command with many flags has the frequent ones, the number of the others and
// how to list them.
func TestFrequentFlags(t *testing.T) {
	root := (&app{}).root(nil)
	for path, names := range frequent {
		cmd, _, err := root.Find(strings.Fields(path)[1:])
		require.NoError(t, err)
		require.Equal(t, path, cmd.CommandPath())
		cmd.InitDefaultHelpFlag()
		text, listed := cmd.UsageString(), 0
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if slices.Contains(strings.Fields(names+" help"), f.Name) {
				assert.Regexp(t, `(?m)^  (    |-., )--`+f.Name+`\b[^-]`, text, path)
				listed++
				return
			}
			assert.NotRegexp(t, `(?m)^  (    |-., )--`+f.Name+`\b[^-]`, text, path)
		})
		assert.Equal(t, len(strings.Fields(names+" help")), listed, "%s: a name that is not a flag", path)

		var out bytes.Buffer
		assert.Equal(t, 0, (&app{out: &out, err: &out}).run(t.Context(), append([]string{"help", "--all"}, strings.Fields(path)[1:]...)))
		total := len(regexp.MustCompile(`(?m)^  (    |-., )--`).FindAllString(out.String(), -1))
		assert.Contains(t, text, fmt.Sprintf("\n%d more flags: carbonctl help %s --all\n", total-listed, strings.TrimPrefix(path, "carbonctl ")))
	}
}

// A flag's value has the name that its help begins with; what has no default shows none.
func TestFlagsShown(t *testing.T) {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.String("a", "b c", "`NAME` first")
	f.Duration("d", 90*time.Minute, "`TIME` second")
	f.Duration("h", time.Hour, "`TIME` third")
	f.Duration("s", 50*time.Millisecond, "`TIME` fourth")
	f.Duration("m", 10*time.Minute, "`TIME` fifth")
	f.Duration("n", 0, "`TIME` sixth")
	f.StringArray("l", nil, "`K=V` seventh")
	f.Bool("p", false, "eighth")
	s := section("")
	f.VisitAll(func(flag *pflag.Flag) { s.flags.AddFlag(shown(flag)) })
	assert.Equal(t, `      --a NAME   first (default b c)
      --d TIME   second (default 1h30m)
      --h TIME   third (default 1h)
      --l K=V    seventh
      --m TIME   fifth (default 10m)
      --n TIME   sixth
      --p        eighth
      --s TIME   fourth (default 50ms)
`, s.Usages())
}

// Where flags are under headings, each is under one, and each name is that of a flag.
func TestFlagsUnderHeadings(t *testing.T) {
	root := (&app{}).root(nil)
	found := map[string]bool{}
	for path, list := range headings {
		cmd, _, err := root.Find(strings.Fields(path)[1:])
		require.NoError(t, err)
		require.Equal(t, path, cmd.CommandPath())
		times := map[string]int{}
		for _, h := range list {
			for name := range strings.FieldsSeq(h.flags) {
				times[name]++
			}
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				assert.Equal(t, 1, times[f.Name], "%s --%s: number of headings that it is under", path, f.Name)
			}
			found[list[0].title+" "+f.Name] = true
		})
	}
	for path, list := range headings {
		for _, h := range list {
			for name := range strings.FieldsSeq(h.flags) {
				assert.True(t, found[list[0].title+" "+name], "%s: no command with these headings has --%s", path, name)
			}
		}
	}
}

// Each command is in a group, and the help of each command has each of its flags once.
func TestHelpGroups(t *testing.T) {
	root := (&app{}).root(nil)
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			assert.NotEmpty(t, cmd.GroupID, cmd.Name())
		}
	}
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		cmd.Annotations = map[string]string{all: "true"}
		text := cmd.UsageString()
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			n := len(regexp.MustCompile(`(?m)^  (    |-., )--`+f.Name+`\b[^-]`).FindAllString(text, -1))
			assert.Equal(t, 1, n, "%s --%s", cmd.CommandPath(), f.Name)
		})
		for _, c := range cmd.Commands() {
			check(c)
		}
	}
	check(root)
}

// The commands of the root's help are below headings, those used most first.
func TestHelpOfRoot(t *testing.T) {
	text := (&app{}).root(nil).UsageString()
	last := -1
	for _, line := range []string{"\nMeasure:\n  wrap ", "\nPlan:\n  estimate ", "\nReport:\n  report ", "\nAudit:\n  verify ", "\nSet up:\n  config "} {
		at := strings.Index(text, line)
		assert.Greater(t, at, last, "%q in\n%s", line, text)
		last = at
	}
	assert.NotContains(t, text, "\nCommands:")
}

// A command that is made alone is the one that is made with all others.
func TestOneCommandAlone(t *testing.T) {
	all := (&app{}).root(nil)
	n := 0
	for _, cmd := range all.Commands() {
		if !cmd.IsAvailableCommand() || cmd.Name() == "completion" {
			continue
		}
		n++
		root := (&app{}).root([]string{cmd.Name()})
		require.Len(t, root.Commands(), 1, cmd.Name())
		alone := root.Commands()[0]
		assert.Equal(t, cmd.CommandPath(), alone.CommandPath())
		assert.Equal(t, cmd.GroupID, alone.GroupID)
		assert.Equal(t, cmd.UsageString(), alone.UsageString())
	}
	assert.Greater(t, n, 15)
}

func BenchmarkRoot(b *testing.B) {
	for name, args := range map[string][]string{"all": nil, "version": {"version"}, "wrap": {"wrap"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				(&app{}).root(args)
			}
		})
	}
}
