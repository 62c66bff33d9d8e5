package prometheus_test

import (
	"context"
	"fmt"
	"testing/fstest"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/energy/energytest"
	"github.com/carbonctl/carbonctl/export/prometheus"
)

// A program registers its run beside its own metrics. Here a scripted meter stands for
// the hardware.
func ExampleNew() {
	gpu := energy.Component{Kind: energy.GPU, ID: "GPU-1", Basis: energy.Measured, Source: "test", Scope: "gpu", BandLow: 1, BandHigh: 1}
	meter := &energytest.Meter{Steps: []energytest.Step{
		{Readings: []energy.Reading{{Component: gpu}}},
		{Readings: []energy.Reading{{Component: gpu, Total: 3600 * energy.Joule}}},
	}}
	tracker, err := carbon.Start(context.Background(), carbon.Config{
		Region: "FR", Meters: []energy.Meter{meter}, Host: carbon.Host{Root: fstest.MapFS{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := client.NewRegistry()
	registry.MustRegister(prometheus.New(tracker))
	tracker.Stop()

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		if f.GetName() == "carbonctl_energy_joules_total" {
			fmt.Println(f.Metric[0].Counter.GetValue(), "J")
		}
	}
	// Output: 3600 J
}
