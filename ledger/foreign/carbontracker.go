package foreign

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// The lines of CarbonTracker's two logs, behind the time and the thread that some
// versions put before them.
var (
	ctTime      = lazy(`^([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[,.][0-9]+)?`)
	ctVersion   = lazy(`carbontracker version ([0-9][0-9A-Za-z.]*)`)
	ctPUE       = lazy(`PUE coefficient of ([0-9.]+)`)
	ctFound     = lazy(`([A-Z]+) with device\(s\) ([^.]*(?:\.[^ .][^.]*)*)\.`)
	ctEpoch     = lazy(`Epoch ([0-9]+):\s*$`)
	ctDuration  = lazy(`Duration:\s*(.+?)\s*$`)
	ctPower     = lazy(`Average power usage \(W\) for ([a-z]+):\s*(.+?)\s*$`)
	ctIntensity = lazy(`Average carbon intensity during training was ([0-9.]+) gCO2(?:eq)?/kWh(?: at detected location: (.*?))?\.?\s*$`)
	ctBlock     = lazy(`(Actual|Predicted) consumption(?: for ([0-9]+) epoch\(?s?\)?)?:\s*$`)
	ctTotalTime = lazy(`Time:\s*(.+?)\s*$`)
	ctEnergy    = lazy(`Energy:\s*([0-9.eE+-]+) kWh`)
	ctCar       = lazy(`^\s*([0-9.eE+-]+) km travelled by car\s*$`)
	ctCO2       = lazy(`CO2eq:\s*([0-9.eE+-]+|nan) g`)
)

// ctRun is what a log says of its run.
type ctRun struct {
	version         string
	pue             float64 // 0: the log does not say
	devices         map[string]int
	epochs          int
	seconds         float64 // of the epochs
	last            float64 // duration of the epoch that the next powers are of
	energy          map[string]energy.Energy
	intensity       float64
	knowsIntensity  bool
	place           string
	interrupted     bool
	measured        int // powers
	unmeasured      int // epochs × components without a power
	actual          *ctTotals
	predicted       *ctTotals
	into            *ctTotals // the block that is being read
	latest          *ctTotals // the one that was read last
	first, lastTime time.Time
	// What identifies the run, also when its log has grown: up to its first epoch
	// where lines have times, else up to the first total.
	start  strings.Builder
	closed bool // a total was read
}

// ctTotals is a block of the output log; its energy includes PUE.
type ctTotals struct {
	epochs     int
	seconds    float64
	kwh, grams float64
	km         float64 // by car; 0: not told
	knowsGrams bool
	hasKWh     bool
}

func newCtRun() *ctRun {
	return &ctRun{devices: map[string]int{}, energy: map[string]energy.Energy{}}
}

// A file may hold the logs of several runs: each names its components first.
func (f *file) carbontracker() {
	run := newCtRun()
	for {
		line, more := f.next()
		if !more {
			break
		}
		if begins := ctVersion().MatchString(line) || strings.Contains(line, "components were found:"); begins && run.has() {
			f.ctGive(run)
			run = newCtRun()
		}
		if err := run.read(line, f.Location); err != nil {
			f.fail(f.line, err)
		}
		if run.start.Len() < MaxLine && !(run.has() && !run.first.IsZero()) && !run.closed {
			run.start.WriteString(line + "\n")
		}
		run.closed = run.closed || run.actual != nil && run.into == nil
	}
	if !f.ended {
		f.ctGive(run)
	}
}

// has reports whether anything of the run itself was read.
func (r *ctRun) has() bool { return r.epochs > 0 || r.actual != nil || r.predicted != nil }

func (f *file) ctGive(run *ctRun) {
	row, o, err := f.ctRow(run)
	if err == nil {
		err = finish(&row, o, "", run.start.String())
	}
	if err != nil {
		f.fail(0, err)
		return
	}
	f.give(row)
}

// read takes one line; one that says nothing to us is passed over.
func (r *ctRun) read(line string, in *time.Location) error {
	if m := ctTime().FindStringSubmatch(line); m != nil {
		if at, err := time.ParseInLocation("2006-01-02 15:04:05", m[1]+" "+m[2], in); err == nil {
			if r.first.IsZero() {
				r.first = at
			}
			r.lastTime = at
		}
	}
	if m := ctBlock().FindStringSubmatch(line); m != nil {
		r.into = &ctTotals{}
		r.into.epochs, _ = strconv.Atoi(m[2]) // 0 where it does not say
		if m[1] == "Actual" {
			r.actual = r.into
		} else {
			r.predicted = r.into
		}
		return nil
	}
	if done, err := r.readTotals(line); done || err != nil {
		return err
	}
	return r.readEpoch(line)
}

// readTotals reads a line of a block of totals.
func (r *ctRun) readTotals(line string) (done bool, err error) {
	if r.into == nil {
		if m := ctCar().FindStringSubmatch(line); m != nil && r.latest != nil {
			r.latest.km, _, err = number(m[1])
			return true, err
		}
		return false, nil
	}
	if m := ctTotalTime().FindStringSubmatch(line); m != nil {
		r.into.seconds, err = seconds(m[1])
		return true, err
	}
	if m := ctEnergy().FindStringSubmatch(line); m != nil {
		r.into.kwh, r.into.hasKWh, err = number(m[1])
		return true, err
	}
	if m := ctCO2().FindStringSubmatch(line); m != nil {
		r.into.grams, r.into.knowsGrams, err = number(m[1])
		r.latest, r.into = r.into, nil
		return true, err
	}
	return false, nil
}

// readEpoch reads the other lines.
func (r *ctRun) readEpoch(line string) (err error) {
	switch {
	case ctVersion().MatchString(line):
		r.version = ctVersion().FindStringSubmatch(line)[1]
	case ctPUE().MatchString(line):
		r.pue, _, err = number(ctPUE().FindStringSubmatch(line)[1])
	case strings.Contains(line, "components were found:"):
		_, list, _ := strings.Cut(line, "components were found:")
		for _, m := range ctFound().FindAllStringSubmatch(list, -1) {
			r.devices[strings.ToLower(m[1])] = strings.Count(m[2], ",") + 1
		}
	case ctEpoch().MatchString(line):
		r.epochs++
	case ctDuration().MatchString(line):
		r.last, err = seconds(ctDuration().FindStringSubmatch(line)[1])
		r.seconds += r.last
	case ctPower().MatchString(line):
		m := ctPower().FindStringSubmatch(line)
		err = r.addPower(m[1], m[2])
	case ctIntensity().MatchString(line):
		m := ctIntensity().FindStringSubmatch(line)
		r.intensity, r.knowsIntensity, err = number(m[1])
		r.place = m[2]
	case strings.Contains(line, "Training was interrupted"):
		r.interrupted = true
	}
	return err
}

// addPower takes "26.2", "None" or, before version 2, "[26.2 30.1]": a value a
// device.
func (r *ctRun) addPower(component, text string) error {
	var watts float64
	before := r.measured
	for _, s := range strings.Fields(strings.NewReplacer("[", " ", "]", " ", ",", " ").Replace(text)) {
		w, there, err := number(s)
		if err != nil {
			return err
		}
		if there {
			r.measured++
		} else {
			r.unmeasured++
		}
		watts += w
	}
	if r.measured == before {
		return nil // absent is not zero
	}
	r.energy[component] = r.energy[component].Plus(energy.Watts(min(watts, 1e9)).Over(span(r.last)))
	return nil
}

// seconds reads a duration as Python prints it: "0:00:25.15", "325:31:49",
// "1 day, 2:03:04".
func seconds(s string) (float64, error) {
	bad := fmt.Errorf("%.40q is not a duration", s)
	total := 0.0
	if days, rest, ok := strings.Cut(s, " day"); ok {
		n, there, err := number(days)
		if err != nil || !there {
			return 0, bad
		}
		total, s = n*86400, strings.TrimLeft(strings.TrimPrefix(rest, "s"), ", ")
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return 0, bad
	}
	for i, unit := range []float64{3600, 60, 1} {
		n, there, err := number(parts[i])
		if err != nil || !there {
			return 0, bad
		}
		total += n * unit
	}
	if total > 1e9 {
		return 0, bad
	}
	return total, nil
}

func (f *file) ctRow(r *ctRun) (runs.Row, origin, error) {
	o := origin{Version: r.version, Unknown: []string{"project", "measured_share", "zone", "host", "user"}}
	var row runs.Row
	switch {
	case r.actual != nil && r.actual.hasKWh:
		row = f.ctOutput(r, &o)
	case r.epochs > 0 && r.measured > 0:
		row = f.ctStandard(r, &o)
	case r.unmeasured > 0:
		return row, o, errors.New("no power was measured: each is None in this log")
	case r.predicted != nil:
		return row, o, errors.New("only a prediction stands in this log, nothing that was measured")
	default:
		return row, o, errors.New("no consumption stands in this log")
	}
	if row.Energy == 0 { // whatever ran has used some
		return row, o, errors.New("no energy was measured: it is 0 in this log")
	}
	r.bound(&row, &o)
	if row.StartedAt.Time = r.first.UTC(); !r.first.IsZero() {
		row.EndedAt.Time = r.lastTime.UTC()
		o.Notes = append(o.Notes, "times without a zone: read as "+f.Location.String())
	}
	if r.interrupted {
		row.Status = footprint.Interrupted
	}
	if r.place != "" {
		o.Notes = append(o.Notes, "detected location: "+r.place)
	}
	source := strings.TrimSpace("CarbonTracker " + r.version)
	switch {
	case r.actual != nil && r.actual.hasKWh && r.actual.knowsGrams:
		emit(&row, r.actual.grams, source+", as emissions / energy")
	case r.knowsIntensity:
		emit(&row, row.Energy.KilowattHours()*factor(row.PUE)*r.intensity, source+", mean of the values fetched")
		row.PerKWh = runs.Number(r.intensity)
	default:
		if err := f.given(&row); err != nil {
			return row, o, err
		}
	}
	return row, o, nil
}

// The PUE of CarbonTracker's versions, from its constants.py: the world's mean of the
// Uptime Institute's surveys of 2019 (1.67) to 2023 (1.58).
const (
	ctLeastPUE = 1.55
	ctUsualPUE = 1.58
	ctMostPUE  = 1.67
)

// ctOutput makes a row of the block of actual consumption.
func (f *file) ctOutput(r *ctRun, o *origin) runs.Row {
	pue, told := r.pue, r.pue >= 1
	if !told {
		pue = ctUsualPUE
	}
	row := f.row(kilowattHours(r.actual.kwh/pue), o)
	row.PUE = new(runs.Number(pue))
	if !told {
		row.EnergyLow, row.EnergyHigh = new(kilowattHours(r.actual.kwh/ctMostPUE)), new(kilowattHours(r.actual.kwh/ctLeastPUE))
		o.Unknown = slices.DeleteFunc(o.Unknown, func(s string) bool { return strings.HasPrefix(s, "energy_") })
		o.Notes = append(o.Notes, fmt.Sprintf("the energy includes CarbonTracker's PUE, which this log does not state: %.2f assumed (%.2f to %.2f in its versions)", ctUsualPUE, ctLeastPUE, ctMostPUE))
	}
	row.DurationS, row.Epochs = runs.Number(r.actual.seconds), r.actual.epochs
	o.Car = r.actual.km
	if p := r.predicted; p != nil && p.hasKWh {
		e := kilowattHours(p.kwh / pue)
		row.PredictedEnergy = &e
		o.Predicted = &forecast{p.epochs, p.seconds, p.km}
		if r.actual.epochs < p.epochs { // of a run that had them all the statistic of predictions has it
			note := fmt.Sprintf("predicted for %d epochs: %s", p.epochs, span(p.seconds).Round(time.Second))
			if p.km > 0 {
				note += fmt.Sprintf(", %.3g km by car", p.km)
			}
			o.Notes = append(o.Notes, note)
		}
		if p.knowsGrams {
			g := runs.Number(p.grams)
			row.PredictedEmissions = &g
		}
	}
	return row
}

// ctStandard makes a row of the epochs of the standard log.
func (f *file) ctStandard(r *ctRun, o *origin) runs.Row {
	var sum energy.Energy
	for _, e := range r.energy {
		sum = sum.Plus(e)
	}
	row := f.row(sum, o)
	for name, cell := range map[string]**energy.Energy{"cpu": &row.CPU, "gpu": &row.GPU} {
		if e, ok := r.energy[name]; ok {
			*cell = &e
		}
	}
	if r.pue >= 1 {
		row.PUE = new(runs.Number(r.pue))
	} else {
		o.Unknown = append(o.Unknown, "pue")
	}
	row.DurationS, row.Epochs = runs.Number(r.seconds), r.epochs
	o.Notes = append(o.Notes, "energy is mean power × duration, over the epochs: nothing was measured between them")
	if r.unmeasured > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("components without power in an epoch, counted as 0: %d", r.unmeasured))
	}
	return row
}

// bound raises the upper bound by the known error of version 2: a component's
// power is the mean over its devices, not their sum.
func (r *ctRun) bound(row *runs.Row, o *origin) {
	if strings.HasPrefix(r.version, "0.") || strings.HasPrefix(r.version, "1.") {
		return
	}
	var names []string
	most := 1
	for name, n := range r.devices {
		if n > 1 {
			names = append(names, fmt.Sprintf("%s by %d", name, n))
			most = max(most, n)
		}
	}
	if most == 1 {
		return
	}
	slices.Sort(names)
	o.Notes = append(o.Notes, "CarbonTracker 2 divides a component's energy by its number of devices: "+strings.Join(names, ", ")+
		". The upper bound has it back; the energy is as it was written")
	var high energy.Energy
	for name, e := range r.energy {
		high = high.Plus(e.Scale(float64(max(1, r.devices[name]))))
	}
	low, top := row.Energy, row.Energy
	if row.EnergyLow != nil && row.EnergyHigh != nil {
		low, top = *row.EnergyLow, *row.EnergyHigh
	}
	if high == 0 { // the output log has only the sum
		high = top.Scale(float64(most))
	}
	row.EnergyLow, row.EnergyHigh = &low, &high
	o.Unknown = slices.DeleteFunc(o.Unknown, func(s string) bool { return strings.HasPrefix(s, "energy_") })
}
