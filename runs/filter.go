package runs

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
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

// ParseAllowance reads a mass (mg, g, kg, t) or an energy (J, kJ, MJ, Wh, kWh,
// MWh): "500g", "1.5 kWh". It must be more than 0.
func ParseAllowance(s string) (Allowance, error) {
	text := strings.TrimSpace(s)
	end := strings.LastIndexAny(text, "0123456789.") + 1
	x, err := strconv.ParseFloat(text[:end], 64)
	if err != nil || strings.Trim(text[:end], "0123456789.") != "" || x <= 0 || math.IsInf(x, 0) {
		return Allowance{}, fmt.Errorf("%.40q is no limit such as 500g or 1.5kWh", s)
	}
	unit := strings.TrimSpace(text[end:])
	if g, ok := map[string]float64{"mg": 1e-3, "g": 1, "kg": 1e3, "t": 1e6}[unit]; ok {
		return Allowance{Emissions: regions.Grams(x * g)}, nil
	}
	if j, ok := map[string]float64{"J": 1, "kJ": 1e3, "MJ": 1e6, "Wh": 3600, "kWh": 3.6e6, "MWh": 3.6e9}[unit]; ok {
		return Allowance{Energy: energy.Joules(x * j)}, nil
	}
	return Allowance{}, fmt.Errorf("%.40q: the unit is g, kg, t, Wh, kWh or MWh", s)
}

// Used is the part of the allowance that s takes, above 1 where it takes more;
// the greater one of two limits. It is 0 where there is no limit.
func (a Allowance) Used(s Summary) float64 {
	part := 0.0
	if a.Emissions > 0 {
		part = float64(s.Emissions / a.Emissions)
	}
	if a.Energy > 0 {
		part = max(part, float64(s.Energy)/float64(a.Energy))
	}
	return part
}
