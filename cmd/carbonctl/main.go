// Command carbonctl measures the energy and the emissions of any program. Run
// "carbonctl wrap -- CMD" first; "carbonctl --help" lists the rest.
package main

import (
	"context"
	"os"

	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/internal/watch"
)

func main() {
	switch {
	case watch.IsRelay(os.Args):
		os.Exit(watch.Relay(os.Args))
	case session.IsHelper(os.Args):
		os.Exit(session.Help())
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
