package child

import "syscall"

// Signal sends a signal to the command, and nothing once it has ended. Where
// there are no signals, any of them ends it.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil
	}
	return p.send(s)
}
