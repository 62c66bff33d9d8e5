package ledger

import "golang.org/x/sys/unix"

// bootID names the time since the kernel started.
func bootID() string {
	id, _ := unix.Sysctl("kern.bootsessionuuid") // without one, the host's name has to do
	return id
}
