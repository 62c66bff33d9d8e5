package runs

import (
	"fmt"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// A Filter says which rows are taken. The zero Filter takes all. Where a list
// holds several values, any of them will do; all lists that are not empty must
// hold.
type Filter struct {
	// Runs that started at From or later, and before To. A zero time is no
	// bound; a run whose start is not known is within none.
	From, To                      time.Time
	Projects, Hosts, Users, Zones []string
	Statuses                      []footprint.Status
	// Labels must all be there, with these values.
	Labels map[string]string
}

// Match says whether the filter takes the row.
func (f Filter) Match(r Row) bool {
	if (!f.From.IsZero() || !f.To.IsZero()) && r.StartedAt.IsZero() ||
		!f.From.IsZero() && r.StartedAt.Before(f.From) ||
		!f.To.IsZero() && !r.StartedAt.Before(f.To) {
		return false
	}
	if !among(f.Projects, r.Project) || !among(f.Hosts, r.Host) || !among(f.Users, r.User) ||
		!among(f.Zones, r.Zone) || !among(f.Statuses, r.Status) {
		return false
	}
	for name, want := range f.Labels {
		if v, ok := label(r.Labels, name); !ok || v != want {
			return false
		}
	}
	return true
}

func among[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// An Allowance is what a month may use. The zero Allowance is no limit; of two
// limits both hold.
type Allowance struct {
	Emissions regions.Grams
	Energy    energy.Energy
}

// ParseAllowance reads a mass or an energy as footprint.ParseAmount does: "500g",
// "1.5 kWh".
func ParseAllowance(s string) (Allowance, error) {
	a, err := footprint.ParseAmount(s)
	if err != nil || a.Emissions == 0 && a.Energy == 0 {
		return Allowance{}, fmt.Errorf("invalid amount %.40q: use a mass or an energy, such as 50kg or 200kWh", s)
	}
	return Allowance{Emissions: a.Emissions, Energy: a.Energy}, nil
}

// Used is the part of the allowance that s takes, above 1 where it takes more;
// the greater one of two limits, and of two scopes. It is 0 where there is no limit.
func (a Allowance) Used(s Summary) float64 {
	part := 0.0
	if a.Emissions > 0 {
		for _, e := range s.Scopes {
			part = max(part, float64(e.Grams/a.Emissions))
		}
	}
	if a.Energy > 0 {
		part = max(part, float64(s.Energy)/float64(a.Energy))
	}
	return part
}
