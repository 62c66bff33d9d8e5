package facts

import (
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
)

// Against is a change before what it is one of: "−50 % on", "20 times", "as much as".
func Against(by string) string {
	if times, ok := strings.CutPrefix(by, "× "); ok {
		return times + " times"
	}
	if by == "none" {
		return "as much as"
	}
	return by + " on"
}

// Change shows by how much new is above old.
func Change(old, new regions.Grams) string {
	switch {
	case old == new:
		return "none"
	case old == 0:
		return "from 0"
	}
	part := float64(new/old) - 1
	switch {
	case part > -5e-10 && part < 5e-10:
		return "none"
	case part > 9:
		return fmt.Sprintf("× %.3g", part+1)
	case part < 0:
		return "−" + format.Percent(-part)
	}
	return "+" + format.Percent(part)
}
