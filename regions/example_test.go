package regions_test

import (
	"context"
	"fmt"
	"time"

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
	// US-CA 2025: 191 g/kWh lifecycle; ""
	// WORLD 2025: 458 g/kWh lifecycle; "no region was given"
	// region "georgia" may be GE (Georgia) or US-GA (Georgia, United States): give the code
}

func ExampleTable_Sites() {
	table := regions.Builtin()
	paris := regions.Point{Lat: 48.86, Lon: 2.35}
	sites, _, err := table.Sites(regions.Query{Scope: regions.Lifecycle}, regions.Filter{Providers: []string{"gcp"}, Within: 500, From: paris})
	if err != nil {
		fmt.Println(err)
	}
	for _, s := range sites {
		fmt.Printf("%s, %s: %.0f g/kWh, PUE %.2f of the %s, %.0f km\n", s.Cloud, s.Cloud.City, s.Intensity.PerKWh, s.PUE.Value, s.PUE.Of, *s.Kilometres)
	}
	// Output:
	// gcp:europe-west1, Mons: 150 g/kWh, PUE 1.09 of the region, 211 km
	// gcp:europe-west2, London: 217 g/kWh, PUE 1.10 of the provider, 343 km
	// gcp:europe-west3, Frankfurt: 330 g/kWh, PUE 1.10 of the provider, 478 km
	// gcp:europe-west6, Zürich: 39 g/kWh, PUE 1.10 of the provider, 488 km
	// gcp:europe-west9, Paris: 41 g/kWh, PUE 1.10 of the provider, 0 km
}

func ExampleWindow() {
	table := regions.Builtin()
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	by := now.Add(24 * time.Hour)
	hours, err := table.Forecast(context.Background(), regions.Query{Zone: "US-NY", Time: now}, by)
	if err != nil {
		fmt.Println(err)
	}
	slot, err := regions.Window(hours, 4*time.Hour, now, by)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s to %s: %.0f %% less CO2e than now (%s)\n", slot.From.Format("15:04"), slot.To.Format("15:04"), 100*slot.Saving(), slot.Kind)
	// Output:
	// 05:00 to 09:00: 9 % less CO2e than now (profile)
}
