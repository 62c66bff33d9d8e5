package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// Exit codes of every command but wrap, whose own are the child's.
const (
	exitOK      = 0
	exitFinding = 1 // it worked, and what it looked for is not as it should be
	exitUsage   = 2 // wrong arguments or settings, or it could not do its work

	// exitWrapFailed is wrap's own failure before the child has started.
	exitWrapFailed = child.CodeFailed
)

// exitError carries an exit code up to run. One without an Err has already said
// what there is to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exitCodes says what each code means, for all commands.
func exitCodes() []struct{ code, meaning string } {
	return []struct{ code, meaning string }{
		{"0", "success; mark: also outside a run; attach: however the process ended"},
		{"1", "done, but with a finding: a changed ledger (verify), a month over its budget or no matching run (report), no such run (report show), a result that does not follow from its record (recompute), rejected records (import), unreadable rows, an event that could not be written (mark), a result that could not be saved (attach)"},
		{"2", "invalid arguments, flags or settings, or the command failed"},
		{"125", "wrap only: carbonctl failed before the command started"},
		{"126", "wrap only: the command cannot be executed"},
		{"127", "wrap only: the command was not found"},
		{"128+N", "wrap only: the command was killed by signal N"},
		{"other", "wrap only: the exit code of the command"},
	}
}

// exitHelp is a topic of help: a command that does nothing.
func exitHelp() *cobra.Command {
	var p layout.Page
	p.Title("Exit codes of all commands")
	p.Line("")
	for _, e := range exitCodes() {
		p.Lead(fmt.Sprintf("  %-6s ", e.code), e.meaning)
	}
	var b strings.Builder
	_, _ = p.WriteTo(&b) // a Builder takes all
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: strings.TrimRight(b.String(), "\n")}
}
