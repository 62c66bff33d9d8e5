package ledger

import (
	"os"
	"strings"
)

// bootID names the time since the kernel started: containers of one machine
// share it.
func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // without one, the host's name has to do
	return strings.TrimSpace(string(b))
}
