package main

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/regions"
)

// hint says what to do about an error, "" if the error says it all.
func hint(err error) string {
	var (
		header *ledger.HeaderError
		start  *child.Error
		zone   *regions.UnknownError
	)
	switch {
	case errors.As(err, &header):
		return headerHint(header)
	case errors.As(err, &start):
		return startHint(start)
	case errors.As(err, &zone):
		return `"carbonctl regions show" lists the regions`
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: free some space, or choose another file with --ledger FILE"
	case errors.Is(err, fs.ErrPermission):
		return "choose a file that you may write with --ledger FILE, or keep none with --ledger none"
	}
	return ""
}

func headerHint(e *ledger.HeaderError) string {
	const other = "choose another file with --ledger FILE; this one is left as it is"
	switch e.What {
	case ledger.Edited:
		return "another program has saved it anew; restore the original, or move it away to begin a new one"
	case ledger.OtherVersion:
		return "another version of carbonctl wrote it; " + other
	}
	return other
}

func startHint(e *child.Error) string {
	switch e.Code {
	case child.CodeNotFound:
		return "check the name and PATH; a shell's own commands and aliases need: carbonctl wrap -- sh -c '…'"
	case child.CodeNotExecutable:
		return "make it executable (chmod +x), or name its interpreter: carbonctl wrap -- python FILE"
	}
	return ""
}
