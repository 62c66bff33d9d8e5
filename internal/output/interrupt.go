package output

import (
	"os"
	"os/signal"
)

// exitInterrupted is the exit code where a process can't send itself the signal.
const exitInterrupted = 130

// EraseOnInterrupt erases the line when the user interrupts the process, which then ends by
// the signal as it would without this. It is for commands that do nothing else about it, and
// changes nothing where interrupts are ignored. It is called once.
func (s *Status) EraseOnInterrupt() {
	if s == nil || signal.Ignored(os.Interrupt) {
		return
	}
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt)
	go func() {
		select {
		case <-caught:
		case <-s.end:
			signal.Stop(caught)
			return
		}
		s.Close()
		signal.Reset(os.Interrupt)
		if self, err := os.FindProcess(os.Getpid()); err != nil || self.Signal(os.Interrupt) != nil {
			os.Exit(exitInterrupted)
		}
	}()
}
