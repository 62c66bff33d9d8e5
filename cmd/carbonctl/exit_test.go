package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page on commands has the table of exit codes that the help has.
func TestExitCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/commands.md")
	require.NoError(t, err)
	for _, e := range exitCodes() {
		assert.Contains(t, string(page), "| "+e.code+" | "+e.meaning+" |\n")
	}
}
