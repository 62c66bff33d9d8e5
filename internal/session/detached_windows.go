package session

import "syscall"

// detached starts a process without our console: DETACHED_PROCESS of winbase.h.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{CreationFlags: 0x8} }
