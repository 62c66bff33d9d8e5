package ledger

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gocarina/gocsv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/formula"
	"github.com/carbonctl/carbonctl/runs"
)

func TestHeaderIsTheRowsColumns(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, gocsv.MarshalCSV([]runs.Row{}, csv.NewWriter(&b)))
	assert.Equal(t, Header+"\n", b.String())
	assert.Len(t, strings.Split(Header, ","), 61)
	assert.Equal(t, strings.Split(Header, ","), runs.Columns(runs.LedgerSchema))
	assert.Equal(t, strings.Split(HeaderV1, ","), runs.Columns(runs.SchemaV1))
	assert.Nil(t, runs.Columns("carbonctl.ledger/v9"))
}

// awkward texts: what spreadsheets run, what breaks lines, what is no text.
var awkward = []string{
	"", "x", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "'", "'=x", `\`, `=\n`, `C:\new`, "a\nb", "a\r\nb",
	"\x00", "a\x00b", "\x7f", "\u0085", "\u2028", "\ufeff", "\xff\xfe", "a,b", `a"b`, `"`, "日本語", "😀", "=cmd|'/c calc'!A0", " ", "a ", `\.`,
	"=\xff\u2028", "-\\x41", `'\u0041`, "\ufffd",
}

func randomText(r *rand.Rand) string {
	s := awkward[r.IntN(len(awkward))]
	for r.IntN(3) == 0 {
		s += awkward[r.IntN(len(awkward))]
	}
	if r.IntN(500) == 0 {
		s += strings.Repeat("long ", 30_000)
	}
	return s
}

// randomRow fills every field of a Row with what a run can have, to its limits.
func randomRow(r *rand.Rand) runs.Row {
	var row runs.Row
	v := reflect.ValueOf(&row).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Pointer {
			if r.IntN(3) == 0 {
				continue
			}
			f.Set(reflect.New(f.Type().Elem()))
			f = f.Elem()
		}
		switch f.Interface().(type) {
		case runs.Stamp:
			if r.IntN(5) > 0 {
				at := time.UnixMilli(r.Int64N(7_000_000_000_000)).UTC()
				f.Set(reflect.ValueOf(runs.Stamp{Time: at}))
			}
		case runs.Number:
			x := math.Float64frombits(r.Uint64())
			for math.IsNaN(x) || math.IsInf(x, 0) {
				x = math.Float64frombits(r.Uint64())
			}
			if r.IntN(2) == 0 {
				x = math.Round(r.Float64()*1e6) / 1e3
			}
			if x = math.Abs(x); x > 1 {
				x = 1 / x
			}
			f.SetFloat(x)
		case energy.Energy:
			f.SetInt(int64(r.Uint64() >> 1 >> r.IntN(63)))
		case int:
			f.SetInt(int64(r.Uint64() >> 1 >> r.IntN(63)))
		default:
			f.SetString(randomText(r))
		}
	}
	row.Schema, row.DurationS, row.PerKWh = runs.LedgerSchema, row.DurationS*1e9, row.PerKWh*1e3
	if row.PUE != nil {
		*row.PUE++
	}
	if row.IntensityLow != nil && row.IntensityHigh != nil && *row.IntensityLow > *row.IntensityHigh {
		row.IntensityLow, row.IntensityHigh = row.IntensityHigh, row.IntensityLow
	}
	ascend(row.EnergyLow, &row.Energy, row.EnergyHigh)
	ascend(row.EmissionsLow, &row.Emissions, row.EmissionsHigh)
	labels := map[string]string{}
	for range r.IntN(4) {
		labels[strings.ToValidUTF8(randomText(r), "")] = strings.ToValidUTF8(randomText(r), "")
	}
	row.Labels, row.Details, row.Components, row.Work = runs.LabelCell(labels), "", "", ""
	if r.IntN(2) == 0 {
		row.Components, row.Work = `[{"kind":"cpu","id":"package-0"}]`, `{"token":3}`
	}
	if r.IntN(2) == 0 {
		b, _ := json.Marshal(map[string]any{"note": randomText(r), "n": r.IntN(9)})
		row.Details = string(b)
	}
	return row
}

// ascend sorts three values, of which the first and the last may be missing.
func ascend[T cmp.Ordered](low, mid, high *T) {
	if low != nil && *low > *mid {
		*low, *mid = *mid, *low
	}
	if high != nil && *mid > *high {
		*mid, *high = *high, *mid
	}
	if low != nil && *low > *mid {
		*low, *mid = *mid, *low
	}
}

func TestRowReadsBack(t *testing.T) {
	for seed := range uint64(1500) {
		row := randomRow(rand.New(rand.NewPCG(seed, 1)))
		line, err := encode(row)
		require.NoError(t, err, seed)
		require.Equal(t, 1, bytes.Count(line, []byte("\n")), "%d: one row is one line: %q", seed, line)
		require.NotContains(t, string(line), "\r")
		require.NotContains(t, string(line), "\x00")

		n := 0
		for got, err := range Read(strings.NewReader(Header+"\n"+string(line)), "x.csv") {
			require.NoError(t, err, seed)
			require.Equal(t, row, got, seed)
			n++
		}
		require.Equal(t, 1, n)
	}
}

// gocsv is the contract: what it reads of a ledger and what Read does are the same.
func TestReadAgreesWithGocsv(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(Header + "\n")
	var want []runs.Row
	for seed := range uint64(300) {
		row := randomRow(rand.New(rand.NewPCG(seed, 2)))
		line, err := encode(row)
		require.NoError(t, err)
		b.Write(line)
		want = append(want, row)
	}
	var got []runs.Row
	require.NoError(t, gocsv.UnmarshalCSV(csv.NewReader(&b), &got))
	for i := range got {
		eachText(&got[i], formula.Unguard)
	}
	require.Equal(t, want, got)
}

func TestNumericCellsAreNotGuarded(t *testing.T) {
	line, err := encode(runs.Row{Energy: -1500000, Emissions: -2.5})
	require.NoError(t, err)
	assert.Contains(t, string(line), ",-1.500000,")
	assert.Contains(t, string(line), ",-2.5,")
}

func TestEncodeRefuses(t *testing.T) {
	for name, row := range map[string]runs.Row{
		"NaN":         {Coverage: runs.Number(math.NaN())},
		"infinity":    {Emissions: runs.Number(math.Inf(1))},
		"labels":      {Labels: "a=b"},
		"label type":  {Labels: `{"a":1}`},
		"details":     {Details: "x"},
		"details [":   {Details: "[1]"},
		"far future":  {StartedAt: runs.Stamp{Time: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)}},
		"a long cell": {Project: strings.Repeat("x", MaxRow)},
	} {
		row.RunID = "run-7"
		_, err := encode(row)
		assert.ErrorContains(t, err, "row run-7: ", name)
	}
}

func TestJSONCellsAreCompact(t *testing.T) {
	row := runs.Row{Labels: `{ "b": "2", "a": "1" }`, Details: "{ \"x\":\n 1 }"}
	line, err := encode(row)
	require.NoError(t, err)
	assert.Contains(t, string(line), `"{""a"":""1"",""b"":""2""}"`)
	assert.Contains(t, string(line), `"{""x"":1}"`)
}
