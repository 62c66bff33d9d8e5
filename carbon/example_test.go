package carbon_test

import (
	"context"
	"fmt"

	"github.com/carbonctl/carbonctl/carbon"
)

func train(epoch int) {}

func Example() {
	tracker, err := carbon.Start(context.Background(), carbon.Config{Region: "FR"})
	if err != nil {
		fmt.Println(err) // the Config is wrong
		return
	}
	for epoch := range 3 {
		train(epoch)
	}
	report, err := tracker.Stop()
	if err != nil {
		fmt.Println(err) // a sink did not take the report
	}
	fmt.Println(report.Status, report.Region.Name, report.Intensity.Scope)
	// Output: completed France lifecycle
}
