package runs

import (
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// Largest keeps the runs that emitted most, for each scope apart: figures of two
// scopes are not compared. Its memory does not grow with the runs.
type Largest struct {
	// Most is how many are kept of each scope.
	Most int

	scopes map[regions.Scope]Rows
}

// Add takes one row. The row may be used again afterwards.
func (l *Largest) Add(r *Row) {
	list := l.scopes[regions.Scope(r.IntensityScope)]
	if l.Most <= 0 || len(list) == l.Most && !(r.Emissions > list[l.Most-1].Emissions) {
		return
	}
	kept := Row{
		RunID: strings.Clone(r.RunID), Project: strings.Clone(r.Project), Zone: strings.Clone(r.Zone),
		Host: strings.Clone(r.Host), Labels: strings.Clone(r.Labels), Provider: strings.Clone(r.Provider), CloudRegion: strings.Clone(r.CloudRegion),
		Status: footprint.Status(strings.Clone(string(r.Status))), CountedBy: strings.Clone(r.CountedBy), IntensityScope: strings.Clone(r.IntensityScope),
		StartedAt: r.StartedAt, DurationS: r.DurationS, Energy: r.Energy, Emissions: r.Emissions,
	}
	if r.ExitCode != nil {
		kept.ExitCode = new(*r.ExitCode)
	}
	if r.MeasuredShare != nil {
		kept.MeasuredShare = new(*r.MeasuredShare)
	}
	if r.EmissionsLow != nil && r.EmissionsHigh != nil {
		kept.EmissionsLow, kept.EmissionsHigh = new(*r.EmissionsLow), new(*r.EmissionsHigh)
	}
	at := len(list)
	for at > 0 && r.Emissions > list[at-1].Emissions {
		at--
	}
	if list = slices.Insert(list, at, kept); len(list) > l.Most {
		list = list[:l.Most]
	}
	if l.scopes == nil {
		l.scopes = map[regions.Scope]Rows{}
	}
	l.scopes[regions.Scope(kept.IntensityScope)] = list
}

// Of gives the runs of a scope, the largest first; of two that emitted the same, the
// one that was added first. A row holds its ID, project, labels, host, zone, provider and
// its region, status, exit code, start, duration, energy, measured share, emissions with
// their bounds, scope, and what counts it. No more is kept.
func (l *Largest) Of(scope regions.Scope) Rows { return l.scopes[scope] }
