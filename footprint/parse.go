package footprint

import (
	"fmt"

	"github.com/carbonctl/carbonctl/energy"
)

// ParseEnergy reads an amount of energy above 0 as people write it: "1.2kWh",
// "500 Wh", "3.6MJ".
func ParseEnergy(s string) (energy.Energy, error) {
	b, err := ParseBudget(s, 0)
	if err != nil || b.Energy <= 0 {
		return 0, fmt.Errorf("%.40q is no energy above 0, such as 1.2kWh, 500Wh or 3.6MJ", s)
	}
	return b.Energy, nil
}
