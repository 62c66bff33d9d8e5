package ledger

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/carbonctl/carbonctl/runs"
)

// A Check verifies ledgers with the files beside them: FILE.head always, its signature where
// one is asked for, and the kept runs. The zero value holds nothing from elsewhere.
type Check struct {
	// Heads are held elsewhere, where who can change the ledger cannot change
	// them. Without one a ledger that was put back to an older state, its head
	// and signature with it, is not seen.
	Heads []Head
	// Signed returns why a signature of FILE.head proves nothing, nil if it is
	// good. nil looks for no signature.
	Signed func(head, sig []byte) error
	// AllowUnsigned takes rows that no good signature covers.
	AllowUnsigned bool
	// Through is what a file's bytes go through as they are read, so that it can be seen
	// how far that is; size is 0 where it is not known. nil is nothing.
	Through func(path string, from io.Reader, size int64) io.Reader
}

// A SignatureError reports that FILE.head has no valid signature.
type SignatureError struct{ Err error }

func (e *SignatureError) Error() string { return e.Err.Error() }

func (e *SignatureError) Unwrap() error { return e.Err }

// File checks the ledger at path, which may be compressed by gzip or reached by a
// link. A missing or wrong signature is a *SignatureError beside the Result; with
// other errors the Result has what was seen until then. A missing ledger whose
// head is there is one that was removed: a finding.
func (c Check) File(path string) (Result, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	v := newVerifier(c.Heads)
	base := strings.TrimSuffix(real, ".gz")
	f, err := os.Open(real)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return v.Result, err
	}
	var text io.Reader = strings.NewReader("") // removed, if its head is still there
	head, headErr := readSide(base + ".head")
	switch {
	case f != nil:
		defer f.Close()
		if text, head, headErr, err = c.consistent(f, base); err != nil {
			return v.Result, err
		}
	case headErr != nil:
		return v.Result, err
	}
	signErr := c.beside(v, base, head, headErr)
	v.row = func(row *runs.Row, sound bool, at Finding) {
		if c.Signed != nil && signErr == nil {
			c.unsignedBefore(v, row, at)
		}
		if sound && row.RunHash != "" {
			// One that is not there any more was kept long enough.
			switch _, err := openKept(base, row); {
			case err == nil, errors.Is(err, fs.ErrNotExist):
			case errors.Is(err, errCut), errors.Is(err, fs.ErrPermission):
				if len(v.Unseen) < maxFindings {
					v.Unseen = append(v.Unseen, fmt.Sprintf("kept run %s: %v", row.RunID, err))
				}
			default:
				at.Kind, at.Text = RunChanged, "the kept run: "+err.Error()
				v.find(at)
			}
		}
	}
	if err := v.read(text); err != nil {
		return v.Result, err
	}
	v.finish()
	if c.Signed != nil && signErr == nil {
		c.unsigned(v)
	}
	return v.Result, signErr
}

// consistent gives a ledger as long as it was when FILE.head was read: rows that
// are added meanwhile are no finding.
func (c Check) consistent(f *os.File, base string) (text io.Reader, head []byte, headErr, err error) {
	size := int64(0)
	for range 20 {
		head, headErr = readSide(base + ".head")
		info, err := f.Stat()
		if err != nil {
			return nil, nil, nil, err
		}
		text, size = f, 0
		if info.Mode().IsRegular() {
			size = info.Size()
			text = io.NewSectionReader(f, 0, size)
		}
		if now, _ := readSide(base + ".head"); bytes.Equal(now, head) {
			break
		}
	}
	if c.Through != nil {
		text = c.Through(f.Name(), text, size)
	}
	text, err = unpacked(text)
	return text, head, headErr, err
}

// beside takes FILE.head, and checks its signature.
func (c Check) beside(v *verifier, base string, b []byte, err error) error {
	if err != nil {
		if c.Signed != nil {
			return &SignatureError{err}
		}
		switch {
		case errors.Is(err, errNotRegular):
			v.find(Finding{Kind: WrongHead, Text: fmt.Sprintf("FILE.head: %v", err)})
		case !errors.Is(err, fs.ErrNotExist):
			v.Unseen = append(v.Unseen, fmt.Sprintf("FILE.head: %v", err))
		}
		return nil
	}
	heads, err := ParseHeads(b)
	if err != nil {
		v.find(Finding{Kind: WrongHead, Text: fmt.Sprintf("FILE.head: %v", err)})
	}
	defer func() { // after the signed ones, which tell more
		for _, h := range heads {
			v.heads = append(v.heads, witness{Head: h, name: "FILE.head", beside: true})
		}
	}()
	sig, sigErr := readSide(base + ".head.sig")
	switch {
	case c.Signed == nil:
		if sigErr == nil {
			v.Unseen = append(v.Unseen, "the signature "+base+".head.sig: no allowed signers were given")
		}
		return nil
	case sigErr != nil:
		return &SignatureError{sigErr}
	case err != nil:
		return &SignatureError{err}
	}
	if err := c.Signed(b, sig); err != nil {
		return &SignatureError{fmt.Errorf("%s.head.sig: %w", base, err)}
	}
	for _, h := range heads {
		v.heads = append(v.heads, witness{Head: h, name: "the signed head", signed: true})
	}
	return nil
}

// unsigned tells of what the signature does not cover, once the file is read.
func (c Check) unsigned(v *verifier) {
	if len(c.Heads) == 0 {
		v.Unseen = append(v.Unseen, "rollback to an older signed state: no head kept elsewhere was given")
	}
	for _, id := range v.order {
		var since, rows int64 = v.chains[id].Head.Rows, v.chains[id].Head.Rows
		for _, w := range v.heads {
			if w.signed && w.at.id == id {
				since = rows - w.at.rows
			}
		}
		if since > 0 {
			c.tell(v, Finding{Row: v.Rows + 1, Line: v.lines + 1, LedgerID: id,
				Text: fmt.Sprintf("%d of %d rows of this chain are not covered by the signature", since, rows)})
		}
	}
}

// unsignedBefore tells of rows that were not signed when they were added: a later
// signature covers them, but whoever signed did not see them come.
func (c Check) unsignedBefore(v *verifier, row *runs.Row, at Finding) {
	if strings.Contains(row.Details, `"unsigned_before"`) {
		at.Text = "rows before this one were not signed when they were added: the signature does not vouch for them"
		c.tell(v, at)
	}
}

func (c Check) tell(v *verifier, f Finding) {
	if c.AllowUnsigned {
		if len(v.Unseen) > maxFindings {
			return
		}
		v.Unseen = append(v.Unseen, fmt.Sprintf("line %d: %s", f.Line, f.Text))
		return
	}
	f.Kind = Unsigned
	v.find(f)
}

// unpacked reads through gunzip where a file is compressed: its first bytes tell.
func unpacked(f io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(f, 64<<10)
	if start, _ := b.Peek(2); !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return b, nil // what ails the file its reader will tell
	}
	return gzip.NewReader(b)
}
