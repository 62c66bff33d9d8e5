// Go's runtime need not ask each second how many CPUs may be used: wrap would read files
// for that as long as its command runs.
//
//go:debug updatemaxprocs=0

// Command carbonctl measures the energy and the emissions of any program. Run
// "carbonctl wrap -- CMD" first; "carbonctl --help" lists the rest.
package main

import (
	"context"
	"os"
	"time"

	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/internal/watch"
)

func main() { os.Exit(command(0, 0)) }

// command is the whole process; slack is what wrap may stay longer than it promises, and
// patience how long a run goes on before it has a status line (0: the default).
func command(slack, patience time.Duration) int {
	switch {
	case watch.IsRelay(os.Args):
		return watch.Relay(os.Args)
	case session.IsHelper(os.Args):
		return session.Help()
	}
	a := &app{out: os.Stdout, err: os.Stderr, slack: slack, patience: patience}
	return a.run(context.Background(), os.Args[1:])
}
