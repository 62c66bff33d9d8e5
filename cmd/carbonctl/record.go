package main

import (
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/report"
)

// lockWait is how long a command waits for others that write to the same ledger.
const lockWait = 10 * time.Second

// recovered says of a run that it was added.
func recovered(r footprint.Report) string {
	return fmt.Sprintf("recovered run %s of %s (%s, %s CO2e): its tracker had been killed",
		r.RunID, r.StartedAt.Local().Format("2006-01-02 15:04"), report.Energy(r.Energy), report.Mass(r.Emissions))
}

// login is who runs this, "" if that is not known.
func login() string {
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
