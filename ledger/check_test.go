package ledger

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/ledger/sshsig"
	"github.com/carbonctl/carbonctl/runs"
)

// A forgery is what somebody makes of a ledger of six rows who can write to it
// and to what stands beside it, but has not its key.
type forgery struct {
	name string
	make func(f *forger)
	// plain, held and signed are what finds it: nothing but the file and its
	// head, FILE.head as it was, kept elsewhere, the signature. "" is
	// nothing, and then the Result names what was not seen.
	plain, held, signed Kind
}

// forger works on a ledger.
type forger struct {
	t           *testing.T
	path        string
	header      string
	rows        []string
	head, sig   string // FILE.head and its signature
	older       [2]string
	olderLedger string
}

func newForger(t *testing.T) *forger {
	f := &forger{t: t, path: newPath(t)}
	w := Writer{Path: f.path, Key: key(t, 1)}
	for i := range 6 {
		_, err := w.Append(t.Context(), runs.Row{
			RunID: fmt.Sprintf("0198a000-0000-7000-8000-00000000000%d", i), Project: fmt.Sprintf("p%d", i), Energy: 3e6, MachineEnergy: 3e6,
		})
		require.NoError(t, err)
		if i == 3 {
			f.olderLedger = contents(t, f.path)
			f.older = [2]string{contents(t, f.path+".head"), contents(t, f.path+".head.sig")}
		}
	}
	lines := strings.SplitAfter(contents(t, f.path), "\n")
	f.header, f.rows = lines[0], lines[1:7]
	f.head, f.sig = contents(t, f.path+".head"), contents(t, f.path+".head.sig")
	return f
}

// write writes the forged ledger.
func (f *forger) write(text string) { require.NoError(f.t, os.WriteFile(f.path, []byte(text), 0o600)) }

func (f *forger) put(rows ...string) { f.write(f.header + strings.Join(rows, "")) }

// rechain gives rows new hashes from a previous one on, as whoever has read
// docs/ledger.md can.
func rechain(previous string, rows ...string) []string {
	var all []string
	for _, r := range rows {
		body := r[:len(r)-2*hashLen-2] + previous + ","
		previous = rowHash(previous, []byte(body))
		all = append(all, body+previous+"\n")
	}
	return all
}

func last(rows []string) string { r := rows[len(rows)-1]; return r[len(r)-1-hashLen : len(r)-1] }

// own is the first previous_hash of the ledger.
func (f *forger) own() string { r := f.rows[0]; return r[len(r)-2*hashLen-2:][:hashLen] }

func (f *forger) id() string { return strings.Split(f.rows[0], ",")[1] }

func (f *forger) newHead(rows []string) {
	head := Head{f.id(), int64(len(rows)), last(rows)}
	require.NoError(f.t, os.WriteFile(f.path+".head", head.bytes(), 0o600))
}

func changed(rows []string, old, to string) (all []string) {
	for _, r := range rows {
		all = append(all, strings.Replace(r, old, to, 1))
	}
	return all
}

// another is a chain of a ledger_id of its own.
func (f *forger) another(n int) []string {
	rows := changed(f.rows[:n], f.id(), idB)
	return rechain(genesis([]byte(f.header), idB), changed(changed(rows, ",p", ",fake"), "0198a000", "0198b000")...)
}

func forgeries() []forgery {
	const unseen = "" // found by nothing: it is named
	return []forgery{
		{"tail cut off", func(f *forger) { f.put(f.rows[:4]...) }, Cut, Cut, Cut},
		{"tail cut off, FILE.head removed", func(f *forger) { f.put(f.rows[:4]...); f.remove(".head", ".head.sig") }, unseen, Cut, "signature"},
		{"tail cut off, FILE.head made to fit", func(f *forger) { f.put(f.rows[:4]...); f.newHead(f.rows[:4]) }, unseen, Cut, "signature"},
		{"put back to an older signed state", func(f *forger) {
			f.write(f.olderLedger)
			f.beside(f.older[0], f.older[1])
		}, unseen, Cut, unseen},
		{"a cell changed", func(f *forger) { f.put(changed(f.rows, ",p3,", ",pX,")...) }, Altered, Altered, Altered},
		{"a cell changed, chain rebuilt", func(f *forger) { f.put(rechain(f.own(), changed(f.rows, ",p3,", ",pX,")...)...) }, Rebuilt, Rebuilt, Rebuilt},
		{"a cell changed, chain and FILE.head rebuilt", func(f *forger) {
			rows := rechain(f.own(), changed(f.rows, ",p3,", ",pX,")...)
			f.put(rows...)
			f.newHead(rows)
		}, unseen, Rebuilt, "signature"},
		{"an energy changed, chain and FILE.head rebuilt", func(f *forger) {
			rows := rechain(f.own(), changed(f.rows, ",3.000000", ",-3.000000")...)
			f.put(rows...)
			f.newHead(rows)
		}, Impossible, Impossible, Impossible},
		{"a run again, chained", func(f *forger) { f.put(append(f.rows, rechain(last(f.rows), f.rows[0])...)...) }, Repeated, Repeated, Repeated},
		{"a run again, chained, FILE.head made to fit", func(f *forger) {
			rows := append(f.rows, rechain(last(f.rows), f.rows[0])...)
			f.put(rows...)
			f.newHead(rows)
		}, Repeated, Repeated, Repeated},
		{"a run made up, chained", func(f *forger) {
			f.put(append(f.rows, rechain(last(f.rows), changed(f.rows[:1], "0198a000", "0198b000")...)...)...)
		}, unseen, unseen, Unsigned},
		{"three runs made up, chained", func(f *forger) {
			f.put(append(f.rows, rechain(last(f.rows), changed(f.rows[:3], "0198a000", "0198b000")...)...)...)
		}, StaleHead, StaleHead, StaleHead},
		{"a run made up, chained, FILE.head made to fit", func(f *forger) {
			rows := append(f.rows, rechain(last(f.rows), changed(f.rows[:1], "0198a000", "0198b000")...)...)
			f.put(rows...)
			f.newHead(rows)
		}, unseen, unseen, "signature"},
		{"a chain of its own behind", func(f *forger) { f.put(append(f.rows, f.another(2)...)...) }, Stray, Stray, Stray},
		{"a chain of its own in front", func(f *forger) { f.put(append(f.another(2), f.rows...)...) }, Stray, Stray, Stray},
		{"a chain of its own, FILE.head removed", func(f *forger) { f.put(append(f.another(2), f.rows...)...); f.remove(".head", ".head.sig") }, unseen, Stray, "signature"},
		{"a chain of its own, named in FILE.head", func(f *forger) {
			rows := f.another(2)
			f.put(append(rows, f.rows...)...)
			f.beside(f.head+string(Head{idB, 2, last(rows)}.bytes()), f.sig)
		}, unseen, unseen, "signature"},
		{"the whole replaced by another ledger", func(f *forger) { f.put(f.another(6)...) }, Cut, Cut, Cut},
		{"two rows swapped", func(f *forger) { f.put(f.rows[1], f.rows[0], f.rows[2], f.rows[3], f.rows[4], f.rows[5]) }, Reordered, Reordered, Reordered},
		{"the first row removed", func(f *forger) { f.put(f.rows[1:]...) }, Removed, Removed, Removed},
		{"a row removed", func(f *forger) { f.put(append(f.rows[:2:2], f.rows[3:]...)...) }, Removed, Removed, Removed},
		{"a row twice", func(f *forger) { f.put(append(f.rows[:2:2], f.rows[1:]...)...) }, Duplicated, Duplicated, Duplicated},
		{"text behind, no line end", func(f *forger) { f.put(append(f.rows, "garbage")...) }, Torn, Torn, Torn},
		{"a line of text behind", func(f *forger) { f.put(append(f.rows, "garbage\n")...) }, Altered, Altered, Altered},
		{"a blank line behind", func(f *forger) { f.put(append(f.rows, "\n")...) }, Altered, Altered, Altered},
		{"NUL bytes behind", func(f *forger) { f.put(append(f.rows, strings.Repeat("\x00", 64))...) }, Torn, Torn, Torn},
		{"a line of NUL bytes", func(f *forger) { f.put(append(append(f.rows[:3:3], "\x00\x00\n"), f.rows[3:]...)...) }, Altered, Altered, Altered},
		{"CRLF", func(f *forger) {
			f.write(strings.ReplaceAll(f.header+strings.Join(f.rows, ""), "\n", "\r\n"))
		}, HeaderChanged, HeaderChanged, HeaderChanged},
		{"a byte-order mark", func(f *forger) { f.write("\ufeff" + f.header + strings.Join(f.rows, "")) }, HeaderChanged, HeaderChanged, HeaderChanged},
		{"columns renamed", func(f *forger) {
			f.write(strings.Replace(f.header, "energy_low_joules,energy_high_joules", "energy_high_joules,energy_low_joules", 1) + strings.Join(f.rows, ""))
		}, HeaderChanged, HeaderChanged, HeaderChanged},
		{"columns renamed, chain rebuilt", func(f *forger) {
			header := strings.Replace(f.header, "energy_low_joules,energy_high_joules", "energy_high_joules,energy_low_joules", 1)
			f.write(header + strings.Join(rechain(genesis([]byte(header), f.id()), f.rows...), ""))
		}, Rebuilt, Rebuilt, Rebuilt},
		{"emptied", func(f *forger) { f.write("") }, Cut, Cut, Cut},
		{"emptied to the header", func(f *forger) { f.put() }, Cut, Cut, Cut},
		{"removed", func(f *forger) { require.NoError(f.t, os.Remove(f.path)) }, Cut, Cut, Cut},
		{"FILE.head changed", func(f *forger) { f.beside(strings.Replace(f.head, `"rows":6`, `"rows":5`, 1), f.sig) }, WrongHead, WrongHead, "signature"},
		{"FILE.head emptied", func(f *forger) { f.beside("", f.sig) }, WrongHead, WrongHead, "signature"},
		{"signed by another key", func(f *forger) {
			sig, err := key(f.t, 2).Sign([]byte(f.head))
			require.NoError(f.t, err)
			f.beside(f.head, string(sig))
		}, unseen, unseen, "signature"},
		{"signature removed", func(f *forger) { f.remove(".head.sig") }, unseen, unseen, "signature"},
	}
}

func (f *forger) beside(head, sig string) {
	require.NoError(f.t, os.WriteFile(f.path+".head", []byte(head), 0o600))
	require.NoError(f.t, os.WriteFile(f.path+".head.sig", []byte(sig), 0o600))
}

func (f *forger) remove(names ...string) {
	for _, n := range names {
		require.NoError(f.t, os.Remove(f.path+n))
	}
}

// signedBy checks signatures as the command does.
func signedBy(t *testing.T) func(head, sig []byte) error {
	signers := []byte(key(t, 1).String())
	return func(head, sig []byte) error {
		_, err := sshsig.Check(head, sig, signers)
		return err
	}
}

// What is found of each forgery is the table of docs/reliability.md: go test -v
// -run TestForgeries ./ledger prints it.
func TestForgeries(t *testing.T) {
	counts := map[string]int{}
	for _, c := range forgeries() {
		f := newForger(t)
		truth := Head{f.id(), 6, last(f.rows)}
		c.make(f)
		var cells []string
		for _, way := range []struct {
			name  string
			check Check
			want  Kind
		}{
			{"plain", Check{}, c.plain},
			{"held", Check{Heads: []Head{truth}}, c.held},
			{"signed", Check{Signed: signedBy(t)}, c.signed},
		} {
			result, err := way.check.File(f.path)
			var got Kind
			signature := (*SignatureError)(nil)
			switch {
			case len(result.Findings) > 0:
				got = result.Findings[0].Kind
				if way.want == "signature" && errors.As(err, &signature) {
					got = "signature"
				}
			case errors.As(err, &signature):
				got = "signature"
			default:
				require.NoError(t, err, "%s, %s", c.name, way.name)
			}
			assert.Equal(t, way.want, got, "%s, %s: %+v", c.name, way.name, result)
			if got == "" {
				assert.True(t, way.name == "held" || len(result.Unseen) > 0, "%s, %s: what was not seen is named", c.name, way.name)
				cells = append(cells, "not seen")
			} else {
				cells = append(cells, string(got))
				counts[way.name]++
			}
		}
		t.Logf("| %s | %s |", c.name, strings.Join(cells, " | "))
	}
	t.Logf("%d forgeries: found %v", len(forgeries()), counts)
}

// What is as it should be is found to be so.
func TestCheckDoesNotCryWolf(t *testing.T) {
	whole := func(name string, c Check, path string, unseen int) {
		t.Helper()
		result, err := c.File(path)
		require.NoError(t, err, name)
		assert.Empty(t, result.Findings, name)
		assert.Len(t, result.Unseen, unseen, "%s: %v", name, result.Unseen)
	}
	f := newForger(t)
	held := Head{Hash: last(f.rows)}
	whole("plain", Check{}, f.path, 2)
	whole("held", Check{Heads: []Head{held}}, f.path, 1)
	whole("signed", Check{Signed: signedBy(t)}, f.path, 1)
	whole("signed and held", Check{Signed: signedBy(t), Heads: []Head{held}}, f.path, 0)

	link := filepath.Join(t.TempDir(), "link.csv")
	require.NoError(t, os.Symlink(f.path, link))
	whole("by a link", Check{Signed: signedBy(t), Heads: []Head{held}}, link, 0)

	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(contents(t, f.path)))
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(f.path+".gz", packed.Bytes(), 0o600))
	whole("compressed", Check{Signed: signedBy(t), Heads: []Head{held}}, f.path+".gz", 0)

	// A crash between row and head, and one in a batch.
	f.beside(f.older[0], f.older[1])
	f.put(f.rows[:5]...)
	whole("a row behind", Check{}, f.path, 2)
	path := newPath(t)
	add(t, path, runs.Row{RunID: "a"})
	head := contents(t, path+".head")
	_, _, err := Writer{Path: path}.Import(t.Context(), func(yield func(runs.Row) bool) {
		for i := range 100 {
			if !yield(runs.Row{RunID: fmt.Sprint(i)}) {
				return
			}
		}
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+".head", []byte(head), 0o600))
	whole("a batch behind", Check{}, path, 1)

	// Merged, with the heads of all chains.
	out := filepath.Join(t.TempDir(), "all.csv")
	_, err = Merge(out, path, f.path)
	require.NoError(t, err)
	whole("merged", Check{}, out, 2)
	_, err = Writer{Path: out}.Append(t.Context(), runs.Row{})
	assert.ErrorContains(t, err, "merged")
}

// Rows that were added without the key are told, also once a later signature
// covers them; who knows of them allows them.
func TestCheckUnsigned(t *testing.T) {
	path := newPath(t)
	w := Writer{Path: path, Key: key(t, 1)}
	_, err := w.Append(t.Context(), runs.Row{RunID: "a"})
	require.NoError(t, err)
	add(t, path, runs.Row{RunID: "b"})
	_, err = Check{Signed: signedBy(t)}.File(path)
	var signature *SignatureError
	assert.ErrorAs(t, err, &signature)
	_, err = w.Append(t.Context(), runs.Row{RunID: "c"})
	require.NoError(t, err)
	result, err := Check{Signed: signedBy(t)}.File(path)
	require.NoError(t, err)
	require.Len(t, result.Findings, 1)
	assert.Equal(t, Unsigned, result.Findings[0].Kind)
	assert.EqualValues(t, 3, result.Findings[0].Row)
	result, err = Check{Signed: signedBy(t), AllowUnsigned: true}.File(path)
	require.NoError(t, err)
	assert.True(t, result.OK())
	assert.Len(t, result.Unseen, 2)
}
