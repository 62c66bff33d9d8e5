package carbon_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/energy/energytest"
)

// trainAndTrack is the program's own code: it tracks itself as it is told.
func trainAndTrack(ctx context.Context, cfg carbon.Config) (carbon.Report, error) {
	tracker, err := carbon.Start(ctx, cfg)
	if err != nil {
		return carbon.Report{}, err
	}
	train(1)
	return tracker.Stop()
}

// A program is tested without hardware: by a meter that says what it is told, on a
// machine without anything else to measure. In testing/synctest time is scripted
// too, so that a day of training passes at once.
func ExampleStart_scriptedMeter() {
	pkg := energy.Component{
		Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Name: "a package",
		Source: "test", Scope: "package", BandLow: 1, BandHigh: 1,
	}
	meter := &energytest.Meter{Steps: []energytest.Step{
		{Readings: []energy.Reading{{Component: pkg}}},                             // at the start
		{Readings: []energy.Reading{{Component: pkg, Total: 3600 * energy.Joule}}}, // and then
	}}
	report, err := trainAndTrack(context.Background(), carbon.Config{
		Region: "FR", Meters: []energy.Meter{meter}, Host: carbon.Host{Root: fstest.MapFS{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Energy.KilowattHours(), "kWh,", report.Status)
	// Output: 0.001 kWh, completed
}

// What a program has done is counted as it goes on; the report divides by it.
func ExampleTracker_Count() {
	gpu := energy.Component{Kind: energy.GPU, ID: "gpu-0", Basis: energy.Measured, Source: "test", BandLow: 1, BandHigh: 1}
	meter := &energytest.Meter{Steps: []energytest.Step{
		{Readings: []energy.Reading{{Component: gpu}}},
		{Readings: []energy.Reading{{Component: gpu, Total: 8840 * energy.Joule}}},
	}}
	tracker, err := carbon.Start(context.Background(), carbon.Config{
		Region: "FR", Meters: []energy.Meter{meter}, Host: carbon.Host{Root: fstest.MapFS{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 1000 {
		tracker.Count("output_token", 510) // of one answer
		tracker.Count("request", 1)
	}
	report, err := tracker.Stop()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range report.Work {
		fmt.Printf("%.0f of %s, %.3g J each\n", w.Count, w.Unit, *w.Energy)
	}
	// Output:
	// 510000 of output_token, 0.0173 J each
	// 1000 of request, 8.84 J each
}
