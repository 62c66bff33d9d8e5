package report

import (
	"fmt"

	"github.com/carbonctl/carbonctl/footprint"
)

// maxRecovered is how many recovered runs are named one by one.
const maxRecovered = 3

// Recovered says which runs were added from their journals: those whose tracker had
// been killed, and those that had ended and had no time for their rows.
func Recovered(all []footprint.Report) (lines []string) {
	killed, ended := []footprint.Report{}, 0
	for _, r := range all {
		if r.Status == footprint.Recovered {
			killed = append(killed, r)
		} else {
			ended++
		}
	}
	if len(killed) > maxRecovered {
		lines = append(lines, fmt.Sprintf("recovered %d runs, %s to %s: their trackers had been killed",
			len(killed), startOf(killed[0]), startOf(killed[len(killed)-1])))
		killed = nil
	}
	for _, r := range killed {
		lines = append(lines, fmt.Sprintf("recovered run %s of %s (%s, %s CO2e): its tracker had been killed",
			r.RunID, startOf(r), Energy(r.Energy), Mass(r.Emissions)))
	}
	switch {
	case ended == 1:
		lines = append(lines, "added a run that had ended but not been recorded in time")
	case ended > 1:
		lines = append(lines, fmt.Sprintf("added %d runs that had ended but not been recorded in time", ended))
	}
	return lines
}

func startOf(r footprint.Report) string { return r.StartedAt.Local().Format("2006-01-02 15:04") }
