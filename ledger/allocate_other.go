//go:build !linux

package ledger

import (
	"errors"
	"os"
)

// preallocate: the caller writes the blocks.
func preallocate(*os.File, int64) error { return errors.ErrUnsupported }
