package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/ledger/sshsig"
	"github.com/carbonctl/carbonctl/report"
)

// verdict is what verify answers for one file.
type verdict struct {
	File string `json:"file"`
	OK   bool   `json:"ok"`
	ledger.Result
	Signature *signature `json:"signature"` // nil: none was looked for
}

// A signature is that of FILE.head, checked.
type signature struct {
	OK     bool           `json:"ok"`
	Signer *sshsig.Signer `json:"signer"` // nil where it proves nothing
	Head   *ledger.Head   `json:"head"`   // which was signed
	Text   string         `json:"text"`   // what is wrong
}

// verifying is one run of verify.
type verifying struct {
	heads   []ledger.Head
	signers []byte // nil: no signature is looked for
}

func (a *app) verify() *cobra.Command {
	var asJSON bool
	var held []string
	var signers string
	cmd := &cobra.Command{
		Use:   "verify FILE…",
		Short: "Check that no row of a ledger was changed since it was written",
		Long: `Check the chain of hashes of ledgers: altered, removed, inserted and reordered
rows are found, and the first is named. A tail that was cut off, or a chain that
was built anew, shows only against a head that you have kept elsewhere: it is
in each result and in its JSON ("ledger"), and FILE.head holds the latest.

With --allowed-signers the signature FILE.head.sig must be that of FILE.head by
one of them, and the rows up to that head must be there. FILE may be compressed
by gzip.

The exit code is 0 if nothing was found, 1 if something was, 2 if a file could
not be checked.`,
		Example: `  carbonctl verify ledger.csv
  carbonctl verify ledger.csv --head 9f2c…
  carbonctl verify ledger.csv --head /backup/ledger.csv.head
  carbonctl verify ledger.csv --allowed-signers auditors`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("verify: which file? Your own ledger is %s", defaultLedger())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var check verifying
			for _, h := range held {
				head, err := heldHead(h)
				if err != nil {
					return err
				}
				check.heads = append(check.heads, head)
			}
			if signers != "" {
				var err error
				if check.signers, err = os.ReadFile(signers); err != nil {
					return fmt.Errorf("verify: --allowed-signers: %w", err)
				}
			}
			good := true
			verdicts := []verdict{}
			var failed error
			for _, path := range args {
				v, err := check.file(path)
				if err != nil {
					failed = errors.Join(failed, err)
					continue
				}
				good = good && v.OK
				verdicts = append(verdicts, v)
				if !asJSON {
					a.printVerdict(v)
				}
			}
			if asJSON {
				if err := printJSON(a.out, verdicts); err != nil {
					return err
				}
			}
			if failed == nil && !good {
				return &exitError{code: exitFinding}
			}
			return failed
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().StringVar(&signers, "allowed-signers", "", "`FILE` with the keys that may sign: a .pub file, or ssh-keygen's list")
	cmd.Flags().StringArrayVar(&held, "head", nil, "`HEAD` that you hold: its hash, or the file that keeps it; may be repeated")
	return cmd
}

// heldHead reads a head as an auditor has it: a hash, or a copy of FILE.head.
func heldHead(s string) (ledger.Head, error) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == 32 {
		return ledger.Head{Hash: s}, nil
	}
	b, err := os.ReadFile(s)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Head{}, fmt.Errorf("verify: --head %q is neither a hash of 64 hexadecimal digits nor a file", short(s, 70))
	}
	if err != nil {
		return ledger.Head{}, fmt.Errorf("verify: --head: %w", err)
	}
	h, err := ledger.ParseHead(b)
	if err != nil {
		return h, fmt.Errorf("verify: --head %s: %w", s, err)
	}
	return h, nil
}

// file checks one ledger: its signature where one is looked for, and its chain.
func (c verifying) file(path string) (verdict, error) {
	v := verdict{File: path}
	heads := c.heads
	head := strings.TrimSuffix(path, ".gz") + ".head"
	if c.signers != nil {
		s, err := signed(head, c.signers)
		if err != nil {
			return v, fmt.Errorf("verify: %w", err)
		}
		v.Signature = &s
		if s.OK {
			heads = append(slices.Clone(heads), *s.Head)
		}
	}
	f, err := input.Open(path)
	if err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	defer f.Close()
	v.Result, err = ledger.Verify(f, heads...)
	if header := (*ledger.HeaderError)(nil); errors.As(err, &header) {
		header.Path = path
	} else if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	v.OK = v.Result.OK() && (v.Signature == nil || v.Signature.OK)
	if v.Signature != nil && v.Signature.OK {
		if err := v.unsigned(path); err != nil {
			return v, fmt.Errorf("verify: %w", err)
		}
	}
	if _, err := os.Stat(head + ".sig"); err == nil && c.signers == nil {
		v.Unseen = append(v.Unseen, head+".sig is a signature: --allowed-signers FILE checks it")
	}
	return v, nil
}

// unsigned tells of rows before which some were added without the key: a later
// signature covers them, but whoever signed did not see them come.
func (v *verdict) unsigned(path string) error {
	f, err := input.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var n int64
	first := ""
	for row, err := range ledger.Read(f, path, "run_id", "details") {
		var details struct {
			Before *string `json:"unsigned_before"`
		}
		if err != nil || !strings.Contains(row.Details, "unsigned_before") || json.Unmarshal([]byte(row.Details), &details) != nil || details.Before == nil {
			continue // lines that are no rows were found already
		}
		if n++; n == 1 {
			first = strings.Clone(row.RunID)
		}
	}
	if n > 0 {
		v.Unseen = append(v.Unseen, fmt.Sprintf("%s of this ledger follow rows that were not signed when they were added, first that of run %s: the signature says nothing of when those came", count(n, "row"), first))
	}
	return nil
}

// signed checks the signature of a head. The error is that of a file that can't
// be read; one that is not there is a signature that proves nothing.
func signed(path string, signers []byte) (signature, error) {
	wrong := func(err error) signature {
		return signature{Text: err.Error()}
	}
	message, err := os.ReadFile(path)
	var sig []byte
	if err == nil {
		sig, err = os.ReadFile(path + ".sig")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return wrong(err), nil
	}
	if err != nil {
		return signature{}, err
	}
	signer, err := sshsig.Check(message, sig, signers)
	if err != nil {
		return wrong(fmt.Errorf("%s.sig: %w", path, err)), nil
	}
	head, err := ledger.ParseHead(message)
	if err != nil {
		return wrong(fmt.Errorf("%s: %w", path, err)), nil
	}
	return signature{OK: true, Signer: &signer, Head: &head}, nil
}

func (a *app) printVerdict(v verdict) {
	what := "nothing was changed, as far as this check can see"
	if !v.OK {
		faults := v.Faults
		if v.Signature != nil && !v.Signature.OK {
			faults++
		}
		what = count(faults, "fault")
	}
	var p report.Page
	p.Title(fmt.Sprintf("%s: %s, %s", v.File, count(v.Rows, "row"), what))
	switch s := v.Signature; {
	case s == nil:
	case s.OK:
		p.Row("signed", "after %s by %s", count(s.Head.Rows, "row"), strings.TrimSpace(s.Signer.Name+" "+s.Signer.Fingerprint))
	default:
		p.Row("signed", "no: %s", s.Text)
	}
	for _, f := range v.Findings {
		p.Row(fmt.Sprintf("line %d", f.Line), "%s: %s", f.Kind, f.Text)
	}
	if n := v.Faults - int64(len(v.Findings)); n > 0 {
		p.Row("", "and %d more", n)
	}
	for _, c := range v.Chains {
		p.Row("head", "after %s:", count(c.Head.Rows, "row"))
		p.Code(c.Head.Hash)
	}
	for _, s := range v.Unseen {
		p.Row("not seen", "%s", s)
	}
	_, _ = p.WriteTo(a.out)
}

// count says how many there are of something: "1 row", "3 rows".
func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
