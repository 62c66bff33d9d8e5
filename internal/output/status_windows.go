package output

import "os"

// TerminalStatus is nil: there is no terminal beside stdout and stderr.
func TerminalStatus(_, _ *os.File, _ func(string) string) *Status { return nil }
