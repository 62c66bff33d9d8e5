package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/ledger"
)

func TestHint(t *testing.T) {
	for want, err := range map[string]error{
		"":                                 errors.New("no idea"),
		"free some space":                  fmt.Errorf("write: %w", syscall.ENOSPC),
		"check the name and PATH":          &child.Error{Code: child.CodeNotFound, Name: "pyton", Err: syscall.ENOENT},
		"chmod +x":                         &child.Error{Code: child.CodeNotExecutable, Name: "./x", Err: syscall.EACCES},
		"another version":                  &ledger.HeaderError{What: ledger.OtherVersion},
		"has rewritten it":                 fmt.Errorf("report: %w", &ledger.HeaderError{What: ledger.Edited}),
		"records a run":                    input.NoRunsError{Err: fs.ErrNotExist, Ledger: true},
		`did you mean "carbonctl report"?`: knownCommand((&app{}).root(nil), []string{"reprot"}),
		"carbonctl wrap -- pytest":         knownCommand((&app{}).root(nil), []string{"pytest"}),
	} {
		got := hint(err)
		if want == "" {
			assert.Empty(t, got)
			continue
		}
		assert.Contains(t, got, want)
	}
	// What would not help is not said.
	assert.Empty(t, hint(&child.Error{Code: child.CodeNotExecutable, Name: "./dir", Err: syscall.EISDIR}))
	assert.Empty(t, hint(&child.Error{Code: child.CodeNotFound, Name: "./x", Err: syscall.ENOENT}))
}
