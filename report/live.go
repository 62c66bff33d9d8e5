package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// Live says in one line how far a run is: "epoch 17/40  1m 3s left  2.41 kW  10.2 Wh
// 3.0 → 7.1 g (6.3 to 8.6)". q is what the whole of it is expected to need, nil if that is
// not known; now is its power, 0 if that is not.
func Live(r footprint.Report, q *footprint.Prediction, now energy.Power) string {
	var all []string
	epoch := 0
	if n := len(r.Epochs); n > 0 {
		epoch = r.Epochs[n-1].Index
	}
	switch {
	case epoch > 0 && q != nil && q.OfEpochs > 0:
		all = append(all, fmt.Sprintf("epoch %d/%d", epoch, q.OfEpochs))
	case epoch > 0:
		all = append(all, fmt.Sprintf("epoch %d", epoch))
	}
	if q != nil && q.DurationS.Expected > r.DurationS {
		all = append(all, Left(seconds(q.DurationS.Expected-r.DurationS)))
	} else {
		all = append(all, Duration(seconds(r.DurationS)))
	}
	if now > 0 {
		all = append(all, Power(now))
	}
	if known(r) {
		all = append(all, EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh))
	}
	switch {
	case !known(r) || r.Headline().Emissions == "":
	case q != nil && q.Emissions.Expected > r.Emissions && q.Emissions.High != nil:
		s := MassScale(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High)
		all = append(all, fmt.Sprintf("%s → %s (%s to %s)", s.Number(float64(r.Emissions)), s.Text(float64(q.Emissions.Expected)),
			s.Number(float64(q.Emissions.Low)), s.Number(float64(*q.Emissions.High))))
	default:
		all = append(all, MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh)+" CO2e")
	}
	return strings.Join(all, "  ")
}

// Left says how much time is left, to the second: "12 s left", "1m 3s left".
func Left(d time.Duration) string {
	if d = d.Round(time.Second); d < time.Minute {
		return fmt.Sprintf("%d s left", max(int(d.Seconds()), 1))
	}
	return Duration(d) + " left"
}
