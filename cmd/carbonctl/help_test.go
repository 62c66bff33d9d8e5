package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Help fits a terminal of 80 columns, whatever the flags.
func TestHelpFits(t *testing.T) {
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		var b bytes.Buffer
		cmd.SetOut(&b)
		require.NoError(t, cmd.Help())
		assert.NotEmpty(t, cmd.Short, cmd.CommandPath())
		for line := range strings.Lines(b.String()) {
			assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 80, "%s: %s", cmd.CommandPath(), line)
		}
		for _, c := range cmd.Commands() {
			check(c)
		}
	}
	check((&app{}).root())
}

// Where flags are under headings, each is under one, and each name is that of a flag.
func TestFlagsUnderHeadings(t *testing.T) {
	root := (&app{}).root()
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
	root := (&app{}).root()
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			assert.NotEmpty(t, cmd.GroupID, cmd.Name())
		}
	}
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
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
	text := (&app{}).root().UsageString()
	last := -1
	for _, line := range []string{"\nMeasure:\n  wrap ", "\nPlan:\n  estimate ", "\nReport:\n  report ", "\nAudit:\n  verify ", "\nSet up:\n  config "} {
		at := strings.Index(text, line)
		assert.Greater(t, at, last, "%q in\n%s", line, text)
		last = at
	}
	assert.NotContains(t, text, "\nCommands:")
}
