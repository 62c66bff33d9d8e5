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

func ExampleTracker_Epoch() {
	tracker, err := carbon.Start(context.Background(), carbon.Config{Run: carbon.Run{Epochs: 3}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for epoch := range 3 {
		e := tracker.Epoch()
		train(epoch)
		e.End()
		if p, ok := tracker.Predict(); ok && epoch == 0 {
			fmt.Printf("after %d of %d epochs: %v\n", p.AfterEpochs, p.OfEpochs, p.Energy.Low <= p.Energy.Expected)
		}
	}
	report, _ := tracker.Stop()
	sum := report.Between.Energy
	for _, e := range report.Epochs {
		sum += e.Energy
	}
	fmt.Println(len(report.Epochs), "epochs; they add up:", sum == report.Energy)
	// Output:
	// after 1 of 3 epochs: true
	// 3 epochs; they add up: true
}

func ExampleTracker_Predict_budget() {
	// At most 500 g: ctx ends before an epoch that may not fit any more.
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	budget, err := carbon.ParseBudget("500g", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	budget.Predicted, budget.Reached = true, cancel
	tracker, err := carbon.Start(context.Background(), carbon.Config{Run: carbon.Run{Epochs: 3, Budget: budget}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for epoch := 0; epoch < 3 && ctx.Err() == nil; epoch++ {
		e := tracker.Epoch()
		train(epoch)
		e.End()
	}
	report, _ := tracker.Stop()
	fmt.Println(len(report.Epochs), report.Budget.Limit, report.Budget.Basis, context.Cause(ctx))
	// Output: 3 500g predicted <nil>
}
