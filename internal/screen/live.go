package screen

import (
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
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
		all = append(all, format.Left(format.Seconds(q.DurationS.Expected-r.DurationS)))
	} else {
		all = append(all, format.Duration(format.Seconds(r.DurationS)))
	}
	if now > 0 {
		all = append(all, format.Power(now))
	}
	if facts.Known(r) {
		all = append(all, format.EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh))
	}
	switch {
	case !facts.Known(r) || r.Headline().Emissions == "":
	case q != nil && q.Emissions.Expected > r.Emissions && q.Emissions.High != nil:
		s := format.MassScale(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High)
		all = append(all, fmt.Sprintf("%s → %s (%s to %s)", s.Number(float64(r.Emissions)), s.Text(float64(q.Emissions.Expected)),
			s.Number(float64(q.Emissions.Low)), s.Number(float64(*q.Emissions.High))))
	default:
		all = append(all, format.MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh)+" CO2e")
	}
	return strings.Join(all, "  ")
}
