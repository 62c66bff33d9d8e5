package report_test

import (
	"fmt"
	"os"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// Rows of a ledger, added up by a label.
func ExampleTotals() {
	groups := runs.Groups{By: []runs.Key{"label:model"}}
	modelled := runs.Number(0)
	for i, model := range []string{"small", "large", "small", "large"} {
		groups.Add(runs.Row{
			Labels: runs.LabelCell(map[string]string{"model": model}), DurationS: 600,
			Energy: energy.Energy(i+1) * energy.WattHour, EnergyLow: new(energy.Energy(i+1) * energy.WattHour), EnergyHigh: new(energy.Energy(i+2) * energy.WattHour),
			Emissions: runs.Number(i + 1), EmissionsLow: new(runs.Number(i + 1)), EmissionsHigh: new(runs.Number(i + 2)),
			StartedAt: runs.Stamp{Time: time.Date(2026, 11, 22, 13, 10*i, 0, 0, time.UTC)},
			EndedAt:   runs.Stamp{Time: time.Date(2026, 11, 22, 13, 10*(i+1), 0, 0, time.UTC)},
			Zone:      "FR", PerKWh: 1000, IntensityKind: "own", MeasuredShare: &modelled,
		})
	}
	if err := (report.Totals{Groups: &groups, Spread: true}).Text(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 10 g CO2e from 10 Wh in 4 runs, 2026-11-22, all modelled
	//   interval   10 to 14 Wh; 10 to 14 g CO2e
	//   time       40m 0s
	//
	// by model
	//   model  runs   Wh  g CO2e    interval  measured
	//   large     2  6.0     6.0  6.0 to 8.0       0 %
	//   small     2  4.0     4.0  4.0 to 6.0       0 %
	//
	// per run
	//   model  runs          energy           CO2e    time   against large
	//   large     2  3.00 Wh ± 33 %  3.00 g ± 33 %  10m 0s
	//   small     2  2.00 Wh ± 50 %  2.00 g ± 50 %  10m 0s  (−33 % ± 47 %)
	//   Mean ± standard error. Standard deviation of single runs of large: 47 %.
	//   Differences below two standard errors are in brackets: they can be chance.
	//
	// factors
	//   region  runs   energy  g/kWh  kind
	//   FR         4  10.0 Wh  1,000  own figure
	//   FR: source unknown
	//
	// more: carbonctl report show RUN, --by project,month, --last 20, --format html
}

// What a paper would say of a run whose JSON was kept.
func ExampleStatement() {
	f, err := os.Open("../testdata/traces/server.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	run, err := report.Parse(f)
	if err != nil {
		fmt.Println(err)
		return
	}
	var total runs.Total
	total.Add(runs.FromReport(run))
	if err := report.Statement(os.Stdout, report.ModelCard, total, report.About{Run: &run, Stage: "pre-training"}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// co2_eq_emissions:
	//   emissions: 0.0824125 # grams of CO2 equivalent, ± 0.2 %
	//   source: "carbonctl test: 0.200 Wh, all of it measured by hardware counters; 330 g CO2e/kWh in DE (life cycle, 2025)"
	//   training_type: "pre-training"
	//   geographical_location: "Germany"
	//   hardware_used: "Intel(R) Xeon(R) Gold 5222 CPU @ 3.80GHz"
}
