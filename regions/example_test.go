package regions_test

import (
	"context"
	"fmt"

	"github.com/carbonctl/carbonctl/regions"
)

func ExampleTable_Intensity() {
	table := regions.Builtin()
	for _, zone := range []string{"France", "US-CA", "", "georgia"} {
		in, err := table.Intensity(context.Background(), regions.Query{Zone: zone})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s %d: %.0f g/kWh %s; %q\n", in.Zone, in.Year, in.PerKWh, in.Scope, in.Instead)
	}
	// Output:
	// FR 2025: 41 g/kWh lifecycle; ""
	// US-CA 2023: 179 g/kWh direct; "only direct emissions are published for US-CA"
	// WORLD 2025: 458 g/kWh lifecycle; "no region was given"
	// region "georgia" may be GE (Georgia) or US-GA (Georgia, United States): give the code
}
