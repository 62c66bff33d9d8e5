package screen

import (
	"fmt"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
)

// maxRecovered is how many recovered runs are named one by one.
const maxRecovered = 3

// Recovered says which runs were added from their journals: those whose tracker ended
// without recording them, since it was killed, say, or a file system was frozen until
// it was too late; and those that had ended and had no time for their rows.
func Recovered(all []footprint.Report) (lines []string) {
	cut, ended := []footprint.Report{}, 0
	for _, r := range all {
		if r.Status == footprint.Recovered {
			cut = append(cut, r)
		} else {
			ended++
		}
	}
	if len(cut) > maxRecovered {
		lines = append(lines, fmt.Sprintf("recovered %d runs, %s to %s: their trackers ended without recording them",
			len(cut), startOf(cut[0]), startOf(cut[len(cut)-1])))
		cut = nil
	}
	for _, r := range cut {
		lines = append(lines, fmt.Sprintf("recovered run %s of %s (%s, %s CO2e): its tracker ended without recording it",
			r.RunID, startOf(r), format.Energy(r.Energy), format.Mass(r.Emissions)))
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
