package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/carbonctl/carbonctl/runs"
)

// Kind is what is wrong with a ledger.
type Kind string

// The kinds of Finding.
const (
	Altered       Kind = "altered"    // a row's bytes, or its hash
	Removed       Kind = "removed"    // rows are missing before this one, or the row before it was rewritten
	Inserted      Kind = "inserted"   // a row that the chain goes around
	Reordered     Kind = "reordered"  // a row before those that it follows
	Duplicated    Kind = "duplicated" // a row that is there earlier as well
	HeaderChanged Kind = "header"     // the first line
	Torn          Kind = "torn"       // a last line without line end: a crash, or a cut
	Cut           Kind = "cut"        // fewer rows than the held head counts
	Rebuilt       Kind = "rebuilt"    // enough rows, but not the one that the held head names
	Missing       Kind = "missing"    // cut or rebuilt: the held head has no count
	WrongHead     Kind = "wrong-head" // the held head's hash is there, its count or ledger_id is not that row's
	StaleHead     Kind = "stale-head" // FILE.head is further behind than a crash leaves it
	Stray         Kind = "stray"      // a chain that no head names, although there are heads
	Unsigned      Kind = "unsigned"   // rows that no good signature covers, although signatures are asked for
	Impossible    Kind = "impossible" // a row that no run can have
	Repeated      Kind = "repeated"   // a run that has a row already
	LostHead      Kind = "lost-head"  // a row that was added to a ledger that was not as FILE.head had it
	RunChanged    Kind = "run"        // a kept run that is not the one that its row was made of
)

// Finding is one thing that Verify found.
type Finding struct {
	Kind     Kind   `json:"kind"`
	Row      int64  `json:"row"`  // in the file, from 1; 0: none in particular
	Line     int64  `json:"line"` // in the file, from 1, the header's
	LedgerID string `json:"ledger_id"`
	Text     string `json:"text"`
}

// Chain is what Verify saw of one ledger_id.
type Chain struct {
	Head Head `json:"head"` // of the file as it is
	// Held: one of the given heads is a row of this chain; Since counts the rows after the
	// newest such row.
	Held  bool  `json:"held"`
	Since int64 `json:"rows_since_head"`
}

// Result is what Verify saw.
type Result struct {
	Rows     int64     `json:"rows"` // whole lines after the header
	Chains   []Chain   `json:"chains"`
	Findings []Finding `json:"findings"` // the first 100, in the order of the file; those about heads last
	Faults   int64     `json:"faults"`   // how many there were
	// Unseen is what this check could not have detected.
	Unseen []string `json:"unseen"`
}

// OK reports whether nothing was found.
func (r Result) OK() bool { return r.Faults == 0 }

const maxFindings = 100

// Verify checks the chain of a ledger, or each chain of a merged one, and that no
// run has two rows. heads are heads that the caller held, one or more, of any of
// its chains: without one, a cut tail or a rebuilt chain is not detected, which
// Result.Unseen lists. See [Check] for the files beside a ledger.
//
// The first finding is the first change in the file. Its kind is given where it is known;
// later ones may be consequences of it. A file that is not a ledger is a *HeaderError; an
// error of r comes with what was seen until then. Memory grows by some 40 bytes a row.
func Verify(r io.Reader, heads ...Head) (Result, error) {
	v := newVerifier(heads)
	err := v.read(r)
	if err == nil {
		v.finish()
	}
	return v.Result, err
}

func newVerifier(held []Head) *verifier {
	v := &verifier{chains: map[string]*chain{}, runs: IDs{}}
	for _, h := range held {
		v.heads = append(v.heads, witness{Head: h, name: "the held head"})
	}
	return v
}

// read goes through the file.
func (v *verifier) read(r io.Reader) error {
	l := newLines(r)
	header, err := l.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	if err := v.readHeader(header); err != nil {
		return err
	}
	for {
		v.lines = l.n
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("verify ledger: %w", err)
		}
		v.add(line, l.n)
	}
}

type verifier struct {
	Result
	header  []byte
	strange bool // the header is not ours, and no row has vouched for it yet
	chains  map[string]*chain
	order   []string
	seen    []uint64 // the start of each row's hash, in the order of rows
	gap     *gap     // a first finding whose kind later rows will tell
	loose   bool     // the line before was no row: what follows cannot be judged by it
	heads   []witness
	runs    IDs   // of sound rows
	lines   int64 // so far
	cells   cells
	columns []column                                    // nil: the header is not ours, and rows are not looked into
	v1      bool                                        // its columns are those of v1
	row     func(row *runs.Row, sound bool, at Finding) // nil: nobody asks for rows
}

type chain struct {
	Chain
	own    string // of an altered last row: the hash that its bytes give
	behind int64  // rows after the one that FILE.head names
	batch  int64  // how many of them were added at once
}

// place is a row that a head names: its ledger_id, and which of that chain it is.
type place struct {
	id   string
	rows int64
}

// gap is a row that does not follow the one before it: the chain's hash there,
// and the one that the row asks for.
type gap struct {
	finding    int
	had, asked string
}

func (v *verifier) readHeader(line []byte) error {
	v.header = append(v.header, line...)
	if schemaOf(strings.TrimSuffix(string(line), "\n")) != "" && line[len(line)-1] == '\n' {
		names, err := v.cells.split(v.header)
		if err == nil {
			v.columns, v.v1, err = columns(names, nil)
		}
		return err
	}
	// One changed byte must be a finding, and a picture no ledger. Something
	// of the header is left in the first.
	if e := foreign("", string(line)); e.What == CodeCarbon || e.What == Unknown && alike(string(line), Header) < len(Header)/2 {
		return e
	}
	v.strange = true
	v.find(Finding{Kind: HeaderChanged, Line: 1, Text: "the header is not that of a ledger of this version"})
	return nil
}

// alike counts the bytes that two strings share at their start and at their end.
func alike(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	a, b = a[n:], b[n:]
	for i := 1; i <= len(a) && i <= len(b) && a[len(a)-i] == b[len(b)-i]; i++ {
		n++
	}
	return n
}

func (v *verifier) find(f Finding) {
	v.Faults++
	if len(v.Findings) < maxFindings {
		v.Findings = append(v.Findings, f)
	}
}

func (v *verifier) add(line []byte, n int64) {
	if line[len(line)-1] != '\n' && len(line) < MaxRow {
		v.find(Finding{Kind: Torn, Row: v.Rows + 1, Line: n, Text: "the last line has no line end: what a crash left of a row, or a cut"})
		return
	}
	v.Rows++
	at := Finding{Row: v.Rows, Line: n}
	row, ok := parseLink(line)
	if !ok {
		at.Kind, at.Text = Altered, "the line is not a row that ends in two hashes"
		if string(line) == string(v.header) {
			at.Kind, at.Text = Inserted, "the header stands here again"
		}
		v.find(at)
		v.seen = append(v.seen, 0)
		v.loose = true
		return
	}
	at.LedgerID = row.id
	own := rowHash(row.previous, row.body)
	c := v.chains[row.id]
	if own != row.hash {
		at.Kind, at.Text = Altered, "the row does not match its hash"
		v.find(at)
		// The ledger_id may be what was altered: the row before tells.
		if c == nil || c.Head.Hash != row.previous {
			c = v.endingIn(row.previous, c)
		}
	} else {
		c = v.follow(row, c, at)
	}
	v.loose = c == nil && own != row.hash
	v.seen = append(v.seen, prefix(row.hash))
	if c == nil {
		return
	}
	c.Head.Hash, c.own = row.hash, own
	c.Head.Rows++
	c.Since++
	c.behind++
	v.look(line, own == row.hash, c, at)
	for i := range v.heads {
		switch h := &v.heads[i]; {
		case h.Hash != row.hash && h.Hash != own:
		case h.beside:
			h.at = place{c.Head.LedgerID, c.Head.Rows}
			c.behind, c.batch = 0, 0
		default:
			h.at = place{c.Head.LedgerID, c.Head.Rows}
			c.Held, c.Since = true, 0
		}
	}
}

// look looks into a row that has its place in a chain. What is wrong with one
// that was altered was found already.
func (v *verifier) look(line []byte, sound bool, c *chain, at Finding) {
	if v.columns == nil {
		return
	}
	row, err := readRow(line, &v.cells, v.columns)
	if err == nil && v.v1 {
		err = row.FromV1()
	}
	if err == nil {
		err = row.Impossible()
	}
	switch {
	case !sound:
	case err != nil:
		at.Kind, at.Text = Impossible, err.Error()
		v.find(at)
	case row.RunID != "" && !v.runs.Add(row.RunID):
		at.Kind, at.Text = Repeated, fmt.Sprintf("run %.40s has a row already", row.RunID)
		v.find(at)
	case strings.Contains(row.Details, lostHead):
		v.lostHead(row.Details, at)
	}
	if err != nil {
		return
	}
	if c.behind == 1 && strings.Contains(row.Details, batchRows) {
		var d struct {
			Rows int64 `json:"batch_rows"`
		}
		_ = json.Unmarshal([]byte(row.Details), &d) // then it was no batch
		c.batch = d.Rows
	}
	if v.row != nil {
		v.row(&row, sound, at)
	}
}

// lostHead tells of rows that were gone when a row was added: FILE.head, which was
// replaced then, named one that the chain did not end with.
func (v *verifier) lostHead(details string, at Finding) {
	var d struct {
		Head *Head `json:"lost_head"`
	}
	if json.Unmarshal([]byte(details), &d) != nil || d.Head == nil {
		return
	}
	at.Kind = LostHead
	at.Text = fmt.Sprintf("FILE.head named row %d, %.64s, when this row was added, and the ledger did not end with it: rows were cut off, or the chain rebuilt", d.Head.Rows, d.Head.Hash)
	v.find(at)
}
