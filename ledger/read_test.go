package ledger

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/runs"
)

func rowLine(t testing.TB, row runs.Row) string {
	t.Helper()
	line, err := encode(row)
	require.NoError(t, err)
	return string(line)
}

// readAll returns the run_ids read, and the errors.
func readAll(text string) (ids []string, errs []error) {
	for row, err := range Read(strings.NewReader(text), "x.csv") {
		if err != nil {
			errs = append(errs, err)
		} else {
			ids = append(ids, row.RunID)
		}
	}
	return ids, errs
}

func TestReadGoesOnAfterABadLine(t *testing.T) {
	a, b := rowLine(t, runs.Row{RunID: "a"}), rowLine(t, runs.Row{RunID: "b", Coverage: 0.5})
	for name, c := range map[string]struct{ line, why string }{
		"a stray quote":    {"\"" + b, "x.csv:3: column"},
		"an open quote":    {strings.Replace(b, ",b,", ",\"b,", 1), "x.csv:3: "},
		"few cells":        {"1,2,3\n", "x.csv:3: 3 cells instead of 61"},
		"a decimal comma":  {strings.Replace(b, ",0.5,", `,"0,5",`, 1), `x.csv:3: coverage: "0,5": not a decimal number`},
		"not a number":     {strings.Replace(b, ",0.5,", ",NaN,", 1), `x.csv:3: coverage: "NaN"`},
		"NULs":             {strings.Repeat("\x00", 600) + "\n", "x.csv:3: a NUL byte"},
		"an overlong line": {strings.Repeat("x", MaxRow) + "\n", "x.csv:3: a line of more than"},
		"energy":           {strings.Replace(b, ",0.000000,", ",much,", 1), "x.csv:3: machine_energy_joules: "},
	} {
		ids, errs := readAll(Header + "\n" + a + c.line + a)
		assert.Equal(t, []string{"a", "a"}, ids, name)
		require.Len(t, errs, 1, name)
		assert.ErrorContains(t, errs[0], c.why, name)
		var at *LineError
		require.ErrorAs(t, errs[0], &at, name)
		assert.EqualValues(t, 3, at.Line, name)
	}
}

func TestReadIntegers(t *testing.T) {
	for _, bad := range []string{"1.9", "0x10", "1e3", "99999999999999999999", " 1"} {
		text := strings.Replace(rowLine(t, runs.Row{Epochs: 1234567}), ",1234567,", ","+bad+",", 1)
		_, errs := readAll(Header + "\n" + text)
		require.Len(t, errs, 1, bad)
		assert.ErrorContains(t, errs[0], "epochs: ", bad)
	}
}

func TestReadTornLastLine(t *testing.T) {
	a := rowLine(t, runs.Row{RunID: "a"})
	for _, torn := range []string{a[:30], strings.TrimSuffix(a, "\n"), "\x00\x00\x00"} {
		ids, errs := readAll(Header + "\n" + a + torn)
		assert.Equal(t, []string{"a"}, ids)
		require.Len(t, errs, 1)
		assert.ErrorIs(t, errs[0], ErrTorn)
	}
}

func TestReadTakesWhatOtherProgramsSave(t *testing.T) {
	a, b := rowLine(t, runs.Row{RunID: "a"}), rowLine(t, runs.Row{RunID: "b"})
	whole := Header + "\n" + a + b
	for name, text := range map[string]string{
		"as written":        whole,
		"byte-order mark":   "\ufeff" + whole,
		"CRLF":              strings.ReplaceAll(whole, "\n", "\r\n"),
		"blank lines":       Header + "\n\n" + a + "\r\n" + b + "\n",
		"repeated header":   Header + "\n" + a + Header + "\n" + b,
		"a further column":  strings.ReplaceAll(whole, "\n", ",more\n"),
		"1 MB in that cell": strings.ReplaceAll(whole, "\n", ","+strings.Repeat("x", 1<<20)+"\n"),
	} {
		if name == "1 MB in that cell" {
			text = strings.Replace(text, strings.Repeat("x", 1<<20), "more", 1)
		}
		ids, errs := readAll(text)
		assert.Empty(t, errs, name)
		assert.Equal(t, []string{"a", "b"}, ids, name)
	}
}

func TestReadColumnsInAnyOrder(t *testing.T) {
	swap := func(line string) string {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		cells[2], cells[28] = cells[28], cells[2] // run_id, energy_joules
		return strings.Join(cells, ",") + "\n"
	}
	text := swap(Header+"\n") + swap(rowLine(t, runs.Row{RunID: "a", Energy: energy.Joules(7)}))
	for row, err := range Read(strings.NewReader(text), "x.csv") {
		require.NoError(t, err)
		assert.Equal(t, "a", row.RunID)
		assert.Equal(t, energy.Joules(7), row.Energy)
	}
}

const codecarbonHeader = "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,energy_consumed,codecarbon_version\n"

func TestReadForeignHeader(t *testing.T) {
	for text, what := range map[string]Foreign{
		codecarbonHeader: CodeCarbon,
		strings.Replace(Header, ",coverage", "", 1) + "\n":            OtherVersion,
		strings.Replace(Header, ",coverage", ",coverage,coverage", 1): OtherVersion,
		"a,b,c\n1,2,3\n":           Unknown,
		"\x89PNG\r\n\x1a\n":        Unknown,
		strings.Repeat("x", 5<<20): Unknown,
		"\n":                       Unknown,
		`"` + Header + "\n":        Edited,
	} {
		ids, errs := readAll(text)
		assert.Empty(t, ids)
		require.Len(t, errs, 1, "%.40q", text)
		var bad *HeaderError
		require.ErrorAs(t, errs[0], &bad)
		assert.Equal(t, what, bad.What, "%.40q", text)
		assert.Equal(t, "x.csv", bad.Path)
		assert.Less(t, len(bad.Error()), 400)
	}
}

func TestReadEmptyAndBroken(t *testing.T) {
	ids, errs := readAll("")
	assert.Empty(t, ids)
	assert.Empty(t, errs)

	text := Header + "\n" + rowLine(t, runs.Row{RunID: "a"})
	n := 0
	for row, err := range Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrClosedPipe)), "x.csv") {
		if n++; n == 1 {
			require.NoError(t, err)
			assert.Equal(t, "a", row.RunID)
			continue
		}
		assert.ErrorIs(t, err, io.ErrClosedPipe)
	}
	assert.Equal(t, 2, n)
	for range Read(strings.NewReader(text+text), "x.csv") {
		break // a caller may stop
	}
}

func FuzzRead(f *testing.F) {
	a := rowLine(f, runs.Row{RunID: "a", Project: "=x\n"})
	for _, s := range []string{"", Header, Header + "\n" + a, Header + "\r\n" + a + "\"\n", "\ufeff" + Header + "\n" + a[:40], codecarbonHeader} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for row, err := range Read(strings.NewReader(s), "x.csv") {
			if err != nil {
				continue
			}
			row.Labels, row.Details = "", "" // need not be JSON in a file of others
			line, err := encode(row)
			if err != nil {
				continue // a number can be read that has no time or is too long
			}
			for back, err := range Read(strings.NewReader(Header+"\n"+string(line)), "x.csv") {
				require.NoError(t, err)
				again, err := encode(back)
				require.NoError(t, err)
				require.Equal(t, string(line), string(again))
			}
		}
	})
}
