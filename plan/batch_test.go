package plan

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The readings that the model was fitted to, as a file of them: most lie in the band, and
// the mean error is far below that of TDP × load.
func TestBatchOfReadings(t *testing.T) {
	b, err := os.ReadFile("../estimate/testdata/cpu_load.csv")
	require.NoError(t, err)
	text := strings.NewReplacer("brand", "cpu_model", "clock_mhz", "cpu_freq_mhz", "base_mhz", "base_freq_mhz").Replace(string(b))
	var out bytes.Buffer
	require.NoError(t, batched(t, strings.NewReader(text), &out))
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	got, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"row_id", "pred_w", "pred_lo_w", "pred_hi_w"}, got[0])
	require.Len(t, got, len(rows))
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	inside, off := 0, 0.0
	for i, row := range got[1:] {
		assert.Equal(t, strconv.Itoa(i), row[0])
		var x [4]float64
		for j := range x {
			x[j], err = strconv.ParseFloat(row[j], 64)
			require.NoError(t, err)
		}
		measured, err := strconv.ParseFloat(rows[i+1][at["measured_w"]], 64)
		require.NoError(t, err)
		off += math.Abs(x[1]-measured) / measured
		if x[2] <= measured && measured <= x[3] {
			inside++
		}
	}
	n := float64(len(got) - 1)
	assert.Greater(t, float64(inside)/n, 0.85)
	assert.Less(t, off/n, 0.25)
}

func TestBatchOfLittle(t *testing.T) {
	var out bytes.Buffer
	err := batched(t, strings.NewReader("machine,tdp_w,cores,threads,sockets,load_pct,cpu_model,cpu_freq_mhz,base_freq_mhz,workload\n"+
		"a,,,,,50,EPYC 7763,,,\n"+
		"b,150,16,32,1,50,no such chip,,,\n"+
		"c,,,8,,50,,,,\n"+
		"d,150,16,32,1,150,,,,\n"+
		"e,,,,,,,,,\n"+
		"f,300,32,64,2,50,no such chip,,,\n"), &out)
	assert.ErrorContains(t, err, `line 5: load_pct: "150" is not a number from 0 to 100`)
	assert.ErrorContains(t, err, "line 6: load_pct is empty")
	rows, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 7)
	assert.Equal(t, []string{"3", "", "", ""}, rows[4])
	one, _ := strconv.ParseFloat(rows[2][1], 64)
	two, _ := strconv.ParseFloat(rows[6][1], 64)
	assert.InDelta(t, 2*one, two, 0.02, "two sockets")
	assert.NotEqual(t, rows[1][1], rows[2][1])
}

// What is no such CSV at all is told in a line, and nothing is written.
func TestBatchOfSomethingElse(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "no header",
		"\n\n":                            "no header",
		"machine,cpu_model\na,b\n":        "no column load_pct, but machine, cpu_model",
		"load_pct;cpu_model\n50;x\n":      "columns must be separated by commas",
		"load_pct\tcpu_model\n50\tx\n":    "columns must be separated by commas",
		"load_pct,\"cpu\n":                "no CSV: line 1, column ",
		"\xff\xfel\x00o\x00a\x00d\x00":    "save it as CSV in UTF-8",
		"l\x00o\x00a\x00d\x00_\x00p\x00c": "save it as CSV in UTF-8",
		"load_pct\xff,x\n":                "save it as CSV in UTF-8",
	} {
		var out bytes.Buffer
		err := batched(t, strings.NewReader(text), &out)
		assert.ErrorIs(t, err, ErrFormat, "%q", text)
		assert.ErrorContains(t, err, want, "%q", text)
		assert.NotContains(t, err.Error(), "\n")
		assert.Empty(t, out.String(), "%q", text)
	}
	var out bytes.Buffer
	assert.NoError(t, batched(t, strings.NewReader("CPU_Model, Load_PCT\nEPYC 7763,50\n"), &out))
}

// Spreadsheets begin a file with a mark, quote all cells and end lines with CRLF.
func TestBatchOfSpreadsheet(t *testing.T) {
	var plain, marked bytes.Buffer
	require.NoError(t, batched(t, strings.NewReader("load_pct,cpu_model\n50,EPYC 7763\n"), &plain))
	require.NoError(t, batched(t, strings.NewReader("\ufeff\"load_pct\",\"cpu_model\"\r\n\"50\",\"EPYC 7763\"\r\n"), &marked))
	assert.Equal(t, plain.String(), marked.String())
}

// A row that tells nothing of the CPU but its load has the default of a CPU that is named
// and unknown, and its band.
func TestBatchOfNothing(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, batched(t, strings.NewReader("load_pct\n100\n"), &out))
	e, err := Ask{CPU: "no such chip", Hours: 1}.Estimate(Ours, Grid{PerKWh: 100}, 0)
	require.NoError(t, err)
	w := e.Parts[0].Watts
	assert.Equal(t, "row_id,pred_w,pred_lo_w,pred_hi_w\n0,"+fixed2(w.Expected)+","+fixed2(w.Low)+","+fixed2(w.High)+"\n", out.String())
	out.Reset()
	require.NoError(t, batched(t, strings.NewReader("load_pct,sockets\n100,2\n"), &out))
	assert.Contains(t, out.String(), "\n0,"+fixed2(2*w.Expected)+",")
}

// A row with a quote that never ends is wrong, and the rows after it are as they were; one
// whose quoted cell holds a line break is one row.
func TestBatchOfQuotes(t *testing.T) {
	var plain, out bytes.Buffer
	require.NoError(t, batched(t, strings.NewReader("load_pct,cpu_model\n50,EPYC 7763\n"), &plain))
	good := strings.TrimPrefix(strings.Split(plain.String(), "\n")[1], "0")
	err := batched(t, strings.NewReader("load_pct,cpu_model,workload\n"+
		"50,\"EPYC 7763,a\n"+
		"50,EPYC 7763,b\n"+
		"50,EPYC \"7763\",c\n\n"+
		"50,\"EPYC 7763\",\"d, e\nf\"\n"+
		"50,EPYC 7763,\"g\n"+
		"50,EPYC 7763,h"), &out)
	assert.Equal(t, "row_id,pred_w,pred_lo_w,pred_hi_w\n0,,,\n1"+good+"\n2,,,\n3"+good+"\n4,,,\n5"+good+"\n", out.String())
	for _, want := range []string{"line 2: column ", "line 4: column 9", "line 8: column "} {
		assert.ErrorContains(t, err, want)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 3)
	err = batched(t, strings.NewReader("load_pct\n50\n"+strings.Repeat("9", 2<<20)+"\n50\n"), &out)
	assert.ErrorContains(t, err, "line 3: longer than 1048576 bytes")
}

// Where a row does not say how many sockets there are, its cores, threads or watts do; a
// TDP that is that of one socket counts as that.
func TestBatchSockets(t *testing.T) {
	const name = ",Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz\n"
	var out bytes.Buffer
	require.NoError(t, batched(t, strings.NewReader("load_pct,tdp_w,cores,threads,sockets,cpu_model\n"+
		"100,480,48,96,2"+name+"100,480,48,96,"+name+"100,,48,96,"+name+"100,,,96,"+name+"100,,48,,"+name+
		"100,480,,,"+name+"100,,,,2"+name+"100,240,48,96,2"+name+"100,240,24,48,"+name+"100,,12,24,"+name), &out))
	rows, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	for i := 2; i <= 8; i++ {
		assert.Equal(t, rows[1][1:], rows[i][1:], "row %d", i-1)
	}
	all, _ := strconv.ParseFloat(rows[1][1], 64)
	one, _ := strconv.ParseFloat(rows[9][1], 64)
	half, _ := strconv.ParseFloat(rows[10][1], 64)
	assert.InDelta(t, all/2, one, 0.02)
	assert.InDelta(t, all/4, half, 0.02, "a part of one")
}

func FuzzBatch(f *testing.F) {
	f.Add("load_pct,cpu_model\n50,EPYC 7763\n")
	f.Add("load_pct\n\"\n")
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		if _, err := Batch(strings.NewReader(s), &out); err == nil {
			_, err := csv.NewReader(&out).ReadAll()
			assert.NoError(t, err)
		}
	})
}

func TestReadFile(t *testing.T) {
	f, err := ReadFile(strings.NewReader("region = [\"FR\", \"DE\"]\npue = 1.2\n[[work]]\nname = \"training\"\ngpu = \"A100\"\nhours = 72\nusage = 0\n[[work]]\nwatts = 30\ndevice-hours = 1e5\nrepeat = \"12/year\"\n"))
	require.NoError(t, err)
	assert.Equal(t, Regions{"FR", "DE"}, f.Region)
	require.Len(t, f.Work, 2)
	assert.Zero(t, *f.Work[0].Usage)
	assert.Equal(t, 30.0, *f.Work[1].Watts)
	for text, want := range map[string]string{
		"":                       "no [[work]]",
		"[[work]]\nhour = 3":     `unknown key "work.hour"`,
		"regions = 3\n":          "unknown key",
		"region = 3\n":           "a region is a text",
		"[[work]]\ncount = 0\n":  "work 1: count: must be above 0",
		"[[work]]\nhours = \"\"": "hours",
	} {
		_, err := ReadFile(strings.NewReader(text))
		assert.ErrorContains(t, err, want)
	}
}

func TestScale(t *testing.T) {
	r := Recorded{KWh: Range{9, 10, 11}, Epochs: 10, GPUs: 1, Hours: 2}
	same, hours, _, err := r.Scale(Bigger{})
	require.NoError(t, err)
	assert.Equal(t, r.KWh, same)
	assert.Equal(t, Exactly(2), hours)
	kWh, hours, assumed, err := r.Scale(Bigger{Epochs: 300, GPUs: 8})
	require.NoError(t, err)
	assert.InEpsilon(t, 270, kWh.Low, 1e-12, "perfect: the same energy")
	assert.InEpsilon(t, 11*30*8, kWh.High, 1e-12, "none")
	assert.InEpsilon(t, 2*30/8.0, hours.Low, 1e-12)
	assert.InEpsilon(t, 60, hours.High, 1e-12)
	assert.Len(t, assumed, 3)
	kWh, hours, _, err = r.Scale(Bigger{Epochs: 300, GPUs: 8, Speedup: 6})
	require.NoError(t, err)
	assert.InEpsilon(t, 10*30*8/6.0, kWh.Expected, 1e-12)
	assert.InEpsilon(t, 10, hours.Expected, 1e-12)
	fewer, _, _, err := Recorded{KWh: Exactly(10), GPUs: 4}.Scale(Bigger{GPUs: 1})
	require.NoError(t, err)
	assert.Less(t, fewer.Low, fewer.High)
	for _, b := range []Bigger{{Epochs: -1}, {Speedup: math.NaN()}} {
		_, _, _, err := r.Scale(b)
		assert.Error(t, err)
	}
	_, _, _, err = Recorded{KWh: Exactly(1)}.Scale(Bigger{Epochs: 3})
	assert.ErrorContains(t, err, "no epochs")
	_, _, _, err = Recorded{KWh: Exactly(1)}.Scale(Bigger{GPUs: 3})
	assert.ErrorContains(t, err, "no GPU")
}

// batched is a Batch that warns of nothing.
func batched(t *testing.T, r io.Reader, w io.Writer) error {
	t.Helper()
	warning, err := Batch(r, w)
	assert.Empty(t, warning)
	return err
}

func TestBatchFractions(t *testing.T) {
	for loads, want := range map[string]bool{"0.5\n1\n0": true, "0.5\nx": true, "0\n1\n1": false, "0.5\n50": false, "0.5\n1.5": false, "": false} {
		var out strings.Builder
		warning, _ := Batch(strings.NewReader("load_pct\n"+loads+"\n"), &out)
		assert.Equal(t, want, strings.HasPrefix(warning, "load_pct is in percent"), loads)
	}
}

// What a row says besides its name does not lead out of what can be.
func TestBatchContradictions(t *testing.T) {
	power := func(row string) Range {
		var out strings.Builder
		require.NoError(t, batched(t, strings.NewReader("load_pct,cpu_model,cores,threads,sockets,tdp_w\n"+row+"\n"), &out))
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		require.NoError(t, err)
		var r Range
		for i, x := range []*float64{&r.Expected, &r.Low, &r.High} {
			*x, err = strconv.ParseFloat(rows[1][i+1], 64)
			require.NoError(t, err)
		}
		return r
	}
	for _, tdp := range []float64{3, 6, 10, 15, 28, 45, 65, 68} { // full load is about the TDP of a small part
		r := power(fmt.Sprintf("100,,4,8,1,%g", tdp))
		assert.True(t, r.Low < tdp && tdp < r.High, "%g W: %v", tdp, r)
	}
	assert.Less(t, power("100,,4,8,1,68").Expected, power("100,,4,8,1,70").Expected)
	assert.Equal(t, power("100,EPYC 7763,64,128,1,"), power("100,EPYC 7763,64,128,1,10"), "not of this CPU")
	assert.Equal(t, power("100,EPYC 7763,8,16,1,"), power("100,EPYC 7763,8,16,1,35"), "its part is in the threads")
	assert.Less(t, power("100,EPYC 7763,64,128,1,225").Expected, power("100,EPYC 7763,64,128,1,").Expected, "cTDP")
	assert.Equal(t, power("100,Cavium ThunderX2 CN9980,32,64,1,"), power("100,Cavium ThunderX2 CN9980,32,128,1,"), "four threads a core")
	_, err := Batch(strings.NewReader("load_pct,cores,load_pct\n1,2,3\n"), io.Discard)
	require.ErrorIs(t, err, ErrFormat)
	assert.ErrorContains(t, err, `two columns "load_pct"`)
}
