package ledger

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

var update = flag.Bool("update", false, "write testdata anew")

const (
	idA = "0193a000-0000-7000-8000-00000000000a"
	idB = "0193a000-0000-7000-8000-00000000000b"
)

// chainOf returns a ledger's lines, the header first.
func chainOf(t testing.TB, id string, rows ...runs.Row) []string {
	t.Helper()
	all := []string{Header + "\n"}
	previous := genesis([]byte(all[0]), id)
	for _, row := range rows {
		row.Schema, row.LedgerID, row.PreviousHash = runs.LedgerSchema, id, previous
		all = append(all, seal(rowLine(t, row)))
		previous = all[len(all)-1][len(all[len(all)-1])-hashLen-1:][:hashLen]
	}
	return all
}

// seal puts the hash on a line that has the previous one, as a forger would too.
func seal(line string) string {
	body := line[:strings.LastIndexByte(line, ',')+1]
	previous := body[len(body)-1-hashLen : len(body)-1]
	return body + rowHash(previous, []byte(body)) + "\n"
}

func five(t testing.TB, id string) []string {
	t.Helper()
	var all []runs.Row
	for i := range 5 {
		all = append(all, runs.Row{RunID: fmt.Sprintf("%s-%d", id[35:], i+1), Project: "é,\"", Energy: energy.Energy(i)})
	}
	return chainOf(t, id, all...)
}

func headOf(t testing.TB, lines []string) Head {
	t.Helper()
	row, ok := parseLink([]byte(lines[len(lines)-1]))
	require.True(t, ok)
	return Head{row.id, int64(len(lines) - 1), row.hash}
}

func verify(t testing.TB, lines []string, heads ...Head) Result {
	t.Helper()
	result, err := Verify(strings.NewReader(strings.Join(lines, "")), heads...)
	require.NoError(t, err)
	return result
}

func TestVerifyWhole(t *testing.T) {
	lines := five(t, idA)
	result := verify(t, lines, headOf(t, lines))
	assert.True(t, result.OK())
	assert.Empty(t, result.Unseen)
	assert.EqualValues(t, 5, result.Rows)
	assert.Equal(t, []Chain{{Head: headOf(t, lines), Held: true}}, result.Chains)

	result = verify(t, lines)
	assert.True(t, result.OK())
	require.Len(t, result.Unseen, 1)
	assert.Contains(t, result.Unseen[0], "truncation")

	result = verify(t, lines, headOf(t, lines[:4]))
	assert.True(t, result.OK(), "rows were added since the head was held")
	require.Len(t, result.Unseen, 1)
	assert.Contains(t, result.Unseen[0], "2 rows back")
	assert.EqualValues(t, 2, result.Chains[0].Since)
}

func TestVerifyFinds(t *testing.T) {
	r := five(t, idA)
	x := chainOf(t, idA, runs.Row{RunID: "x"})[1] // sound in itself, follows nothing here
	linked := seal(strings.Replace(x, x[len(x)-2*hashLen-2:][:hashLen], r[2][len(r[2])-hashLen-1:][:hashLen], 1))
	rewritten := seal(strings.Replace(r[2], "a-2", "a-9", 1))
	at := func(i ...int) (lines []string) {
		for _, i := range i {
			lines = append(lines, r[i])
		}
		return lines
	}
	for name, c := range map[string]struct {
		lines []string
		kind  Kind
		row   int64
	}{
		"altered":                  {append(append(at(0, 1), strings.Replace(r[2], "a-2", "a-9", 1)), r[3:]...), Altered, 2},
		"altered energy, last row": {append(at(0, 1, 2, 3, 4), strings.Replace(r[5], ",0.000004", ",0.000001", 1)), Altered, 5},
		"rewritten with its hash":  {append(append(at(0, 1), rewritten), r[3:]...), Removed, 3},
		"removed":                  {at(0, 1, 3, 4, 5), Removed, 2},
		"first removed":            {at(0, 2, 3, 4, 5), Removed, 1},
		"three removed":            {at(0, 1, 5), Removed, 2},
		"swapped":                  {at(0, 1, 3, 2, 4, 5), Reordered, 2},
		"last to first":            {at(0, 5, 1, 2, 3, 4), Reordered, 1},
		"first to last":            {at(0, 2, 3, 4, 5, 1), Reordered, 1},
		"reversed":                 {at(0, 5, 4, 3, 2, 1), Reordered, 1},
		"twice":                    {at(0, 1, 2, 2, 3, 4, 5), Duplicated, 3},
		"twice, later":             {at(0, 1, 2, 3, 4, 1, 5), Duplicated, 5},
		"the whole twice":          {at(0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5), Duplicated, 6},
		"inserted, of its own":     {append(append(at(0, 1, 2), seal(strings.Replace(x, x[len(x)-2*hashLen-2:][:8], "00000000", 1))), r[3:]...), Inserted, 3},
		"inserted, a first row":    {append(append(at(0, 1, 2), x), r[3:]...), Inserted, 1},
		"inserted, linked":         {append(append(at(0, 1, 2), linked), r[3:]...), Inserted, 3},
		"inserted at the top":      {append(append(at(0), x), r[1:]...), Inserted, 1},
		"a note":                   {append(append(at(0, 1), "hello\n"), r[2:]...), Altered, 2},
		"a blank line":             {append(append(at(0, 1), "\n"), r[2:]...), Altered, 2},
		"header again":             {append(at(0, 1, 2), r...), Inserted, 3},
		"CRLF in a row":            {append(append(at(0, 1), strings.Replace(r[2], "\n", "\r\n", 1)), r[3:]...), Altered, 2},
		"header altered":           {append([]string{strings.Replace(Header, "project", "object", 1) + "\n"}, r[1:]...), HeaderChanged, 0},
		"header altered, no rows":  {[]string{strings.Replace(Header, "project", "object", 1) + "\n"}, HeaderChanged, 0},
		"header CRLF":              {append([]string{Header + "\r\n"}, r[1:]...), HeaderChanged, 0},
		"torn":                     {append(at(0, 1, 2), r[3][:99]), Torn, 3},
		"no last line end":         {append(at(0, 1, 2, 3, 4), strings.TrimSuffix(r[5], "\n")), Torn, 5},
		"an overlong row":          {append(at(0, 1), strings.Repeat("x", MaxRow+5)+"\n", r[2]), Altered, 2},
	} {
		result := verify(t, c.lines)
		require.NotEmpty(t, result.Findings, name)
		first := result.Findings[0]
		assert.Equal(t, c.kind, first.Kind, "%s: %+v", name, result.Findings)
		assert.Equal(t, c.row, first.Row, "%s: %+v", name, result.Findings)
		assert.Equal(t, c.row+1, first.Line, name)
		assert.NotEmpty(t, first.Text, name)
		assert.False(t, result.OK())
	}
}

// One change is one finding where it can be, with the held head as well.
func TestVerifyDoesNotCryWolf(t *testing.T) {
	r := five(t, idA)
	head := headOf(t, r)
	hash := r[3][len(r[3])-hashLen-1:][:hashLen]
	for name, line := range map[string]string{
		"a text": strings.Replace(r[3], "a-3", "a-9", 1), "the hash": strings.Replace(r[3], hash, strings.Repeat("0", 64), 1),
		"the ledger_id": strings.Replace(r[3], idA, idB, 1), "the hash's case": strings.Replace(r[3], hash, strings.ToUpper(hash), 1),
		"the previous hash": strings.Replace(r[3], r[2][len(r[2])-hashLen-1:][:hashLen], strings.Repeat("0", 64), 1),
	} {
		lines := append(append(append([]string{}, r[:3]...), line), r[4:]...)
		result := verify(t, lines, head)
		assert.Len(t, result.Findings, 1, "%s: %+v", name, result.Findings)
		assert.EqualValues(t, 3, result.Findings[0].Row, name)
	}
}

func TestVerifyWithAHeldHead(t *testing.T) {
	r := five(t, idA)
	held := headOf(t, r)
	hashOnly := Head{Hash: held.Hash}
	rebuilt := append(append([]string{}, r[:5]...), seal(strings.Replace(r[5], "a-5", "a-6", 1)))
	for name, c := range map[string]struct {
		lines []string
		head  Head
		kind  Kind
	}{
		"cut tail":                    {r[:4], held, Cut},
		"cut to the header":           {r[:1], held, Cut},
		"cut to nothing":              {nil, held, Cut},
		"cut tail, hash only":         {r[:4], hashOnly, Missing},
		"last row rebuilt":            {rebuilt, held, Rebuilt},
		"last row rebuilt, hash only": {rebuilt, hashOnly, Missing},
		"another ledger":              {five(t, idB), held, Cut},
		"a head with a wrong count":   {r, Head{idA, 4, held.Hash}, WrongHead},
		"a head with a wrong id":      {r, Head{idB, 5, held.Hash}, WrongHead},
	} {
		without := verify(t, c.lines)
		assert.True(t, without.OK(), "%s: %+v", name, without.Findings)
		assert.NotEmpty(t, without.Unseen, name)
		with := verify(t, c.lines, c.head)
		require.Len(t, with.Findings, 1, name)
		assert.Equal(t, c.kind, with.Findings[0].Kind, name)
	}
	assert.True(t, verify(t, r, hashOnly).OK())
}

// All bytes of a small ledger, each in several ways, with and without the head.
func TestVerifyFindsEveryChangedByte(t *testing.T) {
	lines := five(t, idA)[:4]
	head := headOf(t, lines)
	whole := []byte(strings.Join(lines, ""))
	check := func(text []byte, format string, args ...any) {
		for _, heads := range [][]Head{nil, {head}} {
			result, err := Verify(bytes.NewReader(text), heads...)
			if err == nil && result.OK() {
				assert.Fail(t, "not found: "+fmt.Sprintf(format, args...))
			}
		}
	}
	for i := range whole {
		for _, b := range []byte{whole[i] ^ 1, whole[i] ^ 0x20, whole[i] ^ 0x80, 0, '\n', '\r', ',', '"', ' ', '0', 'a', 'A'} {
			if b != whole[i] {
				text := bytes.Clone(whole)
				text[i] = b
				check(text, "byte %d: %q for %q", i, b, whole[i])
			}
		}
		check(append(append([]byte{}, whole[:i]...), whole[i+1:]...), "byte %d removed", i)
		for _, b := range []byte{0, ' ', '\n', '\r', ',', '"', whole[i]} {
			check(append(append(append([]byte{}, whole[:i]...), b), whole[i:]...), "%q before byte %d", b, i)
		}
	}
	for _, b := range []string{"\n", " ", "\x00", "x", "\r\n"} {
		check(append(bytes.Clone(whole), b...), "%q at the end", b)
	}
}

// Every removal, swap, duplication and move of a row.
func TestVerifyFindsEveryRowMoved(t *testing.T) {
	r := five(t, idA)
	head := headOf(t, r)
	for i := 1; i <= 5; i++ {
		for j := 1; j <= 6; j++ {
			rest := append(append([]string{}, r[:i]...), r[i+1:]...)
			twice := append(append(append([]string{}, r[:j]...), r[i]), r[j:]...)
			assert.False(t, verify(t, twice).OK(), "row %d again at %d", i, j)
			if j <= 5 && i != j {
				moved := append(append(append([]string{}, rest[:j]...), r[i]), rest[j:]...)
				assert.False(t, verify(t, moved).OK(), "row %d moved to %d", i, j)
				swapped := append([]string{}, r...)
				swapped[i], swapped[j] = swapped[j], swapped[i]
				assert.False(t, verify(t, swapped).OK(), "rows %d and %d swapped", i, j)
			}
			if i < j {
				cut := append(append([]string{}, r[:i]...), r[j:]...)
				assert.False(t, verify(t, cut, head).OK(), "rows %d to %d removed", i, j-1)
				assert.Equal(t, j == 6, verify(t, cut).OK(), "rows %d to %d removed, no head", i, j-1)
			}
		}
	}
}

func TestVerifyMerged(t *testing.T) {
	a, b := five(t, idA), five(t, idB)
	headA, headB := headOf(t, a), headOf(t, b)
	merged := []string{a[0]}
	for i := 1; i <= 5; i++ {
		merged = append(merged, a[i], b[i])
	}
	result := verify(t, merged, headA, headB)
	assert.True(t, result.OK(), "%+v", result.Findings)
	assert.Empty(t, result.Unseen)
	require.Len(t, result.Chains, 2)
	assert.Equal(t, headB, result.Chains[1].Head)

	result = verify(t, merged, headA)
	require.Len(t, result.Findings, 1, "a chain that was put into the file looks like that")
	assert.Equal(t, Stray, result.Findings[0].Kind)
	assert.Equal(t, idB, result.Findings[0].LedgerID)
	require.Len(t, verify(t, merged).Unseen, 2)
	assert.Contains(t, verify(t, merged).Unseen[1], idB)

	gone := append(append([]string{}, merged[:4]...), merged[5:]...) // b's second row
	result = verify(t, gone, headA, headB)
	require.Len(t, result.Findings, 1, "%+v", result.Findings)
	assert.Equal(t, Removed, result.Findings[0].Kind)
	assert.Equal(t, idB, result.Findings[0].LedgerID)

	result = verify(t, merged[:10], headA, headB)
	require.Len(t, result.Findings, 1)
	assert.Equal(t, Cut, result.Findings[0].Kind)
	assert.Equal(t, idB, result.Findings[0].LedgerID)
}

// A ledger of another version is checked by its own header.
func TestVerifyAnotherVersion(t *testing.T) {
	header := strings.Replace(Header, "details,", "details,extra,", 1) + "\n"
	line := "carbonctl.ledger/v2," + idA + ",x," + genesis([]byte(header), idA) + ","
	lines := []string{header, seal(line)}
	assert.True(t, verify(t, lines).OK())
	lines[0] = strings.Replace(header, "extra", "other", 1)
	assert.Equal(t, HeaderChanged, verify(t, lines).Findings[0].Kind)
}

func TestVerifyForeignAndBroken(t *testing.T) {
	for _, text := range []string{codecarbonHeader, "a,b\n", "\x00\x00", "\n"} {
		_, err := Verify(strings.NewReader(text))
		var bad *HeaderError
		assert.ErrorAs(t, err, &bad, "%q", text)
	}
	lines := five(t, idA)
	result, err := Verify(io.MultiReader(strings.NewReader(strings.Join(lines, "")), iotest.ErrReader(io.ErrClosedPipe)))
	assert.ErrorIs(t, err, io.ErrClosedPipe)
	assert.EqualValues(t, 5, result.Rows)

	many := append([]string{}, lines...)
	for range 500 {
		many = append(many, "x\n")
	}
	result = verify(t, many)
	assert.Len(t, result.Findings, 100)
	assert.EqualValues(t, 500, result.Faults)
}

// The vector of docs/ledger.md, for those who write a verifier of their own.
func TestVector(t *testing.T) {
	at := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	zero, seven, year, half := 0, 7, 2025, runs.Number(0.5)
	gpu := energy.Joules(1234.567891)
	lines := chainOf(t, idA,
		runs.Row{RunID: "0193a000-0000-7000-8000-000000000001", Project: "demo", Status: footprint.Completed, ExitCode: &zero,
			StartedAt: runs.Stamp{Time: at}, EndedAt: runs.Stamp{Time: at.Add(12345 * time.Millisecond)}, DurationS: 12.345,
			Zone: "FR", PerKWh: 41, IntensityYear: &year, PUE: new(runs.Number(1)), Charge: footprint.ChargeMachine,
			MachineEnergy: energy.Joules(1500), Energy: energy.Joules(1500), EnergyLow: new(energy.Joules(1490)), EnergyHigh: new(energy.Joules(1510)),
			GPU: &gpu, MeasuredShare: &half, Coverage: 1, Emissions: 0.0170833, EmissionsLow: new(runs.Number(0.0169694)), EmissionsHigh: new(runs.Number(0.0171972)), ToolVersion: "v0.1.0",
			Machine: "5b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e", Revision: "d6c6fb3+dirty", Work: `{"output_token":51200}`, Cost: "0.0001 EUR",
			Components: `[{"kind":"gpu","id":"GPU-1","basis":"measured","energy_joules":1234.567891,"low_joules":1230,"high_joules":null,"process_energy_joules":null}]`},
		runs.Row{RunID: "0193a000-0000-7000-8000-000000000002", Project: "=HYPERLINK(\"x\")\n", Labels: `{"team":"vision, 2"}`,
			User: "Zoë", PerKWh: 41, Status: footprint.Failed, ExitCode: &seven, Charge: footprint.ChargeProcess},
		runs.Row{RunID: "0193a000-0000-7000-8000-000000000003", Status: footprint.Recovered, PUE: new(runs.Number(1)), PerKWh: 41, Charge: footprint.ChargeMachine,
			Details: `{"torn_at":"2026-11-22T13:05:00Z","torn_bytes":99}`},
	)
	text, head := strings.Join(lines, ""), string(headOf(t, lines).bytes())
	if *update {
		require.NoError(t, os.WriteFile("../docs/testdata/ledger/vector.csv", []byte(text), 0o644))
		require.NoError(t, os.WriteFile("../docs/testdata/ledger/vector.csv.head", []byte(head), 0o644))
	}
	assert.Equal(t, contents(t, "../docs/testdata/ledger/vector.csv"), text)
	assert.Equal(t, contents(t, "../docs/testdata/ledger/vector.csv.head"), head)
	held, err := ReadHead("../docs/testdata/ledger/vector.csv")
	require.NoError(t, err)
	assert.True(t, verify(t, []string{text}, held).OK())

	docs := contents(t, "../docs/ledger.md")
	for i, line := range lines[1:] {
		assert.Contains(t, docs, fmt.Sprintf("row %d                %s\n", i+1, line[len(line)-hashLen-1:][:hashLen]))
	}
	for i, name := range strings.Split(Header, ",") {
		assert.Contains(t, docs, fmt.Sprintf("\n| %d | `%s` | ", i+1, name))
	}
}

// A ledger of v1 is checked, read and continued in its own columns.
func TestALedgerOfV1GoesOnAsItBegan(t *testing.T) {
	path := newPath(t)
	old := contents(t, "../docs/testdata/ledger/vector-v1.csv")
	require.NoError(t, os.WriteFile(path, []byte(old), 0o600))
	held, err := ReadHead("../docs/testdata/ledger/vector-v1.csv")
	require.NoError(t, err)
	assert.True(t, verify(t, []string{old}, held).OK())

	row := runs.Row{RunID: "0193a000-0000-7000-8000-000000000004", PUE: new(runs.Number(1)), Machine: "m", Work: `{"images":3}`, Water: new(runs.Number(0.5)),
		Components: `[{"kind":"cpu","id":"package-0","basis":"measured"}]`, Details: `{"note":"<&>"}`, Energy: energy.Joule}
	_, err = Writer{Path: path}.Append(t.Context(), row)
	require.NoError(t, err)
	text := contents(t, path)
	assert.True(t, strings.HasPrefix(text, old))
	assert.Contains(t, text[len(old):], runs.SchemaV1+",")
	assert.True(t, verify(t, []string{text}, held).OK())

	var last runs.Row
	for r, err := range Read(strings.NewReader(text), "v1.csv") {
		require.NoError(t, err)
		last = r
	}
	row.Schema, row.LedgerID, row.PreviousHash, row.Hash = last.Schema, last.LedgerID, last.PreviousHash, last.Hash
	assert.Equal(t, row, last)
	for r, err := range Read(strings.NewReader(text), "v1.csv", "machine", "energy_joules") {
		require.NoError(t, err)
		last = r
	}
	assert.Equal(t, runs.Row{Machine: "m", Energy: energy.Joule}, last)
}

func TestParseHeadRefuses(t *testing.T) {
	good := string(headOf(t, five(t, idA)).bytes())
	_, err := ParseHead([]byte(good))
	require.NoError(t, err)
	for _, bad := range []string{"", "{}", "null", "[]", good + good, good[:40], strings.Replace(good, `"rows":5`, `"rows":0`, 1),
		strings.Replace(good, `"rows":5`, `"rows":-1`, 1), strings.Replace(good, `"rows":5`, `"rows":1.5`, 1),
		strings.Replace(good, idA, "x", 1), strings.Replace(good, `{`, `{"more":1,`, 1), strings.ToUpper(good)} {
		_, err := ParseHead([]byte(bad))
		assert.Error(t, err, bad)
	}
}

func FuzzHead(f *testing.F) {
	f.Add(headOf(f, five(f, idA)).bytes())
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHead(b)
		if err != nil {
			return
		}
		again, err := ParseHead(h.bytes())
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}

// With the head held, only the ledger itself passes.
func FuzzVerify(f *testing.F) {
	lines := five(f, idA)
	whole, head := strings.Join(lines, ""), headOf(f, lines)
	f.Add(whole)
	f.Add(whole + lines[1])
	f.Add(whole[:900])
	f.Add(strings.Join([]string{lines[0], lines[2], lines[1]}, ""))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		result, err := Verify(strings.NewReader(s), head)
		if err == nil && result.OK() {
			require.True(t, strings.HasPrefix(s, whole), "%q", s)
		}
		_, err = json.Marshal(result)
		require.NoError(t, err)
	})
}
