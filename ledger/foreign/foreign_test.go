package foreign

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

func text(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(b)
}

func readAll(s string, o Options) (rows []runs.Row, errs []error) {
	for row, err := range Read(strings.NewReader(s), "x", o) {
		if err != nil {
			errs = append(errs, err)
		} else {
			rows = append(rows, row)
		}
	}
	return rows, errs
}

// rowsOf reads a recording without errors.
func rowsOf(t testing.TB, s string, o Options) []runs.Row {
	t.Helper()
	rows, errs := readAll(s, o)
	require.Empty(t, errs)
	for _, row := range rows {
		assert.True(t, row.Follows(), "emissions follow from energy, PUE and intensity: %+v", row)
		if row.EnergyLow != nil {
			assert.LessOrEqual(t, *row.EnergyLow, row.Energy)
			assert.LessOrEqual(t, row.Energy, *row.EnergyHigh)
		}
		assert.Len(t, row.RunID, 36)
		assert.Equal(t, Imported, row.Warnings)
	}
	return rows
}

func originOf(t testing.TB, row runs.Row) origin {
	t.Helper()
	var d struct {
		Imported origin `json:"imported"`
	}
	require.NoError(t, json.Unmarshal([]byte(row.Details), &d))
	return d.Imported
}

func kwh(x float64) energy.Energy { return energy.KilowattHour.Scale(x) }

func TestCodeCarbon(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		paris = time.FixedZone("Europe/Paris", 7200) // no zone files here
	}
	rows := rowsOf(t, text(t, "codecarbon-2.1.csv"), Options{Location: paris})
	require.Len(t, rows, 2)
	a, b := rows[0], rows[1]
	assert.Equal(t, "11111111-1111-4111-8111-111111111111", a.RunID)
	assert.Equal(t, "vision", a.Project)
	assert.Equal(t, kwh(0.296), a.Energy)
	assert.Equal(t, kwh(0.25), *a.GPU)
	assert.Equal(t, "FR", a.Zone)
	assert.InDelta(t, 50, float64(a.Emissions), 1e-9)
	assert.InDelta(t, 50/0.296, float64(a.PerKWh), 1e-6)
	assert.Equal(t, time.Date(2022, 5, 3, 8, 0, 0, 0, time.UTC), a.EndedAt.Time)
	assert.Equal(t, time.Date(2022, 5, 3, 7, 0, 0, 0, time.UTC), a.StartedAt.Time)
	assert.Equal(t, footprint.ChargeMachine, a.Charge)
	assert.Nil(t, a.MeasuredShare)
	o := originOf(t, a)
	assert.Equal(t, CodeCarbon, o.Format)
	assert.Equal(t, "2.1.4", o.Version)
	assert.Equal(t, 2, o.Line)
	assert.Contains(t, o.Unknown, "measured_share")

	assert.Equal(t, "US-CA", b.Zone)
	assert.Nil(t, b.GPU, "an empty cell is not 0")
	assert.Equal(t, footprint.ChargeProcess, b.Charge)
	assert.Equal(t, b.Energy, *b.ProcessEnergy)
}

// CodeCarbon's bug: empty cells are left out of rows that are appended.
func TestCodeCarbonShifted(t *testing.T) {
	rows := rowsOf(t, text(t, "codecarbon-3.3-shifted.csv"), Options{})
	require.Len(t, rows, 2)
	b := rows[1]
	assert.Equal(t, kwh(0.00132/1.1), b.Energy)
	assert.EqualValues(t, 1.1, *b.PUE)
	assert.Equal(t, "FR", b.Zone)
	assert.Equal(t, footprint.ChargeMachine, b.Charge)
	assert.InDelta(t, 2.4, float64(b.Emissions), 1e-9)
	assert.Contains(t, strings.Join(originOf(t, b).Notes, "; "), "6 empty cells missing from this row")

	// Each set of cells that can be empty, left out.
	lines := strings.Split(text(t, "codecarbon-3.3-shifted.csv"), "\n")
	full := strings.Split(lines[1], ",")
	header := strings.Split(lines[0], ",")
	for _, c := range []struct {
		fill map[string]string // besides those that are there
		zone string
	}{
		{map[string]string{}, "FR"},
		{map[string]string{"gpu_model": "2 x Some GPU", "gpu_count": "2"}, "FR"},
		{map[string]string{"longitude": "2.3", "latitude": "48.8", "region": "île-de-france"}, "FR"},
		{map[string]string{"cloud_provider": "gcp", "cloud_region": "europe-west9", "on_cloud": "Y"}, "FR"},
	} {
		var cells []string
		for i, name := range header {
			if v, ok := c.fill[name]; ok {
				cells = append(cells, v)
			} else if full[i] != "" {
				cells = append(cells, full[i])
			}
		}
		rows := rowsOf(t, lines[0]+"\n"+strings.Join(cells, ",")+"\n", Options{})
		require.Len(t, rows, 1, c.fill)
		assert.Equal(t, c.zone, rows[0].Zone)
		assert.EqualValues(t, 1.1, *rows[0].PUE, c.fill)
		assert.Equal(t, c.fill["cloud_region"], rows[0].CloudRegion)
	}
}

func TestCodeCarbonRefuses(t *testing.T) {
	lines := strings.Split(text(t, "codecarbon-3.3-shifted.csv"), "\n")
	row := lines[1]
	for name, bad := range map[string]string{
		"too many cells":    row + ",1",
		"negative energy":   strings.Replace(row, ",0.00066,", ",-0.00066,", 1),
		"no duration":       strings.Replace(row, ",60.5,", ",,", 1),
		"a word for energy": strings.Replace(row, ",0.00066,", ",much,", 1),
		"not a day":         strings.Replace(row, "2026-03-01", "2026-02-31", 1),
		"torn":              row[:60],
		"a number left out": strings.Replace(row, ",0.0005,", ",", 1), // which energy is it?
		"a decimal comma":   strings.Replace(row, ",60.5,", `,"60,5",`, 1),
	} {
		rows, errs := readAll(lines[0]+"\n"+bad+"\n"+lines[1]+"\n", Options{})
		require.Len(t, errs, 1, name)
		var at *LineError
		require.ErrorAs(t, errs[0], &at, name)
		assert.Equal(t, 2, at.Line)
		assert.Len(t, rows, 1, "%s: the next row is read", name)
	}
	for _, header := range []string{"task_name," + lines[0], strings.Replace(lines[0], "duration,", "", 1), lines[0] + ",pue"} {
		_, errs := readAll(header+"\n"+row+"\n", Options{Format: CodeCarbon})
		assert.Len(t, errs, 1)
	}
}

// The same columns in another order are taken by CodeCarbon for its own.
func TestCodeCarbonUnderAnotherHeader(t *testing.T) {
	lines := strings.Split(text(t, "codecarbon-3.3-shifted.csv"), "\n")
	names := strings.Split(lines[0], ",")
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	rows := rowsOf(t, strings.Join(names, ",")+"\n"+lines[1]+"\n", Options{})
	require.Len(t, rows, 1)
	assert.Equal(t, kwh(0.00066/1.1), rows[0].Energy)
	assert.Contains(t, originOf(t, rows[0]).Notes[0], "another order")
}

// flush() writes the total so far again, and stop() may be called twice.
func TestCodeCarbonCumulativeRows(t *testing.T) {
	lines := strings.Split(text(t, "codecarbon-3.3-shifted.csv"), "\n")
	later := strings.NewReplacer("0.00066", "0.00099", "60.5", "90").Replace(lines[1])
	rows := rowsOf(t, strings.Join([]string{lines[0], lines[1], lines[2], later, later}, "\n")+"\n", Options{})
	require.Len(t, rows, 2)
	assert.Equal(t, kwh(0.00099/1.1), rows[0].Energy)
	assert.Contains(t, strings.Join(originOf(t, rows[0]).Notes, "; "), "earlier rows of this run, each with the total so far, ignored: 2")

	none := strings.ReplaceAll(lines[1], "33333333-3333-4333-8333-333333333333", "None")
	rows = rowsOf(t, lines[0]+"\n"+none+"\n"+strings.Replace(none, "09:00:00", "09:30:00", 1)+"\n", Options{})
	require.Len(t, rows, 2, "runs without an id are each their own")
	assert.NotEqual(t, rows[0].RunID, rows[1].RunID)
	assert.Equal(t, "None", originOf(t, rows[0]).ID)
}

func TestCarbonTracker(t *testing.T) {
	rows := rowsOf(t, text(t, "carbontracker-1.log"), Options{})
	require.Len(t, rows, 1)
	r := rows[0]
	assert.Equal(t, 1100*energy.WattHour, r.Energy)
	assert.Equal(t, 1000*energy.WattHour, *r.GPU, "the sum over devices")
	assert.EqualValues(t, 1.58, *r.PUE)
	assert.EqualValues(t, 150, r.PerKWh)
	assert.InDelta(t, 1.1*1.58*150, float64(r.Emissions), 1e-9)
	assert.Equal(t, 2, r.Epochs)
	assert.EqualValues(t, 7200, r.DurationS)
	assert.Equal(t, time.Date(2021, 3, 4, 10, 0, 0, 0, time.UTC), r.StartedAt.Time)
	assert.Nil(t, r.EnergyHigh, "version 1 adds devices up, and gives no bounds")
	notes := strings.Join(originOf(t, r).Notes, "; ")
	assert.Contains(t, notes, "components without power in an epoch, counted as 0: 1")
	assert.Contains(t, notes, "Copenhagen")

	// The same in version 2: a mean over the devices.
	second := strings.NewReplacer("version 1.1.5", "version 2.4.3", "[200. 300.]", "250.0", "[100.]", "100.0").Replace(text(t, "carbontracker-1.log"))
	r = rowsOf(t, second, Options{})[0]
	assert.Equal(t, 600*energy.WattHour, r.Energy)
	assert.Equal(t, 1100*energy.WattHour, *r.EnergyHigh, "the upper bound has the devices back")
	assert.Contains(t, strings.Join(originOf(t, r).Notes, "; "), "divides a component's energy by its number of devices: gpu by 2")
}

func TestCarbonTrackerOutput(t *testing.T) {
	s := text(t, "carbontracker-2-output.log")
	r := rowsOf(t, s, Options{})[0]
	assert.Equal(t, kwh(3.16/1.58), r.Energy, "what was measured, not what was predicted, and less the PUE that it includes")
	assert.EqualValues(t, 1.58, *r.PUE)
	assert.InDelta(t, 474, float64(r.Emissions), 1e-9)
	assert.Equal(t, kwh(15.8/1.58), *r.PredictedEnergy)
	assert.EqualValues(t, 1580, *r.PredictedEmissions)
	assert.EqualValues(t, 26*3600, r.DurationS)
	assert.Equal(t, kwh(3.16/1.67), *r.EnergyLow)
	assert.Equal(t, 4*kwh(3.16/1.55), *r.EnergyHigh)
	assert.NotContains(t, originOf(t, r).Unknown, "pue")
	assert.Equal(t, &forecast{10, 36000, 14.698604651163}, originOf(t, r).Predicted)
	assert.Contains(t, originOf(t, r).Notes, "predicted for 10 epochs: 10h0m0s, 14.7 km by car")
	all := originOf(t, rowsOf(t, strings.ReplaceAll(s, "for 10 epoch(s)", "for 2 epoch(s)"), Options{})[0])
	assert.NotContains(t, strings.Join(all.Notes, "\n"), "predicted", "the statistic of predictions has it")
	assert.Equal(t, 2, all.Predicted.Epochs)
	groups := runs.Groups{}
	groups.Add(r)
	groups.Settle()
	assert.Zero(t, groups.Total.Foresight.N, "2 of 10 epochs: what all would have needed is not known")

	predictedOnly, _, _ := strings.Cut(s, "2024-07-01 11:00:00")
	_, errs := readAll(predictedOnly, Options{})
	require.Len(t, errs, 1)
	assert.ErrorContains(t, errs[0], "only a prediction")
	_, errs = readAll("carbontracker version 1.1.5\n", Options{})
	require.Len(t, errs, 1)

	nothing := "2020-08-24 19:26:10 - CarbonTracker: \nActual consumption for 1 epoch(s):\n\tTime:\t0:00:05\n\tEnergy:\t0.000000 kWh\n\tCO2eq:\t0.000000 g\n"
	_, errs = readAll(nothing, Options{Format: CarbonTracker})
	require.Len(t, errs, 1)
	assert.ErrorContains(t, errs[0], "no energy was measured: it is 0 in this log")

	interrupted := text(t, "carbontracker-1.log") + "2021-03-04 12:00:03 - Training was interrupted before all 9 epochs were monitored.\n"
	assert.Equal(t, footprint.Interrupted, rowsOf(t, interrupted, Options{})[0].Status)
}

func TestGreenAlgorithms(t *testing.T) {
	r := rowsOf(t, text(t, "green-algorithms.csv"), Options{})[0]
	assert.Equal(t, kwh(2), r.Energy)
	assert.EqualValues(t, 1.5, *r.PUE)
	assert.EqualValues(t, 150, r.Emissions)
	assert.EqualValues(t, 50, r.PerKWh)
	assert.Equal(t, kwh(1.6), *r.CPU)
	assert.Equal(t, kwh(0.4), *r.Memory)
	assert.Equal(t, "FR", r.Zone)
	assert.EqualValues(t, 12*3600, r.DurationS)
	assert.EqualValues(t, 0, *r.MeasuredShare)
	assert.True(t, r.StartedAt.IsZero())
	o := originOf(t, r)
	assert.Equal(t, "3.0", o.Version)
	assert.Contains(t, strings.Join(o.Notes, "; "), "2 runs")
	_, errs := readAll(strings.Replace(text(t, "green-algorithms.csv"), ";3.0;150.0;", ";;;", 1), Options{})
	assert.Len(t, errs, 1)
}

func TestImpactTracker(t *testing.T) {
	s := text(t, "impact-tracker.json")
	r := rowsOf(t, s, Options{})[0]
	// Half an hour and half an hour at 400 W, an hour at 200 W; of these, the
	// first two at the first value that was known.
	assert.Equal(t, 600*energy.WattHour, r.Energy)
	assert.InDelta(t, 0.4*200+0.2*100, float64(r.Emissions), 1e-9)
	assert.Equal(t, 450*energy.WattHour, *r.GPU)
	assert.EqualValues(t, 7200, r.DurationS)
	assert.Equal(t, footprint.ChargeProcess, r.Charge)
	assert.Equal(t, int64(1600007200), r.EndedAt.Unix())

	offline := strings.NewReplacer("200.0}", "null}", "100.0}", "null}").Replace(s)
	_, errs := readAll(offline, Options{})
	require.Len(t, errs, 1)
	assert.ErrorContains(t, errs[0], "give a region")
	r = rowsOf(t, offline, Options{Intensity: func(time.Time) (regions.Intensity, error) {
		return regions.Intensity{Zone: "FR", Kind: regions.AnnualAverage, PerKWh: 50}, nil
	}})[0]
	assert.InDelta(t, 30, float64(r.Emissions), 1e-9)
	assert.Equal(t, "FR", r.Zone)

	for _, bad := range []string{"{}", `{"timestamp":1}`, "{", `{"timestamp":1600007300,"rapl_estimated_attributable_power_draw":-5}`} {
		rows, errs := readAll(s+bad+"\n", Options{})
		assert.Len(t, rows, 1)
		assert.Len(t, errs, 1, bad)
	}
}

func TestDetect(t *testing.T) {
	for name, want := range map[string]Format{
		"codecarbon-2.1.csv": CodeCarbon, "codecarbon-3.3-shifted.csv": CodeCarbon, "carbontracker-1.log": CarbonTracker,
		"carbontracker-2-output.log": CarbonTracker, "green-algorithms.csv": GreenAlgorithms, "impact-tracker.json": ImpactTracker,
	} {
		assert.Equal(t, want, detect([]byte(text(t, name))), name)
		crlf := "\ufeff" + strings.ReplaceAll(text(t, name), "\n", "\r\n")
		want, got := rowsOf(t, text(t, name), Options{}), rowsOf(t, crlf, Options{})
		require.Len(t, got, len(want), name)
		for i := range got {
			assert.Equal(t, want[i].Energy, got[i].Energy, name)
			assert.Equal(t, want[i].RunID, got[i].RunID, "%s: line ends are not content", name)
		}
	}
	for _, s := range []string{"", "\ufeff", "hello\n", "\x00\x01", "schema,ledger_id\n"} {
		_, errs := readAll(s, Options{})
		require.Len(t, errs, 1, "%q", s)
		assert.ErrorIs(t, errs[0], ErrUnknown)
	}
}

func TestReadErrors(t *testing.T) {
	s := text(t, "codecarbon-2.1.csv")
	var errs []error
	for _, err := range Read(io.MultiReader(strings.NewReader(s), iotest.ErrReader(io.ErrClosedPipe)), "x", Options{}) {
		errs = append(errs, err)
	}
	assert.ErrorIs(t, errors.Join(errs...), io.ErrClosedPipe)
	for range Read(strings.NewReader(s), "x", Options{}) {
		break // nobody wants more
	}
	long := strings.Replace(s, "vision", strings.Repeat("v", MaxLine), 1)
	rows, bad := readAll(long, Options{})
	assert.Len(t, rows, 1)
	require.Len(t, bad, 1)
	assert.ErrorContains(t, bad[0], "x:2: a line of more than")
}

// fuzz reads what may be a file, and checks what must hold of each row.
func fuzz(f *testing.F, as Format, seeds ...string) {
	for _, s := range seeds {
		f.Add(text(f, s))
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		rows, _ := readAll(s, Options{Format: as, Intensity: func(time.Time) (regions.Intensity, error) { return regions.Intensity{PerKWh: 100}, nil }})
		seen := map[string]bool{}
		for _, row := range rows {
			require.False(t, seen[row.RunID] && as == CodeCarbon, "a run twice")
			seen[row.RunID] = true
			require.GreaterOrEqual(t, row.Energy, energy.Energy(0))
			if row.EnergyHigh != nil {
				require.GreaterOrEqual(t, *row.EnergyHigh, row.Energy)
			}
			require.True(t, json.Valid([]byte(row.Details)))
			for _, n := range []runs.Number{row.Emissions, row.PerKWh, row.DurationS} {
				_, err := n.MarshalCSV()
				require.NoError(t, err)
			}
			if row.PUE != nil {
				require.GreaterOrEqual(t, *row.PUE, runs.Number(1))
			}
		}
	})
}

func FuzzCodeCarbon(f *testing.F) {
	fuzz(f, CodeCarbon, "codecarbon-2.1.csv", "codecarbon-3.3-shifted.csv")
}

func FuzzCarbonTracker(f *testing.F) {
	fuzz(f, CarbonTracker, "carbontracker-1.log", "carbontracker-2-output.log")
}

func FuzzGreenAlgorithms(f *testing.F) { fuzz(f, GreenAlgorithms, "green-algorithms.csv") }

func FuzzImpactTracker(f *testing.F) { fuzz(f, ImpactTracker, "impact-tracker.json") }

// What people make of CodeCarbon's files gives the same rows.
func TestCodeCarbonAsPeopleHaveIt(t *testing.T) {
	const header = "timestamp,project_name,run_id,duration,emissions,cpu_energy,gpu_energy,ram_energy,energy_consumed,on_cloud,pue"
	const one = "2022-05-03T10:00:00,vision,11111111-1111-4111-8111-111111111111,3600.0,0.05,0.04,0.25,0.006,0.296,N,1.0"
	const two = "2022-05-03T11:00:00,vision,22222222-2222-4222-8222-222222222222,1800.0,0.2,0.02,,0.003,0.023,N,1.0"
	plain := header + "\n" + one + "\n" + two + "\n"
	want := rowsOf(t, plain, Options{})
	require.Len(t, want, 2)
	wide := func(order binary.AppendByteOrder, s string) string {
		b := order.AppendUint16(nil, 0xfeff)
		for _, u := range utf16.Encode([]rune(s)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	for name, s := range map[string]string{
		"padded":          strings.ReplaceAll(header, ",", " , ") + " \n" + strings.ReplaceAll(one, ",", ", ") + "\n" + two + "\n",
		"blank in time":   strings.ReplaceAll(plain, "T1", " 1"),
		"zone":            strings.NewReplacer("T10:00:00", "T12:00:00+02:00", "T11:00:00", "T13:00:00+0200").Replace(plain),
		"Z":               strings.ReplaceAll(plain, ":00:00,", ":00:00Z,"),
		"fraction":        strings.ReplaceAll(plain, ":00:00,", ":00:00.000000,"),
		"semicolons":      strings.ReplaceAll(plain, ",", ";"),
		"decimal commas":  strings.ReplaceAll(strings.ReplaceAll(plain, ",", ";"), "0.", "0,"),
		"tabs":            strings.ReplaceAll(plain, ",", "\t"),
		"UTF-16":          wide(binary.LittleEndian, plain),
		"UTF-16, big":     wide(binary.BigEndian, strings.ReplaceAll(plain, "\n", "\r\n")),
		"UTF-16, no mark": wide(binary.LittleEndian, plain)[2:],
		"big, no mark":    wide(binary.BigEndian, plain)[2:],
		"CR":              strings.ReplaceAll(plain, "\n", "\r"),
		"CR, UTF-16":      wide(binary.LittleEndian, strings.ReplaceAll(plain, "\n", "\r")),
		"repeated header": header + "\n" + one + "\n" + header + "\n" + two + "\n",
		"blank rows":      header + "\n" + one + "\n,,,,,,,,,,\n0,,,,,,,,,,\n\n" + two + "\n",
		"leading blanks":  "\n  \n" + plain,
		"separator":       "sep=,\r\n" + plain,
		"empty columns":   strings.ReplaceAll(plain, "\n", ",,\n"),
		"times with dots": strings.NewReplacer("2022-05-03T", "03.05.2022 ").Replace(plain),
		"index":           "," + header + "\n0," + one + "\n1," + two + "\n",
		"no energy":       strings.ReplaceAll(plain, ",0.296,", ",,"),
	} {
		got := rowsOf(t, s, Options{})
		require.Len(t, got, 2, name)
		for i := range got {
			assert.Equal(t, want[i].RunID, got[i].RunID, name)
			assert.Equal(t, want[i].Energy, got[i].Energy, name)
			assert.Equal(t, want[i].Emissions, got[i].Emissions, name)
			assert.True(t, want[i].StartedAt.Equal(got[i].StartedAt.Time), "%s: %v", name, got[i].StartedAt)
			assert.Nil(t, got[i].EnergyHigh, "%s: what is not known stays null", name)
		}
	}
	broken := rowsOf(t, strings.Replace(plain, "vision", "\"my\nproject\"", 1), Options{})
	require.Len(t, broken, 2)
	assert.Equal(t, "my\nproject", broken[0].Project)
	// A stray quote takes no row that follows.
	stray := rowsOf(t, strings.Replace(plain, "vision", "the 5\" one", 1), Options{})
	assert.Len(t, stray, 2)
	_, errs := readAll(strings.Replace(plain, "2022-05-03T10:00:00", "03/05/2022 10:00", 1), Options{})
	require.Len(t, errs, 1)
	assert.ErrorContains(t, errs[0], "ambiguous")
	_, errs = readAll(strings.ReplaceAll(strings.ReplaceAll(plain, ",0.04,0.25,0.006,0.296,", ",,,,,"), ",0.02,,0.003,0.023,", ",,,,,"), Options{})
	assert.Len(t, errs, 2, "nothing was measured")
}

func TestTimesOfSpreadsheets(t *testing.T) {
	for text, want := range map[string]string{
		"13.05.2022 10:00:00": "2022-05-13T10:00:00", "3.5.22 7:05": "2022-05-03T07:05:00",
		"13/05/2022 10:00": "2022-05-13T10:00:00", "5/13/2022 10:00": "2022-05-13T10:00:00",
		"5/5/2022, 10:00:01 pm": "2022-05-05T22:00:01", "2022-05-03 10:00:00": "2022-05-03 10:00:00",
		"05/03/2022 10:00": "", "13/13/2022 10:00": "2022-13-13T10:00:00", "13.05.2022": "", "1.2.3 10:00": "1.2.3 10:00",
	} {
		got, err := ccPlainDate(text)
		assert.Equal(t, want, got, text)
		assert.Equal(t, want == "", err != nil, text)
	}
}

// What no run can have used is refused where it is read, with the column's name.
func TestImpossibleValuesAreRefused(t *testing.T) {
	const header = "timestamp,run_id,duration,emissions,energy_consumed,cpu_energy,gpu_energy,ram_energy\n"
	const id = "11111111-1111-4111-8111-111111111111"
	for row, want := range map[string]string{
		"2022-05-03T10:00:00," + id + ",1e18,0.05,0.2,,,":    "duration_s",
		"2022-05-03T10:00:00," + id + ",-1,0.05,0.2,,,":      "duration: \"-1\" is below 0",
		"2022-05-03T10:00:00," + id + ",1:00:00,0.05,0.2,,,": "duration: \"1:00:00\" is not a number",
		"2022-05-03T10:00:00," + id + ",,0.05,0.2,,,":        "duration is empty",
		"2999-05-03T10:00:00," + id + ",60,0.05,0.2,,,":      "the year 2999",
		"yesterday," + id + ",60,0.05,0.2,,,":                "timestamp: \"yesterday\"",
		"2022-05-03T10:00:00," + id + ",60,0.05,1e300,,,":    "more than any run",
		"2022-05-03T10:00:00," + id + ",60,1e300,0.2,,,":     "g_per_kwh",
		"2022-05-03T10:00:00," + id + ",60,0.05,Inf,,,":      "energy_consumed: \"Inf\" is not a number",
	} {
		got, errs := readAll(header+row+"\n", Options{})
		assert.Empty(t, got, row)
		if assert.Len(t, errs, 1, row) {
			assert.ErrorContains(t, errs[0], want)
		}
	}
	_, errs := readAll("", Options{})
	require.Len(t, errs, 1)
	assert.ErrorContains(t, errs[0], "empty: ")
}

func TestOwnRecordsAndOtherObjects(t *testing.T) {
	for _, s := range []string{"schema,ledger_id,run_id\n", `{"schema": "carbonctl.run/v1"}`, "\n{\n \"schema\": \"carbonctl.run/v1\"}"} {
		_, errs := readAll(s, Options{})
		require.Len(t, errs, 1)
		assert.ErrorIs(t, errs[0], ErrOwn)
	}
	_, errs := readAll(`{"machine":"ubuntu-latest","energy_joules":123.4}`, Options{})
	require.Len(t, errs, 1)
	assert.ErrorIs(t, errs[0], ErrUnknown)
}

func TestCarbonTrackerWithSeveralRuns(t *testing.T) {
	s := text(t, "carbontracker-1.log")
	one := rowsOf(t, s, Options{})
	require.Len(t, one, 1)
	both := rowsOf(t, s+strings.ReplaceAll(s, "2021-03-04", "2021-03-05"), Options{})
	require.Len(t, both, 2)
	assert.Equal(t, one[0].RunID, both[0].RunID)
	assert.NotEqual(t, both[0].RunID, both[1].RunID)
	assert.Equal(t, one[0].Energy, both[1].Energy)

	grown, _, _ := strings.Cut(s, "Epoch 2:")
	cut := rowsOf(t, grown, Options{Intensity: func(time.Time) (regions.Intensity, error) { return regions.Intensity{PerKWh: 100}, nil }})
	require.Len(t, cut, 1)
	assert.Equal(t, one[0].RunID, cut[0].RunID, "the same run, of which the log has more by now")
	assert.Less(t, cut[0].Energy, one[0].Energy)

	none := regexp.MustCompile(`\[[0-9. ]+\]`).ReplaceAllString(s, "None")
	_, errs := readAll(none, Options{})
	require.NotEmpty(t, errs)
	assert.ErrorContains(t, errs[len(errs)-1], "no power was measured")
}
